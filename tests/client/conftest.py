"""What the client's tests share: real images of a few bytes, and a service that answers from memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
import PIL.Image
import pytest

LISTING: dict[str, Any] = {
    "models": [
        {
            "name": "adventurer",
            "version": 3,
            "latent_dim": 128,
            "image_shape": [64, 64, 3],
            "seed_scheme": "numpy-randomstate-v1",
            "class_names": ["cat", "dog"],
            "digest": "sha256:1f",
            "license": "CC0-1.0",
            "attribution": "drawn for the tests",
            "default": True,
            "batch_sizes": [1, 2, 4],
        }
    ],
    "skipped": [{"path": "broken/1", "reason": "no manifest"}],
}


def encoded(name: str) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (3, 2), "teal").save(file, name.upper())
    return file.getvalue()


@pytest.fixture(scope="session")
def images() -> Mapping[str, bytes]:
    """A whole image of each format, by the format's name."""
    return {name: encoded(name) for name in ("png", "webp", "gif")}


@pytest.fixture
def listing() -> dict[str, Any]:
    return {"models": [dict(LISTING["models"][0])], "skipped": [dict(LISTING["skipped"][0])]}


@pytest.fixture
def picture_answer(images: Mapping[str, bytes]) -> Callable[..., httpx.Response]:
    """Makes an answer with a picture; a header given as None is left out."""

    def make(
        name: str = "png", *, content: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> httpx.Response:
        every: dict[str, str | None] = {
            "Content-Type": f"image/{name}",
            "Figment-Seed": "7",
            "Figment-Seeds": "7,8",
            "Figment-Model": "adventurer/3",
            "Figment-Request": "/generate?n=2&seed=7&model=adventurer",
            **(headers or {}),
        }
        kept = {key: value for key, value in every.items() if value is not None}
        return httpx.Response(200, headers=kept, content=images[name] if content is None else content)

    return make


@pytest.fixture
def problem_answer() -> Callable[..., httpx.Response]:
    """Makes a problem document of a type and status, with further members and headers."""

    def make(kind: str, status: int, *, headers: Mapping[str, str] | None = None, **members: object) -> httpx.Response:
        document = {"type": f"/problems/{kind}", "title": kind.capitalize(), "status": status, **members}
        every = {"Content-Type": "application/problem+json", **(headers or {})}
        return httpx.Response(status, headers=every, json=document)

    return make


@pytest.fixture
def service(
    picture_answer: Callable[..., httpx.Response],
    problem_answer: Callable[..., httpx.Response],
    listing: dict[str, Any],
) -> Callable[[httpx.Request], httpx.Response]:
    """A handler for httpx.MockTransport that answers as the contract says."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        replay = request.url.raw_path.decode()
        path = request.url.path
        if path == "/models":
            return httpx.Response(200, json=listing)
        if path == "/readyz":
            return httpx.Response(200, json={"ready": True})
        if path == "/interpolate":
            headers = {"Figment-Seed": None, "Figment-Seeds": "1,2,3", "Figment-Request": replay}
            return picture_answer(query.get("format", "png"), headers=headers)
        if int(query.get("n", "1")) > 64:
            errors = [{"parameter": "n", "message": "at most 64", "got": query["n"]}]
            return problem_answer("invalid-parameter", 422, detail="n: at most 64", errors=errors)
        if query.get("model", "adventurer") != "adventurer":
            return problem_answer("unknown-model", 404, models=["adventurer"])
        seed = path.removeprefix("/images/").removesuffix(".png") if path.startswith("/images/") else None
        number = seed or query.get("seed", "7")
        headers = {
            "Figment-Seed": number if number.isdigit() else "99",
            "Figment-Seeds": None,
            "Figment-Labels": {"cat": "0", "dog": "1"}.get(query.get("label", "")),
            "Figment-Request": replay,
        }
        return picture_answer(headers=headers)

    return answer
