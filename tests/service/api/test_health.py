import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bundle.store import Store
from service.engine.protocol import EngineError
from tests.service.conftest import Serve, Service

Check = Callable[[httpx.Response, str], dict[str, Any]]
Publish = Callable[..., Any]

PICTURES = ["/generate", "/images/7.png", "/interpolate"]


async def refused(service: Service, problem: Check, reason: str) -> None:
    """The service lives, says that it is not ready and why, and answers every request for images so."""
    assert (await service.client.get("/livez")).json()["status"] == "live"
    for path in ["/readyz", *PICTURES]:
        answer = await service.client.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert reason in problem(answer, "not-ready")["detail"]


async def test_a_ready_service_names_its_models(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready", "models": ["tiny/1"], "skipped": []}
    assert (await client.get("/livez")).json()["status"] == "live"


async def test_while_models_load_it_is_not_ready_and_lives(
    serve: Serve, store: Store, publish: Publish, problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("tiny")
    scanned = threading.Event()
    names = Store.names

    def held(self: Store) -> list[str]:
        assert scanned.wait(30)
        return names(self)

    monkeypatch.setattr(Store, "names", held)
    async with serve(wait=False) as service:
        await refused(service, problem, "starting")
        answer = await service.client.get("/generate?model=tiny")  # may well come: not unknown yet
        assert answer.status_code == 503
        scanned.set()
        await service.loaded()
        assert (await service.client.get("/readyz")).status_code == 200


async def test_a_missing_store_is_the_reason(serve: Serve, problem: Check) -> None:
    async with serve() as service:
        await refused(service, problem, "the store: the store's folder does not exist")


async def test_an_empty_store_is_the_reason(serve: Serve, store: Store, problem: Check) -> None:
    store.root.mkdir()
    async with serve() as service:
        await refused(service, problem, "the store is empty")


async def test_a_half_copied_bundle_is_the_reason(serve: Serve, publish: Publish, problem: Check) -> None:
    bundle = publish("tiny")
    (bundle.path / "assets.extra" / "manifest.json").unlink()
    async with serve() as service:
        await refused(service, problem, "tiny/1: it has no assets.extra/manifest.json")


async def test_an_altered_bundle_is_the_reason(serve: Serve, publish: Publish, problem: Check) -> None:
    bundle = publish("tiny")
    (bundle.path / "saved_model.pb").write_bytes(b"other")
    async with serve() as service:
        await refused(service, problem, "tiny/1: saved_model.pb was altered")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EngineError("it draws the same image for every latent"), "it draws the same image"),
        (RuntimeError("/etc/secret"), "an unexpected RuntimeError"),
        (MemoryError(), "an unexpected MemoryError"),
    ],
    ids=repr,
)
async def test_a_model_that_does_not_load_is_the_reason(
    serve: Serve, publish: Publish, problem: Check, error: Exception, reason: str
) -> None:
    publish("tiny")
    async with serve(faults={"tiny": error}) as service:
        await refused(service, problem, f"tiny/1: {reason}")
        assert "/etc/secret" not in (await service.client.get("/readyz")).text


async def test_a_store_that_cannot_be_read_is_the_reason(
    serve: Serve, problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(self: Store) -> None:
        raise PermissionError(13, "Permission denied", "/etc/secret")

    monkeypatch.setattr(Store, "strangers", burst)
    async with serve() as service:
        await refused(service, problem, "the store: an unexpected PermissionError")


async def test_a_default_model_that_is_not_there_is_the_reason_and_the_others_are_served(
    serve: Serve, publish: Publish, problem: Check
) -> None:
    publish("tiny")
    async with serve(default_model="gone") as service:
        await refused(service, problem, "FIGMENT_DEFAULT_MODEL is 'gone'; there are: tiny")
        assert (await service.client.get("/generate?model=tiny")).status_code == 200


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the clock of every device go on by 100 s when it is called."""
    import time

    later = [0.0]
    monkeypatch.setattr("service.engine.device.Device.now", lambda self: time.monotonic() + later[0])
    return lambda: later.append(later.pop() + 100.0)


async def test_a_device_that_hangs_makes_the_service_neither_live_nor_ready(
    service: Service, problem: Check, hanging: Callable[[], None]
) -> None:
    engine, device = service.engines["tiny"], service.catalogue.device
    device._clock = device.now
    engine.gate.clear()
    asked = asyncio.create_task(service.client.get("/generate?seed=7"))
    await engine.begun()
    assert (await service.client.get("/livez")).status_code == 200
    hanging()
    answer = await service.client.get("/livez")
    assert answer.status_code == 503
    assert "a batch of 1 of tiny/1 has run for 100 s" in problem(answer, "not-live")["detail"]
    assert "the device hangs" in problem(await service.client.get("/readyz"), "not-ready")["detail"]
    foreign = await service.client.get("/v2/health/live")
    assert (foreign.status_code, foreign.json()) == (400, {"live": False})
    assert "figment_wedged 1.0" in (await service.client.get("/metrics")).text
    engine.gate.set()
    assert (await asked).status_code == 200
    assert (await service.client.get("/livez")).status_code == 200
    assert (await service.client.get("/readyz")).status_code == 200


async def test_how_long_a_batch_may_take_is_a_setting(
    serve: Serve, tiny_store: Store, hanging: Callable[[], None]
) -> None:
    async with serve(tiny_store, wedged=200.0) as service:
        engine, device = service.engines["tiny"], service.catalogue.device
        device._clock = device.now
        engine.gate.clear()
        asked = asyncio.create_task(service.client.get("/generate?seed=7"))
        await engine.begun()
        hanging()
        assert (await service.client.get("/livez")).status_code == 200
        hanging()
        hanging()
        assert (await service.client.get("/livez")).status_code == 503
        engine.gate.set()
        await asked


async def test_while_it_stops_it_is_not_ready_and_serves_on(service: Service, problem: Check) -> None:
    service.catalogue.stopping = True
    answer = await service.client.get("/readyz")
    assert problem(answer, "not-ready")["detail"] == "stopping"
    assert (await service.client.get("/livez")).status_code == 200
    assert (await service.client.get("/generate")).status_code == 200


async def test_a_load_that_ends_while_it_stops_does_not_make_it_ready(serve: Serve, publish: Publish) -> None:
    publish("tiny")
    async with serve(wait=False) as service:
        service.catalogue.stopping = True
        await service.loaded()
        assert (await service.client.get("/readyz")).status_code == 503


async def test_closing_answers_what_waits(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    asked = asyncio.create_task(service.client.get("/generate?n=40"))
    await engine.begun()
    closing = asyncio.create_task(service.catalogue.close())
    for _ in range(5):  # until the queue is closed
        await asyncio.sleep(0)
    assert (await service.client.get("/generate")).status_code == 503
    engine.gate.set()
    assert (await asked).status_code == 200
    await closing
    assert (await service.client.get("/generate")).status_code == 503


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_health_answers_whatever_is_asked(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{path}?probe=1")).status_code == 200
