"""Sixel graphics (DEC STD 070, chapter 9): six rows of pixels a line, one colour after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

BAND = 6  # rows in a sixel
FIRST = 63  # the character of a sixel without a pixel
LONGEST_PLAIN = 3  # sixels alike that are not longer as they are than as a repetition


def encoded(pixels: bytes, width: int, colours: Sequence[tuple[int, int, int]]) -> str:
    """
    Pixels, an index into the colours each, row by row, as a sixel sequence.

    `colours` are red, green, blue in 0 … 255; sixel has them in percent.
    """
    height = len(pixels) // width
    used = sorted(set(pixels))
    palette = "".join(f"#{index};2;{_percents(colours[index])}" for index in used)
    bands = "-".join(_band(pixels[at : at + BAND * width], width) for at in range(0, len(pixels), BAND * width))
    return f'\x1bPq"1;1;{width};{height}{palette}{bands}\x1b\\'


def _percents(colour: tuple[int, int, int]) -> str:
    return ";".join(str(round(level * 100 / 255)) for level in colour)


def _band(pixels: bytes, width: int) -> str:
    """Up to six rows: for each colour in them a line of sixels, `$` going back to the line's begin."""
    rows = [pixels[at : at + width] for at in range(0, len(pixels), width)]
    return "$".join(f"#{colour}{_line(rows, colour)}" for colour in sorted(set(pixels)))


def _line(rows: Sequence[bytes], colour: int) -> str:
    columns = zip(*rows, strict=True)
    sixels = (sum(1 << bit for bit, pixel in enumerate(column) if pixel == colour) for column in columns)
    return "".join(_run(sixel, len(list(alike))) for sixel, alike in itertools.groupby(sixels))


def _run(sixel: int, count: int) -> str:
    character = chr(FIRST + sixel)
    return character * count if count <= LONGEST_PLAIN else f"!{count}{character}"
