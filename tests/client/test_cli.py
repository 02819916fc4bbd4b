from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import figment_client
import httpx
import pytest
from figment_client import cli

Answer = Callable[..., httpx.Response]
Service = Callable[[httpx.Request], httpx.Response]
Command = Callable[..., int]


class Stdout(io.TextIOWrapper):
    """A standard output to look at afterwards: a terminal or not."""

    def __init__(self, terminal: bool = False) -> None:
        self.bytes = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.bytes, encoding="utf-8")

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def asked() -> list[httpx.Request]:
    return []


@pytest.fixture
def figment(service: Service, asked: list[httpx.Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command against the service in memory, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIGMENT_URL", raising=False)

    def run(*argv: str, answer: Service = service) -> int:
        def handle(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return answer(request)

        return cli.main(argv, transport=httpx.MockTransport(handle), sleep=lambda _: None)

    return run


@pytest.mark.parametrize(
    ("line", "file", "url"),
    [
        ("generate -o a.png", "a.png", "/generate"),
        (
            "generate -n 16 --seed 7 --columns 4 --truncation 0.5 --model adventurer -o a.png",
            "a.png",
            "/generate?n=16&seed=7&columns=4&truncation=0.5&model=adventurer",
        ),
        ("generate --seed -5 -o a.png", "a.png", "/generate?seed=-5"),
        ("generate --label dog -o a.png", "a.png", "/generate?label=dog"),
        ("image 7 --label 0 -o seven.png", "seven.png", "/images/7.png?label=0"),
        ("interpolate --label a,b -o w.png", "w.png", "/interpolate?format=png&label=a%2Cb"),
        ("image 7 -o seven.png", "seven.png", "/images/7.png"),
        ("image words --truncation 1 -o w.png", "w.png", "/images/words.png?truncation=1.0"),
        ("interpolate -o w.png", "w.png", "/interpolate?format=png"),
        ("interpolate --seeds 1,2 --frames 24 -o w.webp", "w.webp", "/interpolate?seeds=1%2C2&frames=24&format=webp"),
        (
            "interpolate --format gif --mode lerp --loop --fps 9 --columns 2 -o W.GIF",
            "W.GIF",
            "/interpolate?mode=lerp&loop=true&format=gif&columns=2&fps=9",
        ),
    ],
)
def test_a_command_asks_and_writes_the_file(
    figment: Command, asked: list[httpx.Request], images: Mapping[str, bytes], line: str, file: str, url: str
) -> None:
    assert figment(*line.split()) == 0
    assert [str(request.url) for request in asked] == [f"http://127.0.0.1:8000{url}"]
    assert Path(file).read_bytes() == images[Path(file).suffix[1:].lower()]


def test_the_seed_the_model_and_the_replay_address_go_to_stderr(
    figment: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    figment("generate", "--seed", "7", "-o", "a.png", "--url", "http://here:9/")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["seed 7", "model adventurer/3", "replay http://here:9/generate?seed=7"]
    figment("interpolate", "-o", "a.png")
    assert "seeds 1,2,3\n" in capsys.readouterr().err
    figment("image", "7", "--label", "dog", "-o", "a.png")
    assert capsys.readouterr().err.splitlines()[:2] == ["seed 7", "label 1"]


def test_the_address_comes_from_the_environment(
    figment: Command, asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGMENT_URL", "http://there:1")
    figment("image", "7", "-o", "a.png")
    assert asked[0].url.host == "there"


def test_a_dash_writes_the_bytes_to_stdout(
    figment: Command, images: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = Stdout()
    monkeypatch.setattr("sys.stdout", stdout)
    assert figment("interpolate", "--format", "webp", "-o", "-") == 0
    assert stdout.bytes.getvalue() == images["webp"]


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


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "COMMAND"),
        ("draw", "invalid choice"),
        ("generate", "-o/--output"),
        ("generate -n many -o a.png", "-n"),
        ("generate -o a.webp", "a.webp: the picture will be png, so .png is needed"),
        ("generate -o a", "so .png is needed"),
        ("image -o a.png", "seed"),
        ("interpolate --format webp -o a.gif", "so .webp is needed"),
        ("interpolate --format jpeg -o a.jpeg", "invalid choice"),
        ("interpolate --seeds 1,,2 -o a.png", "empty string is no seed"),
        ("generate --label= -o a.png", "empty string is no class"),
        ("generate --timeout 0 -o a.png", "timeout 0"),
        ("generate --timeout nan -o a.png", "timeout nan"),
        ("generate --url here -o a.png", "base URL 'here'"),
    ],
)
def test_wrong_usage_is_status_2_and_asks_nothing(
    figment: Command, asked: list[httpx.Request], capsys: pytest.CaptureFixture[str], line: str, complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        figment(*line.split())
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
    assert asked == []


def test_bytes_are_not_written_to_a_terminal(
    figment: Command, asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", Stdout(terminal=True))
    with pytest.raises(SystemExit) as caught:
        figment("generate", "-o", "-")
    assert (caught.value.code, asked) == (2, [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("generate -n 65 -o a.png", "figment: Invalid-parameter (422): n: at most 64"),
        ("generate --model nobody -o a.png", "figment: Unknown-model (404)"),
        ("generate -o nowhere/a.png", "No such file or directory"),
    ],
)
def test_a_problem_is_status_1_and_one_line(
    figment: Command, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert figment(*line.split()) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_server_that_is_not_there_is_status_1(figment: Command, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    assert figment("models", answer=refuse) == 1
    assert capsys.readouterr().err == "figment: no answer from http://127.0.0.1:8000: connection refused\n"


def test_another_format_than_asked_for_is_status_1(
    figment: Command, picture_answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert figment("interpolate", "-o", "walk.webp", answer=lambda _: picture_answer("png")) == 1
    assert "needs a name ending in .png" in capsys.readouterr().err
    assert not Path("walk.webp").exists()


def test_an_interrupt_is_status_130(figment: Command, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    assert figment("generate", "-o", "a.png", answer=interrupt) == 130
    assert capsys.readouterr().err == "figment: interrupted\n"


def test_a_reader_that_left_is_status_1_without_a_word(
    figment: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "pipe").open("w") as pipe:

        class Left(Stdout):
            def flush(self) -> None:
                if not self.closed and self.tell_broken:
                    raise BrokenPipeError

            def fileno(self) -> int:
                return pipe.fileno()

            tell_broken = True

        stdout = Left()
        monkeypatch.setattr("sys.stdout", stdout)
        assert figment("models") == 1
        stdout.tell_broken = False
    assert "Traceback" not in capsys.readouterr().err


def test_the_version_is_that_of_the_package(figment: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        figment("--version")
    assert caught.value.code == 0
    assert figment_client.__version__ in capsys.readouterr().out
