from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from bundle.store import Store
from service.engine.protocol import EngineError
from tests.service.conftest import Serve, publish_fake
from tests.service.live_server import listening


@pytest.fixture(scope="module")
def client_of_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    store = Store(tmp_path_factory.mktemp("two") / "models")
    publish_fake(store, "alpha", shape=(4, 6, 1), latent_dim=8)
    publish_fake(store, "alpha", shape=(8, 8, 3))
    publish_fake(store, "beta", shape=(4, 4, 4))
    with listening(store) as address, triton.InferenceServerClient(address) as client:
        yield client


def test_tritons_client_sees_the_server(client_of_triton: triton.InferenceServerClient) -> None:
    assert client_of_triton.is_server_live()
    assert client_of_triton.is_server_ready()
    metadata = client_of_triton.get_server_metadata()
    assert metadata["name"] == "figment"
    assert "binary_tensor_data" in metadata["extensions"]


def test_tritons_client_sees_the_models(client_of_triton: triton.InferenceServerClient) -> None:
    assert client_of_triton.is_model_ready("alpha")
    assert client_of_triton.is_model_ready("alpha", "2")
    assert not client_of_triton.is_model_ready("alpha", "3")
    assert not client_of_triton.is_model_ready("gamma")
    assert client_of_triton.get_model_metadata("beta") == {
        "name": "beta",
        "versions": ["1"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "latents", "datatype": "FP32", "shape": [-1, 16]},
            {"name": "seeds", "datatype": "INT64", "shape": [-1, 1]},
        ],
        "outputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 4, 4, 4]}],
    }
    config = client_of_triton.get_model_config("alpha")
    assert (config["name"], config["max_batch_size"]) == ("alpha", 64)
    assert config["input"][0] == {"name": "latents", "data_type": "TYPE_FP32", "dims": [16]}
    assert config["output"] == [{"name": "images", "data_type": "TYPE_UINT8", "dims": [8, 8, 3]}]
    index = client_of_triton.get_model_repository_index()
    assert [(entry["name"], entry["version"], entry["state"]) for entry in index] == [
        ("alpha", "2", "READY"),
        ("beta", "1", "READY"),
    ]


def test_tritons_client_sees_another_version_once_it_asks_for_it(
    client_of_triton: triton.InferenceServerClient,
) -> None:
    assert not client_of_triton.is_model_ready("alpha", "1")
    metadata = client_of_triton.get_model_metadata("alpha", "1")
    assert metadata["inputs"][0]["shape"] == [-1, 8]
    assert metadata["outputs"][0]["shape"] == [-1, 4, 6, 1]
    assert metadata["versions"] == ["1", "2"]
    assert client_of_triton.get_model_config("alpha", "1")["output"][0]["dims"] == [4, 6, 1]
    assert client_of_triton.is_model_ready("alpha", "1")


def test_tritons_client_is_told_what_is_not_there(client_of_triton: triton.InferenceServerClient) -> None:
    for ask in (
        lambda: client_of_triton.get_model_metadata("gamma"),
        lambda: client_of_triton.get_model_config("alpha", "9"),
        lambda: client_of_triton.load_model("alpha"),
        lambda: client_of_triton.get_inference_statistics("alpha"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            ask()
        assert caught.value.status() == "404"


async def test_what_is_not_ready_is_400_as_the_protocol_has_it(serve: Serve, store: Store) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    async with serve() as service:
        assert (await service.client.get("/v2/health/live")).json() == {"live": True}
        answer = await service.client.get("/v2/health/ready")
        assert (answer.status_code, answer.json()) == (400, {"ready": False})


async def test_a_server_that_stops_is_not_ready_nor_are_its_models(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    async with serve() as service:
        for path in ("/v2/health/ready", "/v2/models/tiny/ready", "/v2/models/tiny/versions/1/ready"):
            assert (await service.client.get(path)).json()["ready"] is True
            service.catalogue.stopping = True
            answer = await service.client.get(path)
            service.catalogue.stopping = False
            assert (answer.status_code, answer.json()["ready"]) == (400, False)


async def test_a_model_that_is_loading_is_not_ready_and_an_unknown_one_is_not_found(
    serve: Serve, publish: Callable[..., Any]
) -> None:
    publish("tiny")
    async with serve() as service:
        assert (await service.client.get("/v2/models/other/ready")).status_code == 404
        service.catalogue.loading = True
        answer = await service.client.get("/v2/models/other/ready")
        service.catalogue.loading = False
        assert (answer.status_code, answer.json()) == (400, {"name": "other", "ready": False})


async def test_the_index_has_what_was_skipped_with_the_reason(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("bad")
    publish("tiny")
    async with serve(faults={"bad": EngineError("it burst")}) as service:
        index = (await service.client.post("/v2/repository/index")).json()
        assert index == [
            {"name": "tiny", "version": "1", "state": "READY", "reason": ""},
            {"name": "bad", "version": "1", "state": "UNAVAILABLE", "reason": "it burst"},
        ]
        ready = await service.client.post("/v2/repository/index", json={"ready": True})
        assert ready.json() == index[:1]


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"ready": 1}', b'{"other": true}'])
async def test_a_wrong_question_for_the_index_is_told(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/v2/repository/index", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", "/v2/models/tiny", "/v2/models/tiny/config"])
async def test_parameters_of_a_query_are_refused(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    answer = await client.get(path, params={"verbose": "1"})
    assert answer.status_code == 400
    assert "verbose" in answer.json()["error"]


@pytest.mark.parametrize("version", ["0", "-1", "one", "1.0", "9" * 30])
async def test_a_version_is_a_whole_number(client: httpx.AsyncClient, version: str) -> None:
    for path in ("", "/ready", "/config"):
        answer = await client.get(f"/v2/models/tiny/versions/{version}{path}")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("version: ")


@pytest.mark.parametrize("name", ["other", "TINY", "x" * 100, "%00", "%F0%9F%8E%A8", "tiny%20"])
async def test_an_unknown_name_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    for path in ("", "/ready", "/config"):
        answer = await client.get(f"/v2/models/{name}{path}")
        assert answer.status_code == 404
        assert "there are: tiny" in answer.json()["error"]
