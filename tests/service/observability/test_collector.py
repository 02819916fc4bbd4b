import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from service.engine.protocol import BadImages, EngineError, Memory
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import until

Publish = Callable[..., Any]


def value(service: Service, name: str, **labels: str) -> float | None:
    found: float | None = service.app.state.metrics.registry.get_sample_value(name, labels)
    return found


async def test_a_service_that_is_ready(service: Service) -> None:
    for name, expected in {"figment_ready": 1.0, "figment_wedged": 0.0, "figment_versions_loaded_total": 1.0,
                           "figment_queue_limit_images": 1024.0}.items():  # fmt: skip
        assert value(service, name) == expected, name
    for name, expected in {"figment_waiting_images": 0.0, "figment_oldest_waiting_seconds": 0.0,
                           "figment_slowdown_ratio": 1.0, "figment_served_version": 1.0}.items():  # fmt: skip
        assert value(service, name, model="tiny") == expected, name


async def test_what_waits_and_for_how_long(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    running = asyncio.create_task(service.client.get("/generate?seed=1"))
    await engine.begun()
    waiting = asyncio.create_task(service.client.get("/generate?n=5&seed=2"))
    await until(lambda: value(service, "figment_waiting_images", model="tiny") == 5.0)
    await until(lambda: (value(service, "figment_oldest_waiting_seconds", model="tiny") or 0.0) > 0.01)
    engine.gate.set()
    await asyncio.gather(running, waiting)
    assert value(service, "figment_oldest_waiting_seconds", model="tiny") == 0.0


@pytest.mark.parametrize(
    ("error", "reason"),
    [(BadImages("the same"), "images"), (EngineError("burst"), "engine"), (RuntimeError("x"), "unexpected")],
    ids=repr,
)
async def test_a_refused_version_is_counted_by_its_reason(
    serve: Serve, publish: Publish, error: Exception, reason: str
) -> None:
    publish("tiny")
    async with serve(faults={"tiny": error}) as service:
        assert value(service, "figment_versions_refused_total", reason=reason) == 1.0
        assert value(service, "figment_ready") == 0.0
        assert service.catalogue.refusals.total() == 1


async def test_an_altered_bundle_is_refused_for_its_files(serve: Serve, publish: Publish) -> None:
    (publish("tiny").path / "saved_model.pb").write_bytes(b"other")
    async with serve() as service:
        assert value(service, "figment_versions_refused_total", reason="bundle") == 1.0


async def test_the_memory_of_a_gpu_is_told_where_there_is_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert value(service, "figment_device_memory_bytes", kind="in-use") is None
    monkeypatch.setattr(service.engines["tiny"], "memory", lambda: Memory(10, 30))
    assert value(service, "figment_device_memory_bytes", kind="in-use") == 10.0
    assert value(service, "figment_device_memory_bytes", kind="peak") == 30.0
