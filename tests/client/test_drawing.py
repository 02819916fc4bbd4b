"""The commands that draw, against a service in memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import PIL.Image
import pytest

from tests.client.conftest import Stdout

Command = Callable[..., int]


@pytest.mark.parametrize(
    ("line", "file", "url"),
    [
        ("generate -o a.png", "a.png", "/generate?format=png"),
        ("generate --seeds 0-3,ada -o a.webp", "a.webp", "/generate?seeds=0-3%2Cada&format=webp"),
        (
            "generate --seeds 1,2 --labels cat,1 --padding 2 --background #fff --scale 2 --resample lanczos -o a.jpg",
            "a.jpg",
            "/generate?seeds=1%2C2&labels=cat%2C1&padding=2&background=%23fff&scale=2.0&resample=lanczos&format=jpeg",
        ),
        ("variations ada -n 4 --distance 0.3 -o v.png", "v.png", "/variations?seed=ada&n=4&distance=0.3&format=png"),
        ("variations -o v.png", "v.png", "/variations?format=png"),
        ("mix 1 2 3 --weights=1,-1,1 -o m.png", "m.png", "/mix?seeds=1%2C2%2C3&weights=1.0%2C-1.0%2C1.0&format=png"),
        ("mix 1 2 --no-rescale -o m.png", "m.png", "/mix?seeds=1%2C2&rescale=false&format=png"),
        (
            "interpolate --seeds 1,2,3,4 --shape 8x8 -o l.png",
            "l.png",
            "/interpolate?seeds=1%2C2%2C3%2C4&shape=8x8&format=png",
        ),
        ("interpolate -t 0.5 --easing smooth -o t.png", "t.png", "/interpolate?easing=smooth&t=0.5&format=png"),
        ("image 7 --scale 4 --version 2 -o 7.webp", "7.webp", "/images/7.webp?scale=4.0&version=2"),
        (
            "generate -n 16 --seed 7 --columns 4 --truncation 0.5 --model adventurer -o a.png",
            "a.png",
            "/generate?n=16&seed=7&columns=4&format=png&truncation=0.5&model=adventurer",
        ),
        ("generate --seed -5 -o a.png", "a.png", "/generate?seed=-5&format=png"),
        ("generate --label dog -o a.png", "a.png", "/generate?format=png&label=dog"),
        ("image 7 --label 0 -o seven.png", "seven.png", "/images/7.png?label=0"),
        ("interpolate --label a,b -o w.png", "w.png", "/interpolate?format=png&label=a%2Cb"),
        ("image 7 -o seven.png", "seven.png", "/images/7.png"),
        ("image words --truncation 1 -o w.png", "w.png", "/images/words.png?truncation=1.0"),
        ("interpolate -o w.png", "w.png", "/interpolate?format=png"),
        ("interpolate --seeds 1,2 --frames 24 -o w.webp", "w.webp", "/interpolate?seeds=1%2C2&frames=24&format=webp"),
        (
            "interpolate --format gif --mode lerp --loop --fps 9 --columns 2 -o W.GIF",
            "W.GIF",
            "/interpolate?mode=lerp&loop=true&fps=9&columns=2&format=gif",
        ),
    ],
)
def test_a_command_asks_and_writes_the_file(
    figment: Command, asked: list[httpx.Request], line: str, file: str, url: str
) -> None:
    assert figment(*line.split()) == 0
    assert [str(request.url) for request in asked] == [f"http://127.0.0.1:8000{url}"]
    with PIL.Image.open(file) as image:
        assert image.format == {"jpg": "JPEG"}.get(file.lower()[-3:], Path(file).suffix[1:].upper())


def test_the_seed_the_model_and_the_replay_address_go_to_stderr(
    figment: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    figment("generate", "--seed", "7", "-o", "a.png", "--url", "http://here:9/")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["seed 7", "model adventurer/3", "replay http://here:9/generate?seed=7&format=png"]
    figment("interpolate", "-o", "a.png")
    assert "seeds 1-3\n" in capsys.readouterr().err
    figment("image", "7", "--label", "dog", "-o", "a.png")
    assert capsys.readouterr().err.splitlines()[:2] == ["seed 7", "label 1"]


def test_a_dash_writes_the_bytes_to_stdout(figment: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Stdout()
    monkeypatch.setattr("sys.stdout", stdout)
    assert figment("interpolate", "--format", "webp", "-o", "-") == 0
    with PIL.Image.open(io.BytesIO(stdout.bytes.getvalue())) as image:
        assert image.format == "WEBP"


def test_many_points_are_pictures_in_a_folder(
    figment: Command, asked: list[httpx.Request], capsys: pytest.CaptureFixture[str]
) -> None:
    assert figment("image", "0-99", "ada", "7", "z:AACAPw", "-o", "faces") == 0
    names = sorted(file.name for file in Path("faces").iterdir())
    assert len(names) == 103
    assert {"0.png", "99.png", "image-102.png", "101-7.png"} <= set(names)
    assert [request.url.params["seeds"].count(",") + 1 for request in asked] == [64, 39]
    assert asked[1].url.params["version"] == "3"
    assert capsys.readouterr().err == "103 images in faces\n"


@pytest.fixture
def face(images: Mapping[str, bytes], tmp_path: Path) -> Path:
    file = tmp_path / "face.png"
    file.write_bytes(images["png"])
    return file


def test_a_search_prints_the_point_and_writes_what_is_drawn_there(
    figment: Command, face: Path, asked: list[httpx.Request], capsys: pytest.CaptureFixture[str]
) -> None:
    assert figment("project", str(face), "--steps", "3", "--seed", "5", "-o", "near.png") == 0
    out, err = capsys.readouterr()
    assert out == "z:AACAPw\n"
    assert err.splitlines()[0] == "distance 0.1000 after 0.4 s, 3 of 3 steps"
    assert "\r" not in err
    assert str(asked[0].url) == "http://127.0.0.1:8000/project?steps=3&seed=5"
    with PIL.Image.open("near.png") as image:
        assert image.size == (3, 2)


def test_a_search_that_was_cut_off_says_so(figment: Command, face: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert figment("project", str(face), "--steps", "20") == 0
    assert "3 of 20 steps; the time was up" in capsys.readouterr().err


def test_a_search_reads_stdin_and_writes_stdout(
    figment: Command, face: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = Stdout()
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(face.open("rb")))
    assert figment("project", "-", "-o", "-") == 0
    sys.stdin.close()
    assert stdout.bytes.getvalue().startswith(b"\x89PNG")
    assert capsys.readouterr().err.startswith("z:AACAPw\n")


def test_how_far_a_search_is_stands_on_a_terminal(
    figment: Command, face: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = Stdout(terminal=True)
    monkeypatch.setattr("sys.stderr", stderr)
    assert figment("project", str(face)) == 0
    stderr.flush()
    text = stderr.bytes.getvalue().decode()
    assert "3/3 distance 0.1000" in text
    assert text.rpartition("\x1b[K")[2].startswith("distance")


def test_what_is_no_picture_is_a_problem(figment: Command, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.png").write_text("text")
    assert figment("project", "text.png") == 1
    assert "Unsupported-media (415)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("protocol", "start"), [("kitty", b"\x1b_Ga=T,f=100"), ("iterm2", b"\x1b]1337;File="), ("sixel", b"\x1bPq")]
)
def test_a_picture_is_shown_without_a_file(
    figment: Command, monkeypatch: pytest.MonkeyPatch, protocol: str, start: bytes
) -> None:
    stdout = Stdout()
    monkeypatch.setattr("sys.stdout", stdout)
    assert figment("image", "7", "--show-with", protocol) == 0
    assert stdout.bytes.getvalue().startswith(start)
    assert not list(Path().iterdir())


def test_a_picture_is_shown_beside_its_file(figment: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = Stdout(terminal=True)
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setattr("os.environ", {"TERM": "xterm-kitty"})
    assert figment("generate", "-n", "2", "--show", "-o", "two.webp") == 0
    assert Path("two.webp").exists()
    assert stdout.bytes.getvalue().startswith(b"\x1b_Ga=T")


def test_a_terminal_that_is_not_known_is_told_of(
    figment: Command, asked: list[httpx.Request], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Stdout(terminal=True))
    monkeypatch.setattr("os.environ", {"TERM": "xterm"})
    with pytest.raises(SystemExit):
        figment("generate", "--show")
    assert "--show-with kitty|iterm2|sixel" in capsys.readouterr().err
    assert asked == []
