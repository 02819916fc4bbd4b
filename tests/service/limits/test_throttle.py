"""Rates over the whole application: what each request costs, who pays, and what the answers say."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import ASGITransport

from bundle.store import Store
from service.engine.schedule import QueueFull
from service.limits.charging import costs
from tests.service.access.test_gate import key_lines
from tests.service.api.test_project import PNG
from tests.service.conftest import Serve, Service

Check = Any

COSTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "a grid": ("GET", "/generate?n=5&seed=7", {}, 5),
    "an image": ("GET", "/images/7.png", {}, 1),
    "seeds": ("GET", "/generate?seeds=1-9", {}, 9),
    "latents": ("POST", "/generate", {"json": {"latents": [[0.5] * 16] * 3}}, 3),
    "a walk": ("GET", "/interpolate?seeds=1,2,3&frames=4", {}, 7),
    "a frame": ("GET", "/interpolate?seeds=1,2&t=0.5", {}, 1),
    "a lattice": ("GET", "/interpolate?seeds=1,2,3,4&shape=3x2", {}, 6),
    "variations": ("GET", "/variations?seed=7&n=8&noise=1", {}, 8),
    "a sum": ("GET", "/mix?seeds=1,2,3", {}, 1),
    "OpenAI": ("POST", "/v1/images/generations", {"json": {"prompt": "x", "n": 2, "response_format": "b64_json"}}, 2),
    "OpenAI, addresses": ("POST", "/v1/images/generations", {"json": {"prompt": "x", "response_format": "url"}}, 0),
    "TensorFlow Serving": ("POST", "/v1/models/tiny:predict", {"json": {"instances": [[0.5] * 16] * 4}}, 4),
    "Open Inference": ("POST", "/v2/models/tiny/infer", {"json": {"inputs": [
        {"name": "seeds", "shape": [3], "datatype": "INT64", "data": [1, 2, 3]}]}}, 3),
    "a search": ("POST", "/project?steps=12", {"content": PNG}, 12),
    "an origin": ("POST", "/inspect", {"content": PNG}, 1),
    "a wrong request": ("GET", "/generate?n=65", {}, 0),
}  # fmt: skip


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file of two keys without rates of their own."""
    file = tmp_path / "keys.toml"
    file.write_text(key_lines("one", "generate") + key_lines("two", "generate"))
    file.chmod(0o600)
    return file


def left(headers: Mapping[str, str]) -> int:
    policy, remaining, seconds = headers["RateLimit"].split(";")
    assert policy == '"images"'
    assert 1 <= int(seconds.removeprefix("t=")) <= 3600
    return int(remaining.removeprefix("r="))


async def test_each_request_costs_its_images(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, rate="1000/hour") as service:
        for name, (method, path, body, cost) in COSTS.items():
            service.app.middleware_stack = None  # anew, with a new table
            answer = await service.client.request(method, path, **body)
            wrong = name in ("an origin", "a wrong request")  # the picture says nothing of its origin
            assert answer.status_code == (422 if wrong else 200), (name, answer.text)
            assert 1000 - left(answer.headers) == cost, name
            assert answer.headers["RateLimit-Policy"] == '"images";q=1000;w=3600'


async def test_who_has_had_its_images_is_told_when_to_come_again(
    serve: Serve, tiny_store: Store, problem: Check
) -> None:
    async with serve(tiny_store, rate="10/hour") as service:
        assert (await service.client.get("/generate?n=8&seed=1")).status_code == 200
        answer = await service.client.get("/generate?n=3&seed=1")
        assert answer.status_code == 429
        assert "3 images are asked for, and 2 of 10/hour are left" in problem(answer, "rate-limited")["detail"]
        assert 3590 <= int(answer.headers["Retry-After"]) <= 3600
        assert left(answer.headers) == 2
        assert (await service.client.get("/generate?n=2&seed=1")).status_code == 200
        batches = len(service.engines["tiny"].batches)
        for path in ("/images/7.png", "/generate?n=oh"):
            assert (await service.client.get(path)).status_code == 429
        answer = await service.client.post("/v1/models/tiny:predict", content=b"not read")
        assert (answer.status_code, list(answer.json())) == (429, ["error"])
        assert len(service.engines["tiny"].batches) == batches
        assert 'figment_refused_total{reason="rate-limited"} 4.0' in (await service.client.get("/metrics")).text
        for path in ("/models", "/livez", "/metrics", "/"):
            answer = await service.client.get(path)
            assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)


async def test_what_can_never_be_had_is_no_matter_of_time(serve: Serve, tiny_store: Store, problem: Check) -> None:
    async with serve(tiny_store, rate="10/hour") as service:
        answer = await service.client.get("/generate?n=11&seed=1")
        assert answer.status_code == 422
        assert "Retry-After" not in answer.headers
        assert "10/hour is all" in problem(answer, "invalid-parameter")["detail"]


async def test_what_is_refused_since_too_much_waits_is_given_back(
    serve: Serve, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(tiny_store, rate="100/hour") as service:
        batcher = service.catalogue.models["tiny"].batcher

        async def full(*_: object) -> None:
            raise QueueFull("too much waits", 3.0)

        assert (await service.client.get("/generate?n=10&seed=7")).status_code == 200
        monkeypatch.setattr(batcher, "generate", full)
        for _ in range(5):
            answer = await service.client.get("/generate?n=40&seed=8")
            assert (answer.status_code, left(answer.headers)) == (503, 90)


async def test_a_search_that_is_refused_is_given_back(
    serve: Serve, tiny_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(tiny_store, rate="100/hour") as service:

        def full() -> None:
            raise QueueFull("as many searches wait as may", 3.0, "searches")

        monkeypatch.setattr(service.app.state.desk, "place", full)
        for _ in range(5):
            answer = await service.client.post("/project?steps=40", content=PNG)
            assert (answer.status_code, left(answer.headers)) == (503, 100)


async def test_a_304_costs_nothing(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, rate="10/hour") as service:
        first = await service.client.get("/images/7.png")
        again = await service.client.get("/images/7.png", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, left(again.headers)) == (304, 9)


async def test_who_has_none_left_is_still_told_that_a_picture_is_the_same(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, rate="1/hour") as service:
        tag = (await service.client.get("/images/7.png")).headers["ETag"]
        drawn = len(service.engines["tiny"].batches)
        for path, given, status in (
            ("/images/7.png", tag, 304), ("/images/8.png", tag, 429), ("/images/7.png", "", 429),
        ):  # fmt: skip
            headers = {"If-None-Match": given} if given else {}
            assert (await service.client.get(path, headers=headers)).status_code == status, path
            assert (await service.client.head(path, headers=headers)).status_code == status, path
        post = await service.client.post("/generate", headers={"If-None-Match": tag}, content=b"not read")
        assert (post.status_code, len(service.engines["tiny"].batches)) == (429, drawn)


async def test_each_key_has_its_own_rate_and_no_address_does(serve: Serve, tiny_store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(key_lines("much", "generate", rate="50/hour") + key_lines("usual", "generate"))
    keys.chmod(0o600)
    async with serve(tiny_store, keys=str(keys), rate="10/hour") as service:
        for token, rate in (("much", 50), ("usual", 10)):
            answer = await service.client.get("/generate?n=8&seed=1", headers={"X-Api-Key": token})
            assert left(answer.headers) == rate - 8
        assert "RateLimit" not in (await service.client.get("/generate")).headers


async def images(service: Service, host: str, key: str) -> httpx.Response:
    """The answer to an address that asks for four images with a key."""
    transport = ASGITransport(service.app, client=(host, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://figment") as client:
        return await client.get("/generate?n=4&seed=1", headers={"X-Api-Key": key} if key else {})


async def test_a_key_counts_wherever_it_is_used(serve: Serve, tiny_store: Store, keys: Path) -> None:
    async with serve(tiny_store, keys=str(keys), rate="10/hour") as service:
        found = [left((await images(service, host, "one")).headers) for host in ("192.0.2.1", "192.0.2.2")]
        assert found == [6, 2]


async def test_an_address_counts_whatever_keys_are_used_there(
    serve: Serve, tiny_store: Store, keys: Path, problem: Check
) -> None:
    async with serve(tiny_store, keys=str(keys), rate="8/hour", address_rate="10/hour") as service:
        first, second = [await images(service, "192.0.2.1", key) for key in ("one", "two")]
        said = [re.sub(r";t=3[56]\d\d", "", answer.headers["RateLimit"]) for answer in (first, second)]
        assert said == ['"images";r=4, "images-by-address";r=6', '"images";r=4, "images-by-address";r=2']
        assert first.headers["RateLimit-Policy"] == '"images";q=8;w=3600, "images-by-address";q=10;w=3600'
        refused = await images(service, "192.0.2.1", "two")
        assert refused.status_code == 429
        assert "and 2 of 10/hour are left for this address" in problem(refused, "rate-limited")["detail"]
        assert (await images(service, "192.0.2.2", "two")).status_code == 200
        refused = await images(service, "192.0.2.3", "two")
        assert "0 of 8/hour are left for this key; in 3" in problem(refused, "rate-limited")["detail"]


async def test_without_keys_an_address_may_have_two_rates(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, rate="10/minute", address_rate="10/minute") as service:
        answer = await images(service, "192.0.2.1", "")
        assert [each.split(";")[1] for each in answer.headers["RateLimit"].split(", ")] == ["r=6", "r=6"]


async def test_each_address_has_its_own(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, rate="10/hour") as service:
        found = []
        for host in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"):
            transport = ASGITransport(service.app, client=(host, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://figment") as client:
                found.append(left((await client.get("/images/7.png")).headers))
        assert found == [9, 9, 9, 8]


async def test_without_a_rate_nothing_is_said(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store) as service:
        assert "RateLimit" not in (await service.client.get("/images/7.png")).headers


@pytest.mark.parametrize(("path", "cost"), [("/project", True), ("/inspect", True), ("/mix", True), ("/models", False)])
def test_the_paths_that_cost(path: str, cost: bool) -> None:
    assert costs(path) is cost
