"""The generators of load, on a server that takes as long as it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bench.load import Connection, run_load, run_open_load

Answer = Callable[[int], tuple[float, bytes]]
"""Of the i-th request: seconds until its answer, and the answer."""

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
WRONG = b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[int, list[str]]]:
    paths: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                paths.append(head.decode().split()[1])
                seconds, content = answer(len(paths) - 1)
                await asyncio.sleep(seconds)
                writer.write(content)
                if content == CLOSING or not content:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1], paths


@pytest.mark.parametrize("content", [GOOD, CHUNKED, CLOSING])
async def test_a_connection_reads_every_kind_of_answer_to_its_end(content: bytes) -> None:
    async with server(lambda i: (0.0, content)) as (port, paths):
        connection = Connection(port)
        assert [await connection.get(f"/{i}") for i in range(5)] == [200] * 5
        assert paths == [f"/{i}" for i in range(5)]
        await connection.close()


async def test_a_closed_load_counts_what_is_answered_refused_and_failed() -> None:
    answers = [GOOD, FULL, GOOD, WRONG, b""]
    async with server(lambda i: (0.001, answers[i % 5])) as (port, _):
        load = await run_load(port, lambda i: f"/{i}", 3, 0.5, warm=0.05)
    assert load.latencies
    assert min(load.latencies) > 0.001
    assert load.refused > 0
    assert load.failed > 0
    assert set(load.errors) == {"500", "0"}


@pytest.mark.parametrize("connections", [1, 4])
async def test_a_closed_load_keeps_so_many_requests_under_way(connections: int) -> None:
    under_way, most = 0, 0

    def answer(i: int) -> tuple[float, bytes]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        asyncio.get_running_loop().call_later(0.01, finished)
        return 0.01, GOOD

    def finished() -> None:
        nonlocal under_way
        under_way -= 1

    async with server(answer) as (port, _):
        await run_load(port, lambda i: "/", connections, 0.2, warm=0.0)
    assert connections <= most <= 2 * connections


async def test_an_open_load_sends_its_requests_whether_or_not_others_are_answered() -> None:
    async with server(lambda i: (0.3, GOOD)) as (port, paths):
        load = await run_open_load(port, lambda i: f"/{i}", 100, 0.4, warm=0.2)
    assert len(paths) == 60
    assert sorted(paths, key=lambda path: int(path[1:])) == [f"/{i}" for i in range(60)]
    assert len(load.latencies) == 40
    assert load.rate == pytest.approx(75, rel=0.2)  # those sent in the first 0.3 s are answered from 0.3 to 0.6 s
    assert load.percentile(0.5) >= 0.3


async def test_a_latency_counts_from_when_its_request_should_have_been_sent() -> None:
    """Here nothing is sent for half a second, since the event loop is held up: that is the server's debt."""
    import time

    async with server(lambda i: (0.0, GOOD)) as (port, _):
        asyncio.get_running_loop().call_later(0.1, time.sleep, 0.5)
        load = await run_open_load(port, lambda i: "/", 50, 1.0, warm=0.0)
    assert len(load.latencies) == 50
    assert load.percentile(0.99) > 0.4
