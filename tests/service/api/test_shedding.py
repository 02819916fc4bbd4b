"""Requests that could not be answered in time are refused before anything is done for them."""

import asyncio
from typing import Any

import pytest

from tests.service.conftest import Serve, Service
from tests.service.fake_engine import until


def make_slow(service: Service) -> None:
    """As after batches that took far longer than at warm-up."""
    for model in service.catalogue.models.values():
        model.batcher._lane.slowdown = 1e6


@pytest.mark.parametrize("path", ["/generate", "/images/7.png", "/interpolate", "/generate?n=oh"])
async def test_pictures_are_refused_while_one_more_image_would_be_late(
    service: Service,
    problem: Any,  # noqa: ANN401
    path: str,
) -> None:
    make_slow(service)
    engine = service.engines["tiny"]
    engine.gate.clear()
    first = asyncio.create_task(service.client.get("/generate?seed=1"))  # an idle device takes any
    await engine.begun()
    answer = await service.client.get(path)
    body = problem(answer, "overloaded")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert "may be expected" in body["detail"]
    for other in ("/models", "/livez", "/readyz", "/metrics", "/openapi.json"):
        assert (await service.client.get(other)).status_code == 200
    engine.gate.set()
    assert (await first).status_code == 200
    await until(lambda: not service.catalogue.device._schedule.running)
    assert (await service.client.get("/generate")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/tiny/infer",
        "/v2/models/tiny/versions/1/infer",
        "/v1/models/tiny:predict",
        "/v1/models/tiny/versions/1:predict",
        "/v1/images/generations",
    ],
)
async def test_inference_by_other_protocols_is_refused_in_their_shapes(service: Service, path: str) -> None:
    make_slow(service)
    engine = service.engines["tiny"]
    engine.gate.clear()
    first = asyncio.create_task(service.client.get("/generate?seed=1"))
    await engine.begun()
    answer = await service.client.post(path, content=b"not read")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    error = answer.json()["error"]
    assert "may be expected" in (error["message"] if "images" in path else error)
    for other in ("/v2/models/tiny", "/v2/models/tiny/ready", "/v1/models", "/v1/models/tiny", "/v2/health/ready"):
        assert (await service.client.get(other)).status_code == 200
    engine.gate.set()
    await first


async def test_a_model_that_has_room_is_asked(serve: Serve, publish: Any) -> None:  # noqa: ANN401
    publish("alpha")
    publish("beta")
    async with serve(queue=64) as service:
        engine = service.engines["alpha"]
        engine.gate.clear()
        service.engines["beta"].gate.clear()
        waiting = [asyncio.create_task(service.client.get("/generate?n=16&seed=0"))]
        await engine.begun()
        for seed in (100, 200, 300, 400):
            waiting.append(asyncio.create_task(service.client.get(f"/generate?n=14&seed={seed}")))
        await until(lambda: service.catalogue.models["alpha"].batcher.waiting_rows == 56)
        for seed in range(1000, 1008):
            waiting.append(asyncio.create_task(service.client.get(f"/generate?n=1&seed={seed}")))
        await until(lambda: service.catalogue.models["alpha"].batcher.waiting_rows == 64)
        assert service.catalogue.device.refusal(30.0) is None
        assert (await service.client.get("/generate?n=1&seed=7")).status_code == 503
        waiting.append(asyncio.create_task(service.client.get("/generate?n=1&seed=7&model=beta")))
        for each in service.engines.values():
            each.gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


async def test_without_a_model_the_answer_is_the_usual_one(serve: Serve, store: Any) -> None:  # noqa: ANN401
    store.root.mkdir(parents=True, exist_ok=True)
    async with serve() as service:
        assert (await service.client.get("/generate")).json()["type"] == "/problems/not-ready"
