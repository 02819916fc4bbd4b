from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from service.pictures.png import encode_png
from tests.service.conftest import Serve

PNG = encode_png(np.zeros((4, 4, 3), np.uint8))
QUICK = "/project?steps=1"
Problem = Callable[[httpx.Response, str], dict[str, Any]]


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", None])
async def test_the_bytes_are_taken_whatever_they_are_called(client: httpx.AsyncClient, kind: str | None) -> None:
    answer = await client.post(QUICK, content=PNG, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ["x.png", "ø.bin", ""])
async def test_a_form_s_file_is_taken(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post(QUICK, files={"image": (name or "upload", PNG, "image/png")})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"picture": ("x.png", PNG)}},
        {"files": [("image", ("x.png", PNG)), ("image", ("y.png", PNG))]},
        {"files": {"image": ("x.png", PNG)}, "data": {"steps": "3"}},
        {"files": {"image": (None, b"text")}},
        {"content": PNG, "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"nothing", "headers": {"Content-Type": "Multipart/Form-Data; boundary=x"}},
    ],
)
async def test_a_form_without_exactly_that_file_is_refused(
    client: httpx.AsyncClient, problem: Problem, form: dict[str, Any]
) -> None:
    answer = await client.post(QUICK, **form)
    assert answer.status_code == 422
    assert problem(answer, "invalid-parameter")["errors"][0]["parameter"] == "image"


@pytest.mark.parametrize("how", ["length", "chunks", "form"])
async def test_a_body_that_is_too_large_is_refused(serve: Serve, tiny_store: Any, problem: Problem, how: str) -> None:  # noqa: ANN401
    content = PNG + bytes(2**20)
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 2**16
            yield bytes(2**16)

    async with serve(tiny_store, max_upload=1) as service:
        if how == "form":
            answer = await service.client.post(QUICK, files={"image": ("x.png", content)})
        else:
            answer = await service.client.post(QUICK, content=content if how == "length" else chunks())
        assert answer.status_code == 413
        assert "1048576 bytes" in problem(answer, "too-large")["detail"]
        assert sent <= 2**20 + 2**17
        fits = await service.client.post(QUICK, content=PNG + bytes(2**20 - len(PNG)))
        assert fits.status_code == 200
