"""The README's examples are run as they stand, against a service in memory."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from figment_client import cli

README = Path(__file__).parents[2] / "client" / "README.md"
Service = Callable[[httpx.Request], httpx.Response]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _service_in_memory(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer_async(_: object, request: httpx.Request) -> httpx.Response:
        return service(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda _, request: service(request))
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer_async)
    monkeypatch.delenv("FIGMENT_URL", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_python_examples_run(tmp_path: Path) -> None:
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), {})
    written = {"grid.png", "walk.webp", "one.png", "7.png", "8.png"}
    assert {file.name for file in tmp_path.iterdir()} == written


def test_the_commands_run(tmp_path: Path) -> None:
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 4
    assert [cli.main(line[1:]) for line in lines] == [0] * len(lines)
    assert {file.name for file in tmp_path.iterdir()} == {"grid.png", "walk.webp", "seven.png"}
