from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import figment_client
import httpx
import pytest

from tests.client.conftest import Stdout

Answer = Callable[..., httpx.Response]
Command = Callable[..., int]


def test_the_address_comes_from_the_environment(
    figment: Command, asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGMENT_URL", "http://there:1")
    figment("image", "7", "-o", "a.png")
    assert asked[0].url.host == "there"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "COMMAND"),
        ("draw", "invalid choice"),
        ("generate", "-o FILE is needed, or --show"),
        ("generate -n many -o a.png", "-n"),
        ("generate --format png -o a.webp", "a.webp': the picture will be png, so .png is needed"),
        ("generate -o a", "the ending names no format"),
        ("image -o a.png", "POINT"),
        ("image 1 2 -o a.png", "folder"),
        ("image 1-2 --scale 2 -o a", "folder"),
        ("image 1 2", "folder"),
        ("image 1 2 -o -", "folder"),
        ("mix 1 2 --weights=a,b -o a.png", "weights 'a,b'"),
        ("mix 1 2 --weights=1 -o a.png", "1 for 2 points"),
        ("mix 1 2 --columns 2 -o a.png", "--columns"),
        ("generate --show -o a.png", "no terminal"),
        ("generate --show-with kitty --format zip -o a.zip", "zip is no picture that a terminal shows"),
        ("generate --show-with ascii", "invalid choice"),
        ("generate --show-with kitty -o -", "-o -"),
        ("completion tcsh", "invalid choice"),
        ("interpolate --format webp -o a.gif", "so .webp is needed"),
        ("interpolate --format bmp -o a.bmp", "invalid choice"),
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


@pytest.mark.parametrize("command", ["generate", "mix 1 2", "image 7"])
def test_wrong_usage_of_a_command_shows_the_usage_of_that_command(
    figment: Command, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit):
        figment(*command.split())
    assert capsys.readouterr().err.startswith(f"usage: figment {command.split()[0]} ")


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
        ("generate -o nowhere/a.png", "there is no such folder: 'nowhere'"),
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
    assert not list(Path().iterdir())


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
