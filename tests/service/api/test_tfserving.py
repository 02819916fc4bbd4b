import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from service.engine.protocol import EngineError
from tests.service.conftest import LATENT_DIM, Serve, Service
from tests.service.fake_engine import FakeEngine, pixels_of

PATH = "/v1/models/tiny:predict"
ZEROS = [0.0] * LATENT_DIM


def random_latents(seed: int, n: int) -> np.ndarray:
    return np.random.RandomState(seed).randn(n, LATENT_DIM).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
async def test_rows_are_answered_with_predictions_and_columns_with_outputs(
    client: httpx.AsyncClient, seed: int
) -> None:
    latents = random_latents(seed, 3)
    images, rows = pixels_of(latents).tolist(), latents.tolist()
    for asked, answered in (
        ({"instances": rows}, {"predictions": images}),
        ({"instances": [{"latents": row} for row in rows]}, {"predictions": images}),
        ({"inputs": rows}, {"outputs": images}),
        ({"inputs": {"latents": rows}}, {"outputs": images}),
        ({"instances": rows, "signature_name": "serving_default"}, {"predictions": images}),
        ({"instances": rows, "signature_name": ""}, {"predictions": images}),
    ):
        answer = await client.post(PATH, json=asked)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        assert answer.json() == answered


async def test_a_version_is_asked_by_its_number(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    publish("tiny")
    async with serve() as service:
        asked, drawn = {"instances": random_latents(0, 1).tolist()}, pixels_of(random_latents(0, 1))
        for version in (1, 2):
            answer = await service.client.post(f"/v1/models/tiny/versions/{version}:predict", json=asked)
            assert answer.json() == {"predictions": (drawn + np.uint8(version - 1)).tolist()}


WRONG: dict[str, object] = {
    "neither": {},
    "both": {"instances": [ZEROS], "inputs": [ZEROS]},
    "no rows": {"instances": []},
    "no columns": {"inputs": []},
    "an empty object": {"inputs": {}},
    "too many": {"instances": [ZEROS] * 65},
    "too short": {"instances": [ZEROS[1:]]},
    "too long": {"inputs": [[*ZEROS, 0.0]]},
    "one too short": {"instances": [ZEROS, ZEROS[1:]]},
    "flat": {"instances": ZEROS},
    "flat by columns": {"inputs": {"latents": ZEROS}},
    "too deep": {"instances": [[ZEROS]]},
    "mixed": {"instances": [ZEROS, 7]},
    "text": {"instances": [["0"] * LATENT_DIM]},
    "no list": {"inputs": {"latents": "0"}},
    "null": {"instances": [None]},
    "truth": {"instances": [[True] * LATENT_DIM]},
    "huge": {"instances": [[1e39] * LATENT_DIM]},
    "a huge whole number": {"instances": [[10**400] * LATENT_DIM]},
    "another input": {"instances": [{"z": ZEROS}]},
    "one input more": {"inputs": {"latents": [ZEROS], "labels": [1]}},
    "binary": {"instances": [{"b64": "AAAA"}]},
    "another signature": {"instances": [ZEROS], "signature_name": "labelled"},
    "a number as signature": {"instances": [ZEROS], "signature_name": 7},
}


async def test_what_cannot_be_drawn_is_refused_with_the_reason(service: Service) -> None:
    for name, asked in WRONG.items():
        answer = await service.client.post(PATH, json=asked)
        assert answer.status_code == 400, (name, answer.text[:300])
        assert list(answer.json()) == ["error"], name
        assert 10 < len(answer.json()["error"]) < 500, name
    assert service.engines["tiny"].batches == []


async def test_the_status_is_that_of_tensorflow_serving(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    publish("tiny")
    async with serve() as service:
        state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        both = (await service.client.get("/v1/models/tiny")).json()
        assert both["model_version_status"] == [{"version": "2"} | state]
        one = await service.client.get("/v1/models/tiny/versions/1")
        assert one.json() == {"model_version_status": [{"version": "1"} | state]}
        both = (await service.client.get("/v1/models/tiny")).json()
        assert [each["version"] for each in both["model_version_status"]] == ["2", "1"]


async def test_the_metadata_describes_the_signature(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/v1/models/tiny/metadata")).json()
    assert answer == (await client.get("/v1/models/tiny/versions/1/metadata")).json()
    assert answer["model_spec"] == {"name": "tiny", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    latents, images = signature["inputs"]["latents"], signature["outputs"]["images"]
    assert (latents["dtype"], [dim["size"] for dim in latents["tensor_shape"]["dim"]]) == ("DT_FLOAT", ["-1", "16"])
    assert (images["dtype"], [dim["size"] for dim in images["tensor_shape"]["dim"]]) == (
        "DT_UINT8",
        ["-1", "4", "4", "3"],
    )


@pytest.mark.parametrize(
    "path", ["/versions/1", "/metadata", "/versions/1/metadata", ":predict", "/versions/1:predict"]
)
async def test_an_unknown_model_is_told_in_a_string(client: httpx.AsyncClient, path: str) -> None:
    if "predict" in path:
        answer = await client.post(f"/v1/models/other{path}", json={"instances": [ZEROS]})
    else:
        answer = await client.get(f"/v1/models/other{path}")
    assert (answer.status_code, answer.json()) == (404, {"error": "no model 'other'; there are: tiny"})


async def test_a_failed_batch_is_told(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.failures.append(EngineError("the model burst"))
    answer = await client.post(PATH, json={"instances": [ZEROS]})
    assert (answer.status_code, answer.json()) == (500, {"error": "the model burst"})


async def test_a_client_may_prefer_to_wait_less(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.gate.clear()
    asking = client.post(PATH, json={"instances": [ZEROS]}, headers={"Prefer": "wait=0"})
    answer = await asyncio.wait_for(asking, 5)
    assert (answer.status_code, answer.json()) == (504, {"error": "not answered within 0 s"})
