"""Loads on 127.0.0.1: closed, so many connections that each wait for their answer, and open, at a constant rate."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench.sampling import percentile

SLOWEST = 120.0
"""Seconds after which an answer counts as lost."""


@dataclass
class Load:
    """What came back: the latencies of the answers in seconds, those that were refused, and those that failed.

    `answered` are the answers that came within the measurement, whenever their requests were sent.
    """

    seconds: float
    latencies: list[float] = field(default_factory=list)
    answered: int = 0
    refused: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that `share` of the answers stay below, in seconds; none is endless."""
        return percentile(self.latencies, share)

    def count(self, status: int, latency: float) -> None:
        """Note an answer."""
        if status == 200:
            self.latencies.append(latency)
        elif status in (503, 504, 429):
            self.refused += 1
        else:
            self.failed += 1
            self.errors.append(str(status))


class Connection:
    """One HTTP/1.1 connection that is kept, and opened anew when the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """The status of an answer, whose body is read to its end; 0 if there was none."""
        try:
            async with asyncio.timeout(SLOWEST):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                return await self._exchange(*self._streams, path)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            await self.close()
            return 0

    async def close(self) -> None:
        """Close it."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with suppress(OSError):
                await streams[1].wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if "transfer-encoding: chunked" in head:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        else:
            await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        if "connection: close" in head:
            await self.close()
        return int(head.split(" ", 2)[1])


async def run_load(port: int, path: Callable[[int], str], connections: int, seconds: float, warm: float = 2.0) -> Load:
    """Load a port for `seconds`, after `warm` seconds that do not count; `path` gives the i-th request's."""
    begin = time.perf_counter() + warm
    load, numbers = Load(seconds), iter(range(1 << 62))

    async def visit() -> None:
        connection = Connection(port)
        while (sent := time.perf_counter()) < begin + seconds:
            status = await connection.get(path(next(numbers)))
            done = time.perf_counter()
            if begin <= done <= begin + seconds:
                load.count(status, done - sent)
                load.answered += status == 200
            if status != 200:
                await asyncio.sleep(0.01)
        await connection.close()

    await asyncio.gather(*(visit() for _ in range(connections)))
    return load


async def run_open_load(port: int, path: Callable[[int], str], rate: float, seconds: float, warm: float = 2.0) -> Load:
    """Send `rate` requests a second whether or not others were answered.

    A latency counts from the moment when its request should have been sent, so that a server which holds up the
    senders does not look better for it (the coordinated omission that Gil Tene describes). Requests of the first
    `warm` seconds do not count.
    """
    load, free = Load(seconds), deque[Connection]()
    begin = time.perf_counter()

    async def visit(number: int) -> None:
        due = begin + number / rate
        connection = free.popleft() if free else Connection(port)
        status = await connection.get(path(number))
        free.append(connection)
        done = time.perf_counter()
        if due >= begin + warm:
            load.count(status, done - due)
        load.answered += status == 200 and begin + warm <= done <= begin + warm + seconds

    visits = set()
    for number in range(int((warm + seconds) * rate)):
        if (wait := begin + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        visits.add(task := asyncio.create_task(visit(number)))
        task.add_done_callback(visits.discard)
    while visits:
        await asyncio.wait(visits)
    for connection in free:
        await connection.close()
    return load
