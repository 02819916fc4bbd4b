"""What the client's tests share: real pictures of a few bytes, and a service that answers from memory."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from figment_client import cli

from tests.client.fake_service import LISTING, FakeService, problem, written


@pytest.fixture(scope="session")
def images() -> Mapping[str, bytes]:
    """A whole picture of each format, by the format's name."""
    names = ("png", "webp", "jpeg", "avif", "gif", "apng", "mp4", "zip", "npz", "json")
    return {name: written(name, ["7", "8"], {}) for name in names}


@pytest.fixture
def listing() -> dict[str, Any]:
    return copy.deepcopy(LISTING)


@pytest.fixture
def picture_answer(images: Mapping[str, bytes]) -> Callable[..., httpx.Response]:
    """Makes an answer with a picture; a header given as None is left out."""

    def make(
        name: str = "png", *, content: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> httpx.Response:
        every: dict[str, str | None] = {
            "Content-Type": f"image/{name}",
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
    return problem


@pytest.fixture
def service() -> FakeService:
    """A handler for httpx.MockTransport that answers as the contract says."""
    return FakeService()


class Stdout(io.TextIOWrapper):
    """A standard output to look at afterwards: a terminal or not."""

    def __init__(self, terminal: bool = False) -> None:
        self.bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.bytes, encoding="utf-8")

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def asked(service: FakeService) -> list[httpx.Request]:
    """The requests the service in memory has got."""
    return service.asked


@pytest.fixture
def figment(service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command against the service in memory, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIGMENT_URL", raising=False)

    def run(*argv: str, answer: Callable[[httpx.Request], httpx.Response] = service) -> int:
        return cli.main(argv, transport=httpx.MockTransport(answer), sleep=lambda _: None)

    return run
