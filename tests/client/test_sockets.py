"""Both clients against a server of real sockets: what cannot be seen in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import httpx
import pytest
from figment_client import AsyncFigment, ConnectionFailed, Figment, InvalidArgument, TimedOut

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
PATIENCE = 30  # seconds that a busy machine may take


class Waiting:
    """Takes requests and answers as far as it is told; `left` is set when the client has closed a connection."""

    def __init__(self, beginning: bytes = b"") -> None:
        self.beginning = beginning
        self.asked, self.left = asyncio.Event(), asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.beginning)
        await writer.drain()
        self.asked.set()
        while await reader.read(1024):
            pass
        self.left.set()
        writer.close()


@pytest.fixture
async def waiting(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Waiting, str]]:
    service = Waiting(getattr(request, "param", b""))
    async with await asyncio.start_server(service.handle, "127.0.0.1", 0) as server:
        yield service, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nevent: progress\n"
    b'data: {"step": 1, "steps": 9, "distance": 1.0, "seconds": 0.1, "png": ""}\n\n'
)
HALF = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n\x89PNG"


@pytest.mark.parametrize("waiting", [b"", HALF], indirect=True)
async def test_cancelling_a_call_closes_its_request(waiting: tuple[Waiting, str]) -> None:
    service, url = waiting
    async with AsyncFigment(url) as figment:
        task = asyncio.create_task(figment.generate(seed=7))
        await asyncio.wait_for(service.asked.wait(), PATIENCE)
        assert not service.left.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(service.left.wait(), PATIENCE)


@pytest.mark.parametrize("waiting", [EVENT], indirect=True)
async def test_leaving_a_search_closes_its_request(waiting: tuple[Waiting, str]) -> None:
    service, url = waiting
    async with AsyncFigment(url) as figment:
        async with figment.project(b"\x89PNG") as search:
            async for step in search:
                assert step.steps == 9
                break
            assert not service.left.is_set()
        await asyncio.wait_for(service.left.wait(), PATIENCE)


@pytest.mark.parametrize("waiting", [EVENT], indirect=True)
async def test_cancelling_a_search_closes_its_request(waiting: tuple[Waiting, str]) -> None:
    service, url = waiting

    async def search() -> None:
        async with AsyncFigment(url) as figment, figment.project(b"\x89PNG") as searching:
            await searching.result()

    task = asyncio.create_task(search())
    await asyncio.wait_for(service.asked.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(service.left.wait(), PATIENCE)


@pytest.mark.parametrize("waiting", [b"", HALF], indirect=True)
async def test_the_timeout_is_that_of_each_wait_for_both_clients(waiting: tuple[Waiting, str]) -> None:
    _, url = waiting

    def ask() -> None:
        with Figment(url, timeout=0.05, max_retries=0) as figment:
            figment.generate(seed=7)

    with pytest.raises(TimedOut):
        await asyncio.to_thread(ask)
    async with AsyncFigment(url, timeout=0.05, max_retries=0) as figment:
        with pytest.raises(TimedOut):
            await figment.generate(seed=7)


async def test_a_client_of_ones_own_is_used_with_our_timeout_and_stays_open(waiting: tuple[Waiting, str]) -> None:
    _, url = waiting
    async with httpx.AsyncClient(headers={"User-Agent": "mine"}, timeout=None) as http:
        async with AsyncFigment(url, timeout=0.05, max_retries=0, http=http) as figment:
            with pytest.raises(TimedOut):
                await figment.models()
        assert not http.is_closed


def test_a_synchronous_client_of_ones_own_stays_open_too() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url} {request.headers['User-Agent']}")
        return httpx.Response(200)

    with httpx.Client(headers={"User-Agent": "mine"}, transport=httpx.MockTransport(answer)) as http:
        with Figment("http://test/below", http=http) as figment:
            assert figment.ready()
        assert not http.is_closed
    assert seen == ["http://test/below/readyz mine"]


async def test_a_client_and_a_transport_are_not_given_together() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client() as http, pytest.raises(InvalidArgument, match="one of the two"):
        Figment(http=http, transport=transport)
    async with httpx.AsyncClient() as http_async:
        with pytest.raises(InvalidArgument, match="one of the two"):
            AsyncFigment(http=http_async, transport=transport)


async def test_nobody_at_that_address_is_a_failed_connection() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    async with AsyncFigment(url, max_retries=0) as figment:
        with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
            await figment.ready()
