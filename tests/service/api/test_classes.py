"""Models with classes: `label`, what each seed's class is, and what is wrong."""

import io
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle.classes import class_of, with_class
from bundle.latents import latents_of
from bundle.store import Bundle
from service.pictures.provenance import read_provenance
from tests.service.conftest import LATENT_DIM, Serve, Service, lasting
from tests.service.fake_engine import FakeEngine

Check = Callable[[httpx.Response, str], dict[str, Any]]
Decode = Callable[[httpx.Response], np.ndarray]
Publish = Callable[..., Bundle]

CLASSES = {"cat": 0.5, "big dog": 0.25, "0": 0.2, "é, & ü": 0.05}
NAMES, SHARES = list(CLASSES), tuple(CLASSES.values())
PATHS = ["/generate?seed=7&n=4", "/images/7.png?", "/interpolate?seeds=7,8&frames=5"]
LABELS = [("cat", 0), ("big dog", 1), ("1", 1), ("01", 1), ("0", 2), ("2", 2), ("é, & ü", 3), ("3", 3)]
"""What is asked, and the class that it means: a name goes before an index."""


@pytest.fixture
async def service(serve: Serve, publish: Publish) -> AsyncIterator[Service]:
    """One model, `pets/1`, with classes."""
    publish("pets", classes=CLASSES)
    async with serve() as running:
        yield running


@pytest.fixture
def engine(service: Service) -> FakeEngine:
    return service.engines["pets"]


def tiles(grid: np.ndarray) -> np.ndarray:
    """The images of a grid of one row: [n, 4, 4, 3]."""
    return grid.reshape(4, -1, 4, 3).swapaxes(0, 1)


def labels_of(answer: httpx.Response) -> list[int]:
    return [int(label) for label in answer.headers["Figment-Labels"].split(",")]


@pytest.mark.parametrize("truncation", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 9])
async def test_without_a_label_each_seed_has_its_class_and_it_is_told(
    client: httpx.AsyncClient, decode: Decode, seed: int, truncation: float
) -> None:
    answer = await client.get(f"/generate?n=64&seed={seed}&columns=64&truncation={truncation}")
    seeds = [(seed + i) % 2**32 for i in range(64)]
    expected = class_of(latents_of(seeds, LATENT_DIM), SHARES).tolist()
    assert labels_of(answer) == expected == tiles(decode(answer))[:, 0, 0, 0].tolist()
    assert len(set(expected)) > 1
    alone = await client.get(f"/images/{seeds[3]}.png?truncation={truncation}")
    assert labels_of(alone) == [expected[3]]


def with_label(path: str, label: str) -> str:
    return f"{path}&{httpx.QueryParams({'label': label})}"


@pytest.mark.parametrize("truncation", [0.0, 0.7, 2.0])
@pytest.mark.parametrize(("asked", "label"), LABELS)
async def test_a_label_is_a_name_or_an_index_and_changes_the_class_alone(
    client: httpx.AsyncClient, engine: FakeEngine, decode: Decode, asked: str, label: int, truncation: float
) -> None:
    query = f"n=8&seed=5&columns=8&truncation={truncation}"
    plain = tiles(decode(await client.get(f"/generate?{query}"))).copy()
    engine.batches.clear()
    answer = await client.get(with_label(f"/generate?{query}", asked))
    expected = with_class(latents_of(range(5, 13), LATENT_DIM, truncation, 4), label, SHARES)
    np.testing.assert_array_equal(np.concatenate(engine.batches), expected)
    assert labels_of(answer) == [label] * 8
    plain[:, 0, 0] = label
    np.testing.assert_array_equal(tiles(decode(answer)), plain)
    alone = await client.get(with_label(f"/images/9.png?truncation={truncation}", asked))
    np.testing.assert_array_equal(decode(alone), plain[4])
    assert labels_of(alone) == [label]


@pytest.mark.parametrize("query", ["", "&loop=true", "&mode=lerp", "&truncation=0.5"])
@pytest.mark.parametrize(("asked", "label"), LABELS[:4])
async def test_every_frame_of_a_walk_has_the_label_and_the_walk_stays(
    client: httpx.AsyncClient, decode: Decode, asked: str, label: int, query: str
) -> None:
    walk = f"/interpolate?seeds=1,2,3&frames=5&format=png{query}"
    plain = tiles(decode(await client.get(walk))).copy()
    answer = await client.get(with_label(walk, asked))
    plain[:, 0, 0] = label
    np.testing.assert_array_equal(tiles(decode(answer)), plain)
    assert labels_of(answer) == [label] * 3


async def test_a_walk_without_a_label_tells_the_classes_of_its_seeds(client: httpx.AsyncClient) -> None:
    answer = await client.get("/interpolate?seeds=1,2,3,4&truncation=1.5")
    assert labels_of(answer) == class_of(latents_of([1, 2, 3, 4], LATENT_DIM), SHARES).tolist()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("asked", "label"), [*LABELS, (None, None)])
async def test_the_request_in_the_answer_names_the_class_and_draws_the_same_bytes(
    client: httpx.AsyncClient, path: str, asked: str | None, label: int | None
) -> None:
    answer = await client.get(path if asked is None else with_label(path, asked))
    replay = answer.headers["Figment-Request"]
    assert httpx.URL(replay).params.get("label") == (None if label is None else NAMES[label])
    again = await client.get(replay)
    assert again.content == answer.content
    for name in ("ETag", "Figment-Seeds", "Figment-Labels", "Figment-Request", "Content-Type"):
        assert again.headers[name] == answer.headers[name]
    text = read_provenance(answer.content)
    assert (text["figment:request"], text["figment:labels"]) == (replay, answer.headers["Figment-Labels"])


@pytest.mark.parametrize("kind", ["webp", "gif"])
async def test_an_animation_takes_a_label(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get(f"/interpolate?seeds=1,2&frames=3&format={kind}&label=cat")
    assert (labels_of(answer), answer.headers["Content-Type"]) == ([0, 0], f"image/{kind}")
    assert read_provenance(answer.content)["figment:request"] == answer.headers["Figment-Request"]


async def test_a_label_without_a_seed_is_drawn_anew(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/generate?label=cat") for _ in range(3)]
    assert len({answer.headers["Figment-Seeds"] for answer in answers}) == 3
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_post_takes_a_label_as_get_does(client: httpx.AsyncClient) -> None:
    get, post = [await client.request(method, "/generate?n=3&seed=7&label=cat") for method in ("GET", "POST")]
    assert (get.status_code, get.content, lasting(get)) == (200, post.content, lasting(post))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("asked", ["4", "-1", "CAT", " cat", "cat ", "cat,0", "1.0", "+1", "٣", "9" * 200, "\0", "🎨"])
async def test_an_unknown_label_is_refused_with_those_there_are(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Check, path: str, asked: str
) -> None:
    answer = await client.get(with_label(path, asked))
    assert answer.status_code == 422
    (error,) = problem(answer, "invalid-parameter")["errors"]
    assert error["parameter"] == "label"
    expected = "unknown label; the 4 classes of pets are: cat, big dog, 0, é, & ü; or an index, 0 … 3"
    assert error["message"] == expected
    assert error["got"].startswith(asked[:100])
    assert engine.batches == []


@pytest.mark.parametrize("count", [1, 20, 21, 256])
async def test_of_many_classes_the_first_twenty_are_listed(
    serve: Serve, publish: Publish, problem: Check, count: int
) -> None:
    names = [f"class{i}" for i in range(count)]
    publish("many", classes=dict.fromkeys(names, 1 / count), latent_dim=300)
    async with serve() as service:
        (error,) = problem(await service.client.get("/generate?label=no"), "invalid-parameter")["errors"]
        assert (await service.client.get(f"/generate?label={count - 1}")).headers["Figment-Labels"] == str(count - 1)
        assert (await service.client.get("/models")).json()["models"][0]["class_names"] == names
    listed = ", ".join(names[:20])
    more = f" and {count - 20} more, see /models" if count > 20 else ""
    assert error["message"].startswith(f"unknown label; the {count} classes of many are: {listed}{more}; or an index")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("asked", ["0", "cat"])
async def test_a_model_without_classes_takes_no_label_and_tells_none(
    serve: Serve, publish: Publish, problem: Check, path: str, asked: str
) -> None:
    publish("pets", classes=CLASSES)
    publish("plain")
    async with serve(default_model="pets") as service:
        answer = await service.client.get(with_label(f"{path}&model=plain", asked))
        (error,) = problem(answer, "invalid-parameter")["errors"]
        assert error == {"parameter": "label", "message": "plain has no classes; leave it out", "got": asked}
        answer = await service.client.get(f"{path}&model=plain")
        with Image.open(io.BytesIO(answer.content)) as image:
            assert "figment:labels" not in image.info
        assert "Figment-Labels" not in answer.headers
        assert (await service.client.get(with_label(path, asked))).status_code == 200


async def test_an_unknown_model_is_told_before_its_label(client: httpx.AsyncClient, problem: Check) -> None:
    assert problem(await client.get("/generate?model=no&label=no"), "unknown-model")["models"] == ["pets"]


async def test_labels_are_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    pictures = [paths["/generate"]["get"], paths["/generate"]["post"], paths["/interpolate"]["get"]]
    for operation in [*pictures, paths["/images/{seed}.{ending}"]["get"]]:
        (label,) = [each for each in operation["parameters"] if each["name"] == "label"]
        assert "class_names" in label["description"]
        assert "Figment-Labels" in operation["responses"]["200"]["headers"]


async def test_classes_of_many_seeds_are_found_in_a_thread(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def noted(*args: Any) -> np.ndarray:  # noqa: ANN401
        threads.append(threading.current_thread())
        return class_of(*args)

    monkeypatch.setattr("service.api.classes.class_of", noted)
    for path in ("/generate?n=64", "/interpolate?seeds=1,2"):
        assert (await client.get(path)).status_code == 200
    assert len(threads) == 2
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("labels", ["cat,big dog,0", "0,1,2", "1,1,0"])
async def test_each_image_has_its_own_label(client: httpx.AsyncClient, labels: str) -> None:
    expected = [NAMES.index(text) if text in NAMES else int(text) for text in labels.split(",")]
    answer = await client.get("/generate", params={"seeds": "7,8,9", "labels": labels})
    assert labels_of(answer) == expected
    by_body = await client.post("/generate", json={"seeds": [7, 8, 9], "labels": labels.split(",")})
    assert by_body.content == answer.content
    for i, label in enumerate(expected):
        alone = await client.get(with_label(f"/images/{7 + i}.png?", NAMES[label]))
        assert labels_of(alone) == [label]
    assert (await client.get(answer.headers["Figment-Request"])).content == answer.content


@pytest.mark.parametrize("path", ["/variations?seed=7&noise=1&n=3", "/mix?seeds=1,2"])
async def test_other_pictures_take_a_label_and_tell_it(client: httpx.AsyncClient, path: str) -> None:
    plain, asked = await client.get(path), await client.get(with_label(path, "cat"))
    assert set(labels_of(asked)) == {0}
    assert len(labels_of(plain)) == len(labels_of(asked))
    if "variations" in path:  # the class of the seed stays
        assert len(set(labels_of(plain))) == 1
