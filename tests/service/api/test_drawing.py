"""Hang-ups over a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn

from bundle.store import Store
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import PATIENCE, until


@contextlib.asynccontextmanager
async def listening(service: Service) -> AsyncIterator[int]:
    """The port of a real server in front of the application."""
    config = uvicorn.Config(service.app, port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    server.config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        for listener in server.servers:
            listener.close()


@contextlib.asynccontextmanager
async def asked(port: int, target: str, method: str = "GET") -> AsyncIterator[asyncio.StreamReader]:
    """What is answered to a request; leaving hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: figment\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    try:
        yield reader
    finally:
        writer.close()
        await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> int:
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("path", ["/generate?n=8", "/interpolate?frames=8"])
async def test_the_rows_of_a_client_that_hung_up_leave_the_queue(serve: Serve, tiny_store: Store, path: str) -> None:
    async with serve(tiny_store) as service, listening(service) as port:
        engine, batcher = service.engines["tiny"], service.catalogue.models["tiny"].batcher
        engine.gate.clear()
        async with asked(port, "/images/1.png") as first:
            await engine.begun()
            async with asked(port, path):
                await until(lambda: batcher.waiting_rows == 8)
            await until(lambda: batcher.waiting_rows == 0)
            async with asked(port, "/images/2.png") as neighbour:
                await until(lambda: batcher.waiting_rows == 1)
                engine.gate.set()
                assert [await status(first), await status(neighbour)] == [200, 200]
        assert engine.sizes == [1, 1]


async def test_a_client_that_hangs_up_while_its_batch_runs_disturbs_nobody(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store) as service, listening(service) as port:
        engine, batcher = service.engines["tiny"], service.catalogue.models["tiny"].batcher
        engine.gate.clear()
        async with asked(port, "/generate?n=3"):
            await engine.begun()
        async with asked(port, "/images/2.png") as neighbour:
            await until(lambda: batcher.waiting_rows == 1)
            engine.gate.set()
            assert await status(neighbour) == 200


async def test_head_over_a_socket_has_the_length_and_no_body(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store) as service, listening(service) as port:
        async with asked(port, "/images/7.png", "HEAD") as reader:
            head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")
        assert b"content-type: image/png" in head
        assert b"content-length: " in head
        assert body == b""
