"""
Pictures in a terminal, by the protocol it speaks: kitty's graphics protocol, iTerm2's inline images, or sixel.

Terminals are known by what they set in the environment: to ask the terminal itself would take its input away from
whoever reads it, and would not end where nobody answers.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from . import extras
from .formats import HEAD_BYTES, container_of

PROTOCOLS = ("kitty", "iterm2", "sixel")

KITTY_CHUNK = 4096  # characters: the longest that the protocol allows
ESCAPE, BELL, STRING_END = "\x1b", "\x07", "\x1b\\"
SIXEL_TERMS = ("foot", "mlterm", "yaft", "contour")


def protocol_of(environment: Mapping[str, str]) -> str | None:
    """The protocol of the terminal that set these variables, or None where none is known."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None  # they pass none of the protocols on, unless told to
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "mintty") or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    if "KONSOLE_VERSION" in environment:
        return "kitty"
    if "sixel" in term or term.startswith(SIXEL_TERMS) or "WT_SESSION" in environment:
        return "sixel"
    return None


def shown(content: bytes, protocol: str) -> str:
    """
    What a terminal that speaks the protocol shows as the picture: characters of ASCII.

    Kitty takes PNG only and sixel pixels: for other files, and for sixel, Pillow is needed (else PillowMissing).
    """
    if protocol == "kitty":
        return kitty(content if container_of(content[:HEAD_BYTES]) == "png" else _as_png(content))
    return iterm2(content) if protocol == "iterm2" else sixel_of(content)


def kitty(png: bytes) -> str:
    """A PNG in the chunks of kitty's graphics protocol: transmit and display, and answer nothing (q=2)."""
    text = base64.b64encode(png).decode("ascii")
    chunks = [text[at : at + KITTY_CHUNK] for at in range(0, len(text), KITTY_CHUNK)]
    controls = ["a=T,f=100,q=2,", *[""] * (len(chunks) - 1)]
    more = [*["m=1"] * (len(chunks) - 1), "m=0"]
    parts = zip(controls, more, chunks, strict=True)
    return "".join(f"{ESCAPE}_G{control}{last};{chunk}{STRING_END}" for control, last, chunk in parts)


def iterm2(content: bytes) -> str:
    """A file of any format that the terminal's system knows, as iTerm2's escape sequence 1337."""
    text = base64.b64encode(content).decode("ascii")
    return f"{ESCAPE}]1337;File=inline=1;size={len(content)};preserveAspectRatio=1:{text}{BELL}"


def sixel_of(content: bytes) -> str:
    """A picture as sixels, in the 256 colours nearest to its own. Raises PillowMissing."""
    from .sixel import encoded

    image = extras.pillow("a picture in a terminal that speaks sixel")
    with image.open(io.BytesIO(content)) as opened:
        few = opened.convert("RGB").quantize(256)
    palette = few.getpalette() or []
    colours = [(palette[i], palette[i + 1], palette[i + 2]) for i in range(0, len(palette) - 2, 3)]
    return encoded(few.tobytes(), few.width, colours)


def _as_png(content: bytes) -> bytes:
    file = io.BytesIO()
    with extras.pillow("a picture other than PNG in a terminal like kitty").open(io.BytesIO(content)) as opened:
        opened.convert("RGBA").save(file, "PNG")
    return file.getvalue()
