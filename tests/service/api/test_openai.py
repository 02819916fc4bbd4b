import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from bundle.latents import latents_of
from bundle.seeds import parse_seed
from bundle.store import Store
from service.engine.protocol import EngineError
from tests.service.conftest import LATENT_DIM, Serve, Service, publish_fake
from tests.service.fake_engine import FakeEngine, pixels_of
from tests.service.live_server import listening

PATH = "/v1/images/generations"


def image_of(content: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        return np.asarray(picture)


def drawn(seed: int) -> np.ndarray:
    return pixels_of(latents_of([seed], LATENT_DIM))[0]


# OpenAI's client, unchanged


@pytest.fixture(scope="module")
def client_of_openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    store = Store(tmp_path_factory.mktemp("two") / "models")
    publish_fake(store, "alpha", shape=(4, 4, 4))
    publish_fake(store, "tiny")
    publish_fake(store, "tiny")
    with (
        listening(store) as address,
        httpx.Client(trust_env=False),
        openai.OpenAI(base_url=f"http://{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_its_client_lists_and_retrieves_the_models(client_of_openai: openai.OpenAI) -> None:
    assert [model.id for model in client_of_openai.models.list()] == ["alpha", "tiny"]
    model = client_of_openai.models.retrieve("tiny")
    assert (model.id, model.object, model.owned_by, model.created) == ("tiny", "model", "figment", 1735787045)


@pytest.mark.parametrize("prompt", ["a cat", "7", "kočka 🎨", "x" * 5000])
def test_its_client_gets_the_images_of_the_prompts_seed(client_of_openai: openai.OpenAI, prompt: str) -> None:
    answer = client_of_openai.images.generate(model="tiny/1", prompt=prompt, n=3)
    assert (answer.size, answer.background, answer.output_format) == ("4x4", "opaque", "png")
    assert answer.data is not None
    explained = [image.revised_prompt or "" for image in answer.data]
    first = int(explained[0].split()[1])
    assert first == parse_seed(prompt) if len(prompt) <= 200 else first >= 0
    for i, image in enumerate(answer.data):
        seed = (first + i) % 2**32
        assert explained[i].startswith(f"seed {seed} of tiny/1; ")
        np.testing.assert_array_equal(image_of(image.b64_json or ""), drawn(seed))


def test_its_client_gets_addresses_that_draw_the_images(client_of_openai: openai.OpenAI) -> None:
    answer = client_of_openai.images.generate(model="tiny", prompt="7", n=2, response_format="url")
    assert answer.data is not None
    for seed, image in zip((7, 8), answer.data, strict=True):
        assert image.b64_json is None
        assert image.url == f"{client_of_openai.base_url}".replace("/v1/", f"/images/{seed}.png?model=tiny&version=2")
        picture = httpx.get(image.url, trust_env=False)
        encoded = base64.b64encode(picture.content).decode()
        np.testing.assert_array_equal(image_of(encoded), drawn(seed) + np.uint8(1))


def test_its_client_reads_the_errors(client_of_openai: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'dall-e-3'; there are: alpha, tiny") as missing:
        client_of_openai.images.generate(model="dall-e-3", prompt="a cat")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError, match="4x4 or a whole multiple") as wrong:
        client_of_openai.images.generate(model="tiny", prompt="a cat", size="1025x1024")
    assert (wrong.value.param, wrong.value.code, wrong.value.type) == ("size", "invalid_value", "invalid_request_error")
    with pytest.raises(openai.NotFoundError, match="no model 'other'"):
        client_of_openai.models.retrieve("other")
    with pytest.raises(openai.BadRequestError, match="not streamed"):
        client_of_openai.images.generate(model="tiny", prompt="a cat", stream=True)


# By hand


@pytest.mark.parametrize(("kind", "scale"), [("png", 1), ("png", 3), ("webp", 1), ("jpeg", 2)])
async def test_images_come_in_the_format_and_size_that_is_asked_for(
    client: httpx.AsyncClient, kind: str, scale: int
) -> None:
    side = 4 * scale
    asked = {"prompt": "7", "size": f"{side}x{side}", "output_format": kind, "response_format": "b64_json"}
    answer = (await client.post(PATH, json=asked)).json()
    assert (answer["size"], answer["output_format"]) == (f"{side}x{side}", kind)
    content = answer["data"][0]["b64_json"]
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert (picture.format, picture.size) == (kind.upper(), (side, side))
    if kind == "png":
        np.testing.assert_array_equal(image_of(content), np.kron(drawn(7), np.ones((scale, scale, 1), int)))


async def test_a_png_says_what_draws_it_again(client: httpx.AsyncClient) -> None:
    answer = (await client.post(PATH, json={"prompt": "7", "n": 2})).json()
    for seed, entry in zip((7, 8), answer["data"], strict=True):
        with Image.open(io.BytesIO(base64.b64decode(entry["b64_json"]))) as picture:
            text = dict(picture.info)
        assert text["figment:seeds"] == str(seed)
        again = await client.get(text["figment:request"])
        assert base64.b64encode(again.content).decode() == entry["b64_json"]


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
async def test_an_address_has_the_ending_of_its_format_and_costs_no_inference(service: Service, kind: str) -> None:
    asked = {"prompt": "7", "response_format": "url", "output_format": kind}
    answer = (await service.client.post(PATH, json=asked)).json()
    assert answer["data"][0]["url"] == f"http://figment/images/7.{kind}?model=tiny&version=1"
    assert service.engines["tiny"].batches == []


async def test_transparency_is_that_of_the_model(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("clear", shape=(4, 4, 4))
    async with serve() as service:
        for more, background, channels in (
            ({}, "transparent", 4),
            ({"background": "transparent", "output_format": "webp"}, "transparent", 4),
            ({"background": "opaque"}, "opaque", 3),
            ({"output_format": "jpeg"}, "opaque", 3),
        ):
            answer = (await service.client.post(PATH, json={"prompt": "x"} | more)).json()
            assert answer["background"] == background
            assert image_of(answer["data"][0]["b64_json"]).shape == (4, 4, channels)


async def test_a_class_is_told_in_the_png(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("cond", classes={"cat": 0.5, "dog": 0.5})
    async with serve() as service:
        answer = (await service.client.post(PATH, json={"prompt": "7", "n": 2})).json()
        for entry, seed in zip(answer["data"], (7, 8), strict=True):
            with Image.open(io.BytesIO(base64.b64decode(entry["b64_json"]))) as picture:
                label = picture.info["figment:labels"]
            alone = await service.client.get(f"/images/{seed}.png")
            assert label == alone.headers["Figment-Labels"]


HARMLESS: dict[str, list[object]] = {
    "quality": ["auto", "hd", "high", None],
    "style": ["vivid"],
    "moderation": ["low"],
    "user": ["ada", ""],
    "safety_identifier": ["x"],
    "background": ["auto", "opaque"],
    "stream": [False, None],
    "partial_images": [0],
    "n": [None, 64],
    "model": [None, "", "tiny"],
    "size": [None, "auto"],
}


async def test_what_a_gan_has_no_use_for_is_taken(client: httpx.AsyncClient) -> None:
    for name, values in HARMLESS.items():
        for value in values:
            answer = await client.post(PATH, json={"prompt": "7", name: value})
            assert answer.status_code == 200, (name, value, answer.text)


WRONG: list[tuple[str, object]] = [
    ("prompt", ""),
    ("prompt", 7),
    ("prompt", None),
    ("prompt", ["a", "b"]),
    ("prompt", "x" * 32_001),
    ("prompt", "4294967296"),
    ("n", 0),
    ("n", 65),
    ("n", "3"),
    ("n", 1.5),
    ("n", True),
    ("n", 10**400),
    ("size", "1024x1023"),
    ("size", 1024),
    ("size", "9" * 19),
    ("model", 7),
    ("model", "tiny/x"),
    ("response_format", "png"),
    ("output_format", "gif"),
    ("output_compression", 101),
    ("background", "transparent"),
    ("background", "blue"),
    ("quality", "best"),
    ("stream", True),
    ("partial_images", 2),
    ("frame_count", 9),
    ("seed", 7),
]


async def test_what_cannot_be_had_is_refused_in_openais_shape(service: Service) -> None:
    for name, value in WRONG:
        answer = await service.client.post(PATH, json={"prompt": "7"} | {name: value})
        assert answer.status_code == 400, (name, value, answer.text[:300])
        error = answer.json()["error"]
        assert (error["param"], error["type"], error["code"]) == (name, "invalid_request_error", "invalid_value")
        assert error["message"].startswith(f"{name}: ")
    assert service.engines["tiny"].batches == []


async def test_a_failed_batch_is_an_error_of_the_servers(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.failures.append(EngineError("the model burst"))
    answer = await client.post(PATH, json={"prompt": "7"})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"message": "the model burst", "type": "server_error", "param": None, "code": "inference_failed"}
    }


async def test_without_a_model_it_is_not_ready(serve: Serve, store: Store) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    async with serve() as service:
        assert (await service.client.get("/v1/models")).json() == {"object": "list", "data": []}
        answer = await service.client.post(PATH, json={"prompt": "7"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("host", ["figment.example:8080", "[::1]:80", "a b", "<script>", ""])
async def test_an_address_is_at_the_host_that_the_client_called(client: httpx.AsyncClient, host: str) -> None:
    asked = {"prompt": "7", "response_format": "url"}
    answer = await client.post(PATH, json=asked, headers={"Host": host})
    assert answer.status_code == 200
    assert answer.json()["data"][0]["url"].endswith("/images/7.png?model=tiny&version=1")
    if host == "figment.example:8080":
        assert answer.json()["data"][0]["url"].startswith(f"http://{host}/")


@pytest.mark.parametrize(("kind", "more"), [("png", {}), ("webp", {"output_compression": 30}), ("jpeg", {})])
@pytest.mark.parametrize("size", ["auto", "8x8", "32x32"])
async def test_an_address_leads_to_the_same_bytes(
    client: httpx.AsyncClient, kind: str, more: dict[str, int], size: str
) -> None:
    asked = {"prompt": "ada", "size": size, "output_format": kind, **more}
    by_address = await client.post("/v1/images/generations", json={**asked, "response_format": "url"})
    by_bytes = await client.post("/v1/images/generations", json={**asked, "response_format": "b64_json"})
    picture = await client.get(by_address.json()["data"][0]["url"])
    assert picture.status_code == 200
    assert base64.b64decode(by_bytes.json()["data"][0]["b64_json"]) == picture.content
