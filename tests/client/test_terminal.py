from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Mapping

import PIL.Image
import pytest
from figment_client.errors import PillowMissing
from figment_client.terminal import KITTY_CHUNK, iterm2, kitty, protocol_of, shown


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm", "TERM_PROGRAM": "mintty"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "mlterm-256color"}, "sixel"),
        ({"TERM": "xterm-sixel"}, "sixel"),
        ({"WT_SESSION": "1"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "linux"}, None),
        ({}, None),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "screen", "LC_TERMINAL": "iTerm2"}, None),
        ({"TERM": "xterm-256color", "TMUX": "x", "TERM_PROGRAM": "iTerm.app"}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(environment: Mapping[str, str], protocol: str | None) -> None:
    assert protocol_of(environment) == protocol


@pytest.mark.parametrize("size", [1, 3072, 3073, 10_000])
def test_kitty_gets_the_png_in_chunks(size: int) -> None:
    png = bytes(range(256)) * (size // 256) + bytes(size % 256)
    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(png))
    assert base64.b64decode("".join(data for _, data in commands)) == png
    assert commands[0][0].startswith("a=T,f=100,q=2,m=")
    assert [control[-3:] for control, _ in commands] == ["m=1"] * (len(commands) - 1) + ["m=0"]
    assert all(len(data) <= KITTY_CHUNK for _, data in commands)


@pytest.mark.parametrize("name", ["webp", "jpeg", "gif", "avif"])
def test_kitty_gets_a_png_of_any_other_picture(images: Mapping[str, bytes], name: str) -> None:
    data = "".join(re.findall(r";([^\x1b]*)\x1b", shown(images[name], "kitty")))
    with PIL.Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("PNG", (6, 2))


@pytest.mark.parametrize("name", ["png", "webp", "gif"])
def test_iterm2_gets_the_file_as_it_is(images: Mapping[str, bytes], name: str) -> None:
    text = shown(images[name], "iterm2")
    assert text == iterm2(images[name])
    head, _, data = text.removesuffix("\x07").partition(":")
    assert head == f"\x1b]1337;File=inline=1;size={len(images[name])};preserveAspectRatio=1"
    assert base64.b64decode(data) == images[name]


def test_without_pillow_it_is_said_what_needs_it(images: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert shown(images["png"], "kitty")
    assert shown(images["webp"], "iterm2")
    with pytest.raises(PillowMissing, match="sixel needs Pillow"):
        shown(images["png"], "sixel")
    with pytest.raises(PillowMissing, match="other than PNG"):
        shown(images["webp"], "kitty")
