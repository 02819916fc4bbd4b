"""The commands that tell something, against a service in memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import fake_service
from tests.client.fake_service import FakeService

Command = Callable[..., int]


def test_models_prints_a_table_and_what_was_skipped(figment: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert figment("models") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "   NAME        VERSION  IMAGE    LATENT  CLASSES  BATCHES  LICENSE",
        "*  adventurer  3        64x64x3  128     2        1,2,4    CC0-1.0",
    ]
    assert err == "skipped broken/1: no manifest\n"


def test_models_as_json_tells_all(
    figment: Command, listing: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert figment("models", "--json") == 0
    assert json.loads(capsys.readouterr().out) == listing


@pytest.fixture
def picture(figment: Command, capsys: pytest.CaptureFixture[str]) -> str:
    """A picture that was drawn: of the seeds 7 and 8."""
    assert figment("generate", "-n", "2", "--seed", "7", "--label", "1", "-o", "two.png") == 0
    capsys.readouterr()
    return "two.png"


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the service find less in a picture: the members named are null."""

    def forget(*names: str) -> None:
        def inspected(content: bytes) -> httpx.Response:
            return httpx.Response(200, json=fake_service_inspected(content).json() | dict.fromkeys(names))

        fake_service_inspected = fake_service.inspected
        monkeypatch.setattr(fake_service, "inspected", inspected)

    return forget


def test_what_a_picture_does_not_tell_is_not_printed(
    figment: Command, picture: str, untold: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    untold("request", "url", "command", "model", "version", "digest", "precision")
    assert figment("inspect", picture) == 0
    assert capsys.readouterr().out.splitlines() == ["seeds     7-8", "labels    1,1", "served    yes"]


def test_verify_says_where_there_is_nothing_to_draw_again(
    figment: Command,
    service: FakeService,
    picture: str,
    untold: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    untold("request")
    assert figment("verify", picture) == 1
    assert "does not say which request drew it: there is nothing to draw again" in capsys.readouterr().err
    assert service.asked[-1].url.path == "/inspect"


@pytest.mark.parametrize(
    ("names", "origin"), [(["version"], "adventurer,"), (["model", "version"], "of an unnamed model,")]
)
def test_verify_names_the_model_where_it_is_told(
    figment: Command,
    picture: str,
    untold: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    origin: str,
) -> None:
    untold(*names)
    assert figment("verify", picture) == 0
    assert capsys.readouterr().out.startswith(f"the same bytes: {origin} /generate")


def test_inspect_prints_what_is_known(figment: Command, picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert figment("inspect", picture) == 0
    assert capsys.readouterr().out.splitlines() == [
        "request   /generate?n=2&seed=7&format=png&label=1",
        "url       http://127.0.0.1:8000/generate?n=2&seed=7&format=png&label=1",
        "command   figment generate --seed 7",
        "seeds     7-8",
        "labels    1,1",
        "model     adventurer",
        "version   3",
        "digest    sha256:1f",
        "precision float32",
        "served    yes",
    ]
    assert figment("inspect", picture, "--json") == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == [7, 8]


def test_verify_is_0_for_the_same_bytes(figment: Command, picture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert figment("verify", picture) == 0
    assert capsys.readouterr().out == "the same bytes: adventurer/3, /generate?n=2&seed=7&format=png&label=1\n"


@pytest.mark.parametrize(
    ("shift", "options", "status", "words"),
    [
        (0, [], 0, "the same picture, every pixel to the bit"),
        (3, [], 3, "another picture, largest difference 3 of 255, 0 allowed"),
        (3, ["--tolerance", "3"], 0, "the same picture, largest difference 3 of 255, 3 allowed"),
        (3, ["--tolerance", "2"], 3, "another picture, largest difference 3 of 255, 2 allowed"),
    ],
)
def test_verify_is_3_for_other_pixels(
    figment: Command,
    service: FakeService,
    picture: str,
    capsys: pytest.CaptureFixture[str],
    shift: int,
    options: list[str],
    status: int,
    words: str,
) -> None:
    recompressed = Path(picture).read_bytes()
    at = recompressed.index(b"IDAT") - 4  # one more text: other bytes, the same pixels
    Path(picture).write_bytes(recompressed[:at] + _text_chunk() + recompressed[at:])
    service.redrawn = shift
    assert figment("verify", picture, *options) == status
    assert capsys.readouterr().out.startswith(words)
    assert figment("verify", picture, "--json", *options) == status
    assert json.loads(capsys.readouterr().out)["largest_difference"] == shift


def _text_chunk() -> bytes:
    data = b"tEXtComment\0more"
    return (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("open", "/"),
        ("open 7", "/#open=picture&picture=7"),
        ("open ada --model m --version 2", "/#model=m&version=2&open=picture&picture=ada"),
        ("open /generate?n=16&seed=7", "/#seed=7"),
        ("open /interpolate?seeds=1,2", "/#kept=1,2&chosen=1,2&loop=false&open=walk"),
    ],
)
def test_open_prints_the_pages_address_and_starts_a_browser(
    figment: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, url: str
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert figment(*line.split(), "--print", "--url", "http://here") == 0
    assert (capsys.readouterr().out, opened) == (f"http://here{url}\n", [])
    assert figment(*line.split(), "--url", "http://here") == 0
    assert opened == [f"http://here{url}"]


def test_without_a_browser_open_is_a_problem(
    figment: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert figment("open", "7") == 1
    assert "no browser" in capsys.readouterr().err
