"""JSON bodies of requests for pictures."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.points import point_of
from service.api.content import MIN_LIMIT
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import FakeEngine

Check = Callable[[httpx.Response, str], dict[str, Any]]
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 2])
async def test_latents_are_drawn_as_their_seeds_are(client: httpx.AsyncClient, engine: FakeEngine, seed: int) -> None:
    seeds = [seed, seed + 1]
    latents = latents_of(seeds, LATENT_DIM)
    given = await client.post("/generate?padding=1", json={"latents": latents.tolist()})
    asked = await client.post("/generate", json={"seeds": seeds, "padding": 1})
    assert given.status_code == asked.status_code == 200
    np.testing.assert_array_equal(engine.batches[0], latents)
    assert given.content.split(b"IDAT")[1] == asked.content.split(b"IDAT")[1]
    assert (await client.get(given.headers["Figment-Request"])).content == given.content


@pytest.mark.parametrize("path", ["/interpolate", "/mix"])
async def test_walks_and_sums_take_latents(client: httpx.AsyncClient, engine: FakeEngine, path: str) -> None:
    latents = latents_of([1, 2], LATENT_DIM)
    answer = await client.post(path, json={"latents": latents.tolist(), "truncation": 1})
    assert answer.status_code == 200
    drawn = engine.batches[0]
    again = await client.get(path, params={"seeds": ",".join(str(point_of(row)) for row in latents)})
    assert again.status_code == 200
    np.testing.assert_array_equal(engine.batches[-1] if len(engine.batches) > 1 else drawn, drawn)


async def test_variations_take_one_latent(client: httpx.AsyncClient, problem: Check) -> None:
    row = latents_of([7], LATENT_DIM)[0].tolist()
    given = await client.post("/variations", json={"latents": [row], "n": 2, "noise": 5})
    asked = await client.get("/variations?seed=7&n=2&noise=5")
    assert given.content.split(b"IDAT")[1] == asked.content.split(b"IDAT")[1]
    body = problem(await client.post("/variations", json={"latents": [row, row]}), "invalid-parameter")
    assert body["errors"][0]["message"] == "one row is needed; there are 2"


WRONG: list[tuple[bytes, str]] = [
    (b"{", "body"),
    (b"[]", "body"),
    (b"7", "body"),
    (b"null", "body"),
    (b"\xff\xfe", "body"),
    (b"[" * 100_000, "body"),
    (b'{"n": 1' + b"0" * 5000 + b"}", "body"),
    (b'{"n": 0}', "n"),
    (b'{"n": 1.5}', "n"),
    (b'{"n": true}', "n"),
    (b'{"n": NaN}', "body"),
    (b'{"n": 1, "n": 2}', "body"),
    (b'{"model": "\\ud800"}', "model"),
    (b'{"label": "\\ud800"}', "label"),
    (b'{"\\ud800": 1}', "\ud800".encode("utf-8", "replace").decode()),
    (b'{"n": null}', "n"),
    (b'{"n": [1]}', "n"),
    (b'{"n": {"a": 1}}', "n"),
    (b'{"sede": 7}', "sede"),
    (b'{"seed": 1.5}', "seed"),
    (b'{"seed": -1}', "seed"),
    (b'{"seed": true}', "seed"),
    (b'{"seeds": 7}', "seeds"),
    (b'{"seeds": []}', "seeds"),
    (b'{"seeds": {"a": 1}}', "seeds"),
    (b'{"seeds": [[1]]}', "seeds"),
    (b'{"seeds": [null]}', "seeds"),
    (b'{"seeds": "0-64"}', "seeds"),
    (b'{"seeds": "9-3"}', "seeds"),
    (b'{"seeds": "0-4294967296"}', "seeds"),
    (b'{"seeds": "0-4000000000"}', "seeds"),
    (b'{"seeds": [1], "n": 1}', "query"),
    (b'{"seeds": [1], "latents": [[1]]}', "latents"),
    (b'{"latents": []}', "latents"),
    (b'{"latents": [[]]}', "latents"),
    (b'{"latents": [1]}', "latents"),
    (b'{"latents": [[1], [1, 2]]}', "latents"),
    (b'{"latents": [["1"]]}', "latents"),
    (b'{"latents": [[true]]}', "latents"),
    (b'{"latents": [[NaN]]}', "body"),
    (b'{"latents": [[1e39]]}', "latents"),
    (b'{"latents": [[1' + b"0" * 400 + b"]]}", "latents"),
    (b'{"latents": [[1, 2]]}', "seeds"),
    (b'{"latents": "x"}', "latents"),
    (b'{"labels": 7}', "labels"),
    (b'{"labels": [true]}', "labels"),
    (b'{"labels": ["a", "b"]}', "query"),
    (b'{"background": 7}', "background"),
    (b'{"background": "nocolour"}', "background"),
    (b'{"scale": "big"}', "scale"),
    (b'{"scale": 9}', "scale"),
    (b'{"lossless": 1}', "lossless"),
    (b'{"format": ["png"]}', "format"),
    (b'{"truncation": "1_0"}', "truncation"),
    (b'{"model": 7}', "model"),
    (b'{"label": ""}', "label"),
]


@pytest.mark.parametrize(("content", "parameter"), WRONG, ids=lambda value: repr(value)[:40])
async def test_a_wrong_body_is_told_what_is_wrong(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Check, content: bytes, parameter: str
) -> None:
    answer = await client.post("/generate", content=content, headers=JSON)
    body = problem(answer, "invalid-parameter")
    assert body["errors"][0]["parameter"] == parameter, body
    assert len(answer.content) < 2000
    assert engine.batches == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_a_body_of_another_type_is_not_read(client: httpx.AsyncClient, problem: Check, kind: str) -> None:
    answer = await client.post("/generate", content=b"n=4", headers={"Content-Type": kind})
    assert "application/json" in problem(answer, "unsupported-media")["detail"]


async def test_an_empty_body_is_none(client: httpx.AsyncClient) -> None:
    assert (await client.post("/generate?n=2", content=b"")).status_code == 200
    assert (await client.post("/generate", json={}, headers=JSON)).status_code == 200


@pytest.mark.parametrize("known", [True, False])
async def test_a_body_that_is_too_long_is_not_read(client: httpx.AsyncClient, problem: Check, known: bool) -> None:
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent <= 2 * MIN_LIMIT:
            sent += 2**16
            yield b" " * 2**16

    headers = JSON | ({"Content-Length": str(3 * MIN_LIMIT)} if known else {})
    body = problem(await client.post("/generate", content=parts(), headers=headers), "too-large")
    assert str(MIN_LIMIT) in body["detail"]


async def test_whole_numbers_and_names_may_be_json_numbers_or_text(client: httpx.AsyncClient) -> None:
    first = await client.post("/generate", json={"n": "2", "seed": 7, "truncation": 0.5, "scale": 2})
    second = await client.get("/generate?n=2&seed=7&truncation=0.5&scale=2")
    assert first.status_code == 200
    assert first.content == second.content
