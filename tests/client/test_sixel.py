"""Sixels are decoded again, by the standard and not by the encoder."""

from __future__ import annotations

import io
import random
import re

import PIL.Image
import pytest
from figment_client.sixel import encoded
from figment_client.terminal import shown


def decoded(text: str) -> tuple[int, int, list[list[tuple[int, int, int]]]]:
    """The width, the height and the colours (in percent) of the rows that a terminal would draw."""
    body = re.fullmatch(r'\x1bPq"1;1;([0-9]+);([0-9]+)(.*)\x1b\\', text)
    assert body is not None
    width, height = int(body[1]), int(body[2])
    rows = [[(-1, -1, -1)] * width for _ in range(height)]
    palette: dict[int, tuple[int, int, int]] = {}
    x = y = colour = 0
    for token in re.finditer(r"#([0-9]+);2;([0-9]+);([0-9]+);([0-9]+)|#([0-9]+)|!([0-9]+)(.)|([?-~])|([$-])", body[3]):
        if token[2]:
            palette[int(token[1])] = (int(token[2]), int(token[3]), int(token[4]))
        elif token[5]:
            colour = int(token[5])
        elif token[9]:
            x, y = 0, y + (6 if token[9] == "-" else 0)
        else:
            bits, count = ord(token[7] or token[8]) - 63, int(token[6] or 1)
            for row in (rows[y + bit] for bit in range(6) if bits >> bit & 1):
                row[x : x + count] = [palette[colour]] * count
            x += count
    return width, height, rows


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 1), (5, 6), (7, 13), (300, 8)])
def test_every_pixel_is_drawn_in_its_colour(seed: int, size: tuple[int, int]) -> None:
    width, height = size
    pick = random.Random(seed)
    pixels = bytes(pick.choice((0, 0, 0, 0, 1, 5)) for _ in range(width * height))
    colours = [(255, 0, 51), (0, 128, 255), *[(0, 0, 0)] * 3, (102, 204, 0)]
    percents = {0: (100, 0, 20), 1: (0, 50, 100), 5: (40, 80, 0)}
    drawn = [[percents[pixel] for pixel in pixels[at : at + width]] for at in range(0, len(pixels), width)]
    assert decoded(encoded(pixels, width, colours)) == (width, height, drawn)


def test_a_plain_picture_is_short() -> None:
    assert len(encoded(bytes(64 * 64), 64, [(1, 2, 3)])) < 150


def test_a_picture_is_shown_in_its_colours() -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (9, 7), (255, 0, 51)).save(file, "PNG")
    width, height, rows = decoded(shown(file.getvalue(), "sixel"))
    assert (width, height) == (9, 7)
    assert {colour for row in rows for colour in row} == {(100, 0, 20)}
