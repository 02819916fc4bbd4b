"""What a generator replica tells Prometheus, without Ray and on the fake engine."""

import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from bench.server import free_port
from bundle.latents import latents_of
from deploy.ray import metrics
from deploy.ray.generator import Generator
from deploy.ray.metrics import OnLoop, tell
from tests.deploy.test_ray_generator import replica, wanted  # noqa: F401 (a fixture)
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import FakeEngine

HOST = "127.0.0.1"


async def told(port: int) -> str:
    """What is answered there, once somebody listens."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        while True:
            try:
                return (await client.get(f"http://{HOST}:{port}/metrics")).text
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


async def test_batches_and_models_are_told_of(replica: tuple[Generator, FakeEngine]) -> None:  # noqa: F811
    generator, _ = replica
    port = free_port()
    telling = asyncio.create_task(tell(generator.registry, HOST, port))
    model = await wanted(generator)
    for seed in (1, 2, 3):
        await generator.generate(model, latents_of(range(seed, seed + 5), LATENT_DIM), 30.0)
    text = ""
    for _ in range(1000):  # what is learnt of a batch comes after its answer
        text = await told(port)
        if 'figment_batch_rows_total{model="tiny"} 15.0' in text:
            break
    assert 'figment_batch_rows_total{model="tiny"} 15.0' in text
    assert 'figment_served_version{model="tiny"} 1.0' in text
    assert "figment_ready 1.0" in text
    telling.cancel()
    await asyncio.wait([telling])
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((HOST, port))  # it is free


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """Somebody else who listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other


async def test_a_port_that_is_taken_is_tried_until_it_is_free(
    taken: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "AGAIN", 0.02)
    port = int(taken.getsockname()[1])
    registry = CollectorRegistry()
    Counter("apples", "Apples.", registry=registry).inc(7)
    telling = asyncio.create_task(tell(registry, HOST, port))
    await asyncio.sleep(0.2)
    assert not telling.done()
    taken.close()
    assert "apples_total 7.0" in await told(port)
    (told_of,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "Address already in use" in told_of.getMessage()
    telling.cancel()
    await asyncio.wait([telling])


async def test_the_event_loop_reads_what_is_its_own() -> None:
    loops = []

    class Where(CollectorRegistry):
        def collect(self) -> list[object]:  # type: ignore[override]
            loops.append(asyncio.get_running_loop())
            return []

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(OnLoop(Where(), loop).collect) == []
    assert loops == [loop]
