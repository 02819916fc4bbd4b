import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from service.engine.protocol import EngineError
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import until

Publish = Callable[..., Any]


def values(answer: httpx.Response) -> dict[tuple[str, str], float]:
    """Each sample by its name and its model."""
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {(sample.name, sample.labels.get("model", "")): sample.value for sample in samples}


async def test_metrics_are_what_is_so_when_they_are_read(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    running = asyncio.create_task(service.client.get("/generate"))
    await engine.begun()
    waiting = asyncio.create_task(service.client.get("/generate?n=5"))
    await until(lambda: service.catalogue.models["tiny"].batcher.waiting_rows == 5)
    found = values(await service.client.get("/metrics"))
    assert found["figment_waiting_images", "tiny"] == 5.0
    assert found["figment_served_version", "tiny"] == 1.0
    assert found["figment_requests_in_progress", ""] == 3.0  # those two, and this one
    engine.gate.set()
    await asyncio.gather(running, waiting)
    assert values(await service.client.get("/metrics"))["figment_waiting_images", "tiny"] == 0.0


async def test_a_refused_version_is_counted(serve: Serve, publish: Publish) -> None:
    publish("tiny")
    async with serve(faults={"tiny": EngineError("burst")}) as service:
        answer = await service.client.get("/metrics")
    found = values(answer)
    assert 'figment_versions_refused_total{reason="engine"} 1.0' in answer.text
    assert ("figment_served_version", "tiny") not in found
