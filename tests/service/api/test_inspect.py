"""`/inspect`."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from service.pictures.png import encode_png
from tests.service.conftest import Service
from tests.service.fake_engine import pixels_of

Check = Callable[[httpx.Response, str], dict[str, Any]]

PATHS = ["/generate?seed=7&n=3", "/generate.webp?seed=7", "/images/7.jpg", "/images/7.avif",
         "/interpolate?seeds=1,2&frames=3",
         "/interpolate.gif?seeds=1,2&frames=3", "/interpolate.apng?seeds=1,2&frames=3", "/variations?seed=7&noise=1",
         "/interpolate.mp4?seeds=1,2&frames=3", "/mix?seeds=1,2"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_picture_says_draws_it_again(service: Service, path: str) -> None:
    picture = await service.client.get(path)
    for body in ({"content": picture.content}, {"files": {"image": picture.content}}):
        found = (await service.client.post("/inspect", **body)).json()
        assert found["request"] == picture.headers["Figment-Request"]
        assert found["url"] == f"http://figment{found['request']}"
        assert (await service.client.get(found["url"])).content == picture.content
        assert found["command"].startswith("curl ")
        assert found["url"] in found["command"]
        assert found["seeds"] == [int(seed) for seed in picture.headers["Figment-Seeds"].split(",")]
        assert (found["model"], found["version"], found["served"]) == ("tiny", 1, True)
        assert found["digest"] == service.catalogue.models["tiny"].bundle.digest
        assert found["precision"] == "float32"


async def test_a_picture_of_another_bundle_says_that_it_is_not_served(client: httpx.AsyncClient) -> None:
    text = {"figment:request": "/images/7.png?model=gone&version=3", "figment:model": "gone/3",
            "figment:digest": "sha256:" + "0" * 64, "figment:seeds": "7"}  # fmt: skip
    found = (await client.post("/inspect", content=encode_png(pixels_of_one(), text))).json()
    assert (found["model"], found["version"], found["served"]) == ("gone", 3, False)


@pytest.mark.parametrize(
    ("text", "model", "version", "seeds"),
    [
        ({"figment:model": "x"}, "x", None, []),
        ({"figment:model": "x/y", "figment:seeds": "1,y"}, "x", None, []),
        ({"figment:model": "/1", "figment:seeds": "1,2"}, None, 1, [1, 2]),
        ({"figment:model": "x/" + "9" * 50, "figment:seeds": "9" * 11}, "x", None, []),
    ],
)
async def test_what_somebody_has_changed_is_left_out(
    client: httpx.AsyncClient, text: dict[str, str], model: str | None, version: int | None, seeds: list[int]
) -> None:
    found = (await client.post("/inspect", content=encode_png(pixels_of_one(), text))).json()
    assert (found["model"], found["version"], found["seeds"]) == (model, version, seeds)
    assert (found["request"], found["url"], found["command"], found["served"]) == (None, None, None, False)


@pytest.mark.parametrize("content", [b"", b"x", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\xff\xd8\xff"])
async def test_what_is_no_picture_of_ours_is_told(client: httpx.AsyncClient, problem: Check, content: bytes) -> None:
    body = problem(await client.post("/inspect", content=content), "invalid-parameter")
    assert body["errors"][0]["parameter"] == "image"


@pytest.mark.parametrize(
    "request_inside",
    ["@evil.example/x", ".evil.example/x", "//evil.example/x", "http://evil.example/", "javascript:1", "-o", "/docs",
     "/images/ø.png", "generate?n=1"],
)  # fmt: skip
async def test_an_address_of_another_is_not_passed_on(client: httpx.AsyncClient, request_inside: str) -> None:
    picture = encode_png(pixels_of_one(), {"figment:request": request_inside, "figment:model": "x/1"})
    answer = await client.post("/inspect", content=picture)
    assert answer.status_code == 200
    assert (answer.json()["request"], answer.json()["url"], answer.json()["command"]) == (None, None, None)


async def test_a_picture_without_provenance_is_told(client: httpx.AsyncClient, problem: Check) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    problem(await client.post("/inspect", content=buffer.getvalue()), "invalid-parameter")


async def test_too_large_a_file_is_not_read(client: httpx.AsyncClient, problem: Check, service: Service) -> None:
    size = service.catalogue.settings.max_upload * 2**20 + 1
    problem(await client.post("/inspect", content=bytes(size)), "too-large")


def pixels_of_one() -> Any:  # noqa: ANN401
    import numpy as np

    return pixels_of(np.zeros((1, 16), np.float32))[0]
