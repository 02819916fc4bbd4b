import asyncio
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from bundle.classes import class_of
from bundle.latents import latents_of
from bundle.store import Store
from service.engine.protocol import EngineError
from tests.service.conftest import LATENT_DIM, Serve, Service
from tests.service.fake_engine import FakeEngine, pixels_of, until
from tests.service.live_server import listening

PATH = "/v2/models/tiny/infer"


def request_of(data: object, shape: list[int], name: str = "latents", datatype: str = "FP32", **more: Any) -> Any:  # noqa: ANN401
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]} | more


def random_latents(seed: int, n: int) -> np.ndarray:
    return np.random.RandomState(seed).randn(n, LATENT_DIM).astype(np.float32)


# Triton's client, unchanged


@pytest.fixture(scope="module")
def address(tiny_store: Store) -> Iterator[str]:
    with listening(tiny_store) as address:
        yield address


@pytest.fixture
def client_of_triton(address: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(address) as client:
        yield client


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("packed", [None, "gzip", "deflate"])
def test_tritons_client_gets_the_images_of_its_latents(
    client_of_triton: triton.InferenceServerClient, seed: int, binary: bool, packed: str | None
) -> None:
    latents = random_latents(seed, 3)
    sent = triton.InferInput("latents", [3, LATENT_DIM], "FP32")
    sent.set_data_from_numpy(latents, binary_data=binary)
    asked = triton.InferRequestedOutput("images", binary_data=not binary)
    for outputs in (None, [asked]):
        result = client_of_triton.infer(
            "tiny",
            [sent],
            outputs=outputs,
            request_id=f"request-{seed}",
            request_compression_algorithm=packed,
            response_compression_algorithm=packed,
        )
        np.testing.assert_array_equal(result.as_numpy("images"), pixels_of(latents))
        assert result.get_response()["id"] == f"request-{seed}"
        assert (result.get_response()["model_name"], result.get_response()["model_version"]) == ("tiny", "1")


@pytest.mark.parametrize("datatype", ["INT64", "UINT32", "INT32", "UINT8"])
@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_tritons_client_gets_the_images_of_seeds(
    client_of_triton: triton.InferenceServerClient, datatype: str, shape: list[int]
) -> None:
    sent = triton.InferInput("seeds", shape, datatype)
    sent.set_data_from_numpy(np.array([7, 120], datatype.lower()).reshape(shape))
    result = client_of_triton.infer("tiny", [sent], model_version="1")
    np.testing.assert_array_equal(result.as_numpy("images"), pixels_of(latents_of([7, 120], LATENT_DIM)))


def test_tritons_client_reads_the_errors(client_of_triton: triton.InferenceServerClient) -> None:
    sent = triton.InferInput("latents", [1, 3], "FP32")
    sent.set_data_from_numpy(np.zeros((1, 3), np.float32))
    with pytest.raises(InferenceServerException, match=r"the shape \[n, 16\] is needed, got \[1, 3\]") as caught:
        client_of_triton.infer("tiny", [sent])
    assert caught.value.status() == "400"
    with pytest.raises(InferenceServerException, match="no model 'other'; there are: tiny") as caught:
        client_of_triton.infer("other", [sent])
    assert caught.value.status() == "404"
    with pytest.raises(InferenceServerException, match="no version 9 of tiny") as caught:
        client_of_triton.infer("tiny", [sent], model_version="9")
    with pytest.raises(InferenceServerException, match="there is no /v2/cudasharedmemory/status"):
        client_of_triton.get_cuda_shared_memory_status()


# By hand


@pytest.mark.parametrize("seed", range(3))
async def test_json_is_answered_with_json(client: httpx.AsyncClient, seed: int) -> None:
    latents = random_latents(seed, 2)
    for data in (latents.tolist(), latents.reshape(-1).tolist()):
        answer = await client.post(PATH, json=request_of(data, [2, LATENT_DIM], id="7"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
        assert "Inference-Header-Content-Length" not in answer.headers
        assert answer.json() == {
            "id": "7",
            "model_name": "tiny",
            "model_version": "1",
            "outputs": [
                {
                    "name": "images",
                    "datatype": "UINT8",
                    "shape": [2, 4, 4, 3],
                    "data": pixels_of(latents).reshape(-1).tolist(),
                }
            ],
        }


async def test_binary_images_come_behind_the_json(client: httpx.AsyncClient) -> None:
    asked = request_of([7], [1], "seeds", "INT64", parameters={"binary_data_output": True})
    answer = await client.post(PATH, json=asked)
    length = int(answer.headers["Inference-Header-Content-Length"])
    head = json.loads(answer.content[:length])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 48}
    assert "id" not in head
    assert answer.content[length:] == pixels_of(latents_of([7], LATENT_DIM)).tobytes()


async def test_a_seed_has_the_pixels_it_has_everywhere(client: httpx.AsyncClient, decode: Any) -> None:  # noqa: ANN401
    answer = await client.post(PATH, json=request_of([7], [1, 1], "seeds", "UINT32"))
    picture = decode(await client.get("/images/7.png"))
    assert answer.json()["outputs"][0]["data"] == picture.reshape(-1).tolist()


async def test_what_kserves_client_repeats_of_the_path_must_be_the_same(client: httpx.AsyncClient) -> None:
    asked = request_of([7], [1], "seeds", "INT64")
    assert (await client.post(PATH, json=asked | {"model_name": "tiny"})).status_code == 200
    path = "/v2/models/tiny/versions/1/infer"
    assert (await client.post(path, json=asked | {"model_version": "1"})).status_code == 200
    for more in ({"model_name": "other"}, {"model_version": "2"}):
        answer = await client.post(PATH, json=asked | more)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(next(iter(more)))


async def test_truncation_and_label_are_parameters(serve: Serve, publish: Callable[..., Any]) -> None:
    shares = (0.5, 0.3, 0.2)
    publish("cond", classes=dict(zip(("cat", "dog", "fox"), shares, strict=True)))
    async with serve() as service:
        engine = service.engines["cond"]

        async def drawn(**parameters: object) -> np.ndarray:
            asked = request_of([5, 6], [2], "seeds", "INT64", parameters=parameters)
            assert (await service.client.post("/v2/models/cond/infer", json=asked)).status_code == 200
            return engine.batches[-1][:2]

        np.testing.assert_array_equal(await drawn(truncation=0.5), latents_of([5, 6], LATENT_DIM, 0.5, 3))
        assert class_of(await drawn(label="fox"), shares).tolist() == [2, 2]
        assert class_of(await drawn(label="0"), shares).tolist() == [0, 0]
        sent = random_latents(0, 2)
        asked = request_of(sent.tolist(), [2, LATENT_DIM], parameters={"truncation": 0.5})
        assert (await service.client.post("/v2/models/cond/infer", json=asked)).status_code == 200
        np.testing.assert_array_equal(engine.batches[-1][:2, :3], sent[:, :3])
        np.testing.assert_array_equal(engine.batches[-1][:2, 3:], sent[:, 3:] / 2)


ZEROS = [0.0] * LATENT_DIM
WRONG = {
    "another shape": request_of(ZEROS, [LATENT_DIM]),
    "no shape": request_of([0.0], []),
    "a latent too short": request_of(ZEROS[1:], [1, LATENT_DIM - 1]),
    "more rows than numbers": request_of(ZEROS, [2, LATENT_DIM]),
    "no rows": request_of([], [0, LATENT_DIM]),
    "too many rows": request_of(ZEROS * 65, [65, LATENT_DIM]),
    "very many rows": request_of(ZEROS, [2**62, LATENT_DIM]),
    "more than an int holds": request_of(ZEROS, [2**70, LATENT_DIM]),
    "a negative row": request_of(ZEROS, [-1, LATENT_DIM]),
    "many axes": request_of(ZEROS, [1] * 9),
    "text": request_of(["1"] * LATENT_DIM, [1, LATENT_DIM]),
    "null": request_of([None] * LATENT_DIM, [1, LATENT_DIM]),
    "huge": request_of([1e39] * LATENT_DIM, [1, LATENT_DIM]),
    "a huge whole number": request_of([10**400] * LATENT_DIM, [1, LATENT_DIM]),
    "truncated beyond float32": request_of([3e38] * LATENT_DIM, [1, LATENT_DIM], parameters={"truncation": 2}),
    "a fraction as a seed": request_of([1.5], [1], "seeds", "INT64"),
    "a negative seed": request_of([-1], [1], "seeds", "INT64"),
    "a seed too large": request_of([2**32], [1], "seeds", "INT64"),
    "a seed beyond its datatype": request_of([2**31], [1], "seeds", "INT32"),
    "seeds of another shape": request_of([1, 2], [1, 2], "seeds", "INT64"),
    "an unknown parameter": request_of([1], [1], "seeds", "INT64", parameters={"psi": 1}),
    "an unknown label": request_of([1], [1], "seeds", "INT64", parameters={"label": "cat"}),
    "truncation out of range": request_of([1], [1], "seeds", "INT64", parameters={"truncation": 3}),
    "truncation as text": request_of([1], [1], "seeds", "INT64", parameters={"truncation": "1"}),
    "no time": request_of([1], [1], "seeds", "INT64", parameters={"timeout": 0}),
    "shared memory": {
        "inputs": [
            {"name": "latents", "shape": [1, 16], "datatype": "FP32", "parameters": {"shared_memory_region": "r"}}
        ]
    },
    "a classification": request_of(
        [1], [1], "seeds", "INT64", outputs=[{"name": "images", "parameters": {"classification": 3}}]
    ),
    "no input": {"inputs": []},
    "inputs that are none": {"inputs": [None]},
    "very many inputs": {"inputs": [{}] * 100_000},
}


async def test_what_cannot_be_drawn_is_refused_with_the_reason_in_the_protocols_shape(service: Service) -> None:
    for name, asked in WRONG.items():
        answer = await service.client.post(PATH, json=asked)
        assert answer.status_code == 400, (name, answer.text[:300])
        assert list(answer.json()) == ["error"], name
        assert 10 < len(answer.json()["error"]) < 1000, name
    assert service.engines["tiny"].batches == []


@pytest.mark.parametrize("length", ["-1", "9999", "1e3", "x", "", "9" * 30, "٣"])
async def test_a_length_of_the_json_that_is_none_is_refused(client: httpx.AsyncClient, length: str) -> None:
    headers = {b"Inference-Header-Content-Length": length.encode()}
    answer = await client.post(PATH, content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Inference-Header-Content-Length: ")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_binary_numbers_must_be_finite(client: httpx.AsyncClient, value: float) -> None:
    tensor = {"name": "latents", "shape": [1, 16], "datatype": "FP32", "parameters": {"binary_data_size": 64}}
    head = json.dumps({"inputs": [tensor]}).encode()
    content = head + struct.pack("<16f", *[0.0] * 15, value)
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answer = await client.post(PATH, content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": "latents: all numbers must be finite"})


@pytest.mark.parametrize("seed", range(20))
async def test_bytes_at_random_are_never_an_error_of_our_own(client: httpx.AsyncClient, seed: int) -> None:
    random = np.random.RandomState(seed)
    tensor = {"name": "latents", "shape": [1, 16], "datatype": "FP32", "parameters": {"binary_data_size": 64}}
    content = bytearray(json.dumps({"inputs": [tensor]}).encode() + bytes(64))
    for place in random.randint(0, len(content), 4):
        content[place] = random.randint(256)
    headers = {"Inference-Header-Content-Length": str(random.randint(len(content) - 70, len(content) - 60))}
    answer = await client.post(PATH, content=bytes(content), headers=headers)
    assert answer.status_code in (200, 400), answer.text


async def test_a_clients_timeout_counts_in_microseconds(
    client: httpx.AsyncClient, engine: FakeEngine, service: Service
) -> None:
    engine.gate.clear()
    asked = request_of([7], [1], "seeds", "INT64", parameters={"timeout": 20_000})
    answer = await client.post(PATH, json=asked)
    assert (answer.status_code, answer.json()) == (504, {"error": "not answered within 0.02 s"})
    engine.gate.set()
    asked["parameters"]["timeout"] = 10**12
    assert (await client.post(PATH, json=asked)).status_code == 200


async def test_a_failed_batch_is_told(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.failures.append(EngineError("the model burst"))
    answer = await client.post(PATH, json=request_of([7], [1], "seeds", "INT64"))
    assert (answer.status_code, answer.json()) == (500, {"error": "the model burst"})


async def test_a_full_queue_says_when_to_come_again(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    async with serve(queue=64) as service:
        engine = service.engines["tiny"]
        engine.gate.clear()
        running = asyncio.create_task(service.client.get("/generate?n=1"))
        await engine.begun()
        waiting = asyncio.create_task(service.client.get("/generate?n=64"))
        await until(lambda: service.catalogue.models["tiny"].batcher.waiting_rows == 64)
        answer = await service.client.post(PATH, json=request_of([7], [1], "seeds", "INT64"))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "too many images" in answer.json()["error"]
        engine.gate.set()
        await asyncio.gather(running, waiting)


async def test_what_waits_for_a_client_that_hung_up_leaves_the_queue(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    running = asyncio.create_task(service.client.get("/generate?n=1"))
    await engine.begun()
    messages = asyncio.Queue[dict[str, Any]]()
    body = json.dumps(request_of([7], [1], "seeds", "INT64")).encode()
    messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("figment", 80),
    }

    async def send(message: Any) -> None:  # noqa: ANN401
        pass

    asking = asyncio.create_task(service.app(scope, messages.get, send))
    batcher = service.catalogue.models["tiny"].batcher
    await until(lambda: batcher.waiting_rows == 1)
    messages.put_nowait({"type": "http.disconnect"})
    await asking
    assert batcher.waiting_rows == 0
    engine.gate.set()
    await running


@pytest.mark.parametrize("path", [PATH, "/v2/models/tiny/versions/1/infer"])
async def test_inference_takes_post_alone(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "POST" in answer.json()["error"]


@pytest.mark.parametrize("version", ["0", "-1", "one", "1.0", "9" * 30])
async def test_a_version_is_a_whole_number(client: httpx.AsyncClient, version: str) -> None:
    answer = await client.post(f"/v2/models/tiny/versions/{version}/infer", json=request_of([7], [1], "seeds", "INT64"))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("version: ")
