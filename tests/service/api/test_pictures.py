"""Hang-ups over a real socket, and how a request is written down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
import uvicorn
from pydantic import BaseModel

from bundle.store import Store
from service.api.parameters import GenerateQuery, ImageQuery, InterpolateQuery
from service.api.pictures import replay_path
from service.catalogue import Model
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import PATIENCE, until


@pytest.mark.parametrize(
    ("asked", "query", "expected"),
    [
        ({"n": 16, "seed": 7}, GenerateQuery(n=16, seed=9), "n=16&seed=7"),
        ({"n": 1, "seed": 7}, GenerateQuery(columns=3), "n=1&seed=7&columns=3"),
        ({"seeds": "1,2,3"}, InterpolateQuery(seeds="1,2,3", loop=True), "seeds=1,2,3&loop=true"),
        ({}, ImageQuery(truncation=0.1 + 0.2), "truncation=0.30000000000000004"),
        ({}, ImageQuery(truncation=1e-7, model="tiny"), "truncation=1e-07"),
    ],
)
def test_a_request_is_written_without_loss_and_without_what_was_left_out(
    asked: dict[str, object], query: BaseModel, expected: str
) -> None:
    model = SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(name="tiny", version=3)))
    assert replay_path("/p", asked, query, cast(Model, model)) == "&".join(
        [f"/p?{expected}", "model=tiny", "version=3"]
    )


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


async def test_the_etag_is_that_of_the_picture_and_of_what_draws_it(service: Service) -> None:
    async def tag(path: str) -> str | None:
        return (await service.client.get(path)).headers.get("ETag")

    first = await tag("/generate?n=4&seed=7")
    assert first is not None
    assert first.startswith('"')
    assert await tag("/generate?seed=7&n=4&model=tiny") == first
    paths = ("/generate?n=5&seed=7", "/generate?n=4&seed=8", "/images/7.png", "/generate?n=4&seed=7&truncation=0.5")
    others = [await tag(path) for path in (*paths, "/interpolate?seeds=1,2")]
    assert len({first, *others}) == 6
    assert await tag("/generate?n=4") is None
    model = service.catalogue.models["tiny"]
    for name in ("precision", "fingerprint"):
        setattr(model, name, "other")
        assert await tag("/generate?n=4&seed=7") not in {first, *others}
