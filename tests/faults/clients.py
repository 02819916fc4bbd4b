"""Clients that hang up, dawdle, or take all connections, on plain sockets."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial

from tests.faults.lab import Lab, damage, fingerprint
from tests.faults.load import Load
from tests.faults.outcome import Outcome
from tests.faults.replica import Replica, until

HANG_UPS = 1000
TOGETHER = 64
"""Of them at a time."""
SLOW = 12
LARGE = "/generate?n=64&scale=8&format=npz"
"""An answer of 12.6 MB, which no socket's buffer holds."""
LARGE_BYTES = 64 * 256 * 256 * 3
SPARE_FILES = 12
CROWD = 100

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(replica: Replica, small: bool = False) -> Streams:
    """A connection; with `small` its receive buffer takes 4 KiB."""
    if not small:
        return await asyncio.open_connection("127.0.0.1", replica.port)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", replica.port))
    return await asyncio.open_connection(sock=plain, limit=4096)


def hang_up(writer: asyncio.StreamWriter, reset: bool) -> None:
    """Close, with a RST instead of a FIN if `reset`."""
    if reset:
        option = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
    writer.close()


def request(path: str, body: bytes = b"", method: str = "GET") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: figment\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _gone_at_random(replica: Replica, choose: random.Random, small: asyncio.Semaphore) -> str:
    """One client that hangs up at a point of its request; returns which."""
    point = choose.choice(("connected", "in the head", "in the body", "waiting", "in the answer"))
    path = LARGE if point == "in the answer" and choose.random() < 0.1 else f"/generate?n=16&seed={choose.random()}"
    head, posted = request(path), request("/generate", b'{"n": 16, "seed": 7}', "POST")
    async with small:
        reader, writer = await connect(replica)
        try:
            if point == "in the head":
                writer.write(head[: choose.randrange(1, len(head) - 1)])
            elif point == "in the body":
                writer.write(posted[: choose.randrange(len(posted) - 19, len(posted))])
            elif point != "connected":
                writer.write(head)
            await asyncio.sleep(choose.random() * 0.02)
            if point == "in the answer":
                await reader.read(choose.randrange(1, 4096))
        finally:
            hang_up(writer, choose.random() < 0.5)
    return point


async def hang_ups(lab: Lab) -> Outcome:
    """A thousand clients hang up at random points: nobody else notices."""
    outcome = Outcome(f"{HANG_UPS:,} clients hang up at random points")
    store = lab.fake_store("hangups")
    files = fingerprint(store)
    async with lab.fake(store) as (replica, known, before):
        choose, together = random.Random(1), asyncio.Semaphore(TOGETHER)
        async with Load(replica.url, known, clients=4) as load:
            await load.reach(20)
            points = await asyncio.gather(*(_gone_at_random(replica, choose, together) for _ in range(HANG_UPS)))
            outcome.healthy = await replica.healthy(known)
            await load.reach(20)
        assert len(set(points)) == 5
        assert not load.answers.failures, load.answers.failures[:3]
        outcome.count(load.answers)
        outcome.sent += len(points)
        outcome.failed["hung up"] = len(points)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
        assert "Traceback" not in replica.said(), replica.said()[-3000:]
    return outcome


async def _write_slowly(replica: Replica, whole: bool) -> bool:
    """Send a request in small pieces, or all but its end; returns whether it was answered."""
    sent = request("/generate", b'{"n": 2, "seed": 7}', "POST")
    reader, writer = await connect(replica)
    try:
        for start in range(0, len(sent) - (0 if whole else 8), 8):
            writer.write(sent[start : start + 8])
            await asyncio.sleep(0.1)
        return whole and (await reader.readline()).startswith(b"HTTP/1.1 200")
    finally:
        hang_up(writer, not whole)


async def slow_writers(lab: Lab) -> Outcome:
    """Clients that send eight bytes at a time; half of them never end."""
    return await _slow(lab, "slow writers", _write_slowly)


async def _read_slowly(replica: Replica, whole: bool) -> bool:
    """Read an answer of megabytes 4 KiB at a time for a while, then to its end, or hang up in it."""
    reader, writer = await connect(replica, small=True)
    try:
        writer.write(request(LARGE))
        got = 0
        for _ in range(20):
            got += len(await reader.read(4096))
            await asyncio.sleep(0.05)
        while whole and got < LARGE_BYTES:
            piece = await reader.read(2**20)
            assert piece, f"the answer ended after {got} bytes"
            got += len(piece)
        return whole
    finally:
        hang_up(writer, not whole)


async def slow_readers(lab: Lab) -> Outcome:
    """Clients that hardly read a large answer; half of them never to its end."""
    return await _slow(lab, "slow readers", _read_slowly)


async def _slow(lab: Lab, name: str, one: Callable[[Replica, bool], Awaitable[bool]]) -> Outcome:
    outcome = Outcome(name)
    store = lab.fake_store("slow")
    files = fingerprint(store)
    async with lab.fake(store) as (replica, known, before):
        async with Load(replica.url, known, clients=4) as load:
            await load.reach(20)
            slow = asyncio.gather(*(one(replica, i % 2 == 0) for i in range(SLOW)))
            await load.reach(100)
            whole = await slow
            outcome.healthy = await replica.healthy(known)
        assert not load.answers.failures, load.answers.failures[:3]
        outcome.count(load.answers)
        assert whole == [i % 2 == 0 for i in range(SLOW)], whole
        outcome.sent, outcome.answered = outcome.sent + SLOW, outcome.answered + sum(whole)
        outcome.failed["hung up"] = SLOW - sum(whole)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    return outcome


async def _are_hung_up_on(crowd: list[Streams], count: int) -> bool:
    """Whether the service has closed so many connections."""
    return sum(reader.at_eof() or reader.exception() is not None for reader, _ in crowd) >= count


async def files_exhausted(lab: Lab) -> Outcome:
    """No file descriptor is left: who is connected is answered, others are not connected, and later are."""
    outcome = Outcome("file descriptors exhausted")
    store = lab.fake_store("files")
    files = fingerprint(store)
    async with lab.fake(store) as (replica, known, before):
        async with Load(replica.url, known, clients=2) as load:
            await load.reach(20)
            most = replica.limit_files((await replica.usage()).files + SPARE_FILES)
            crowd = await asyncio.gather(*(connect(replica) for _ in range(CROWD)))
            await until(partial(_are_hung_up_on, crowd, CROWD - SPARE_FILES), "as many connected as may have files")
            await load.reach(20)
            for _, writer in crowd:
                hang_up(writer, reset=True)
            replica.limit_files(most)
            outcome.healthy = await replica.healthy(known)
            await load.reach(20)
        assert not load.answers.failures, load.answers.failures[:3]
        outcome.count(load.answers)
        outcome.leaks, outcome.damaged = await replica.leaks(before), damage(store, files)
    outcome.note = f"{CROWD} connections where {SPARE_FILES} fit"
    return outcome
