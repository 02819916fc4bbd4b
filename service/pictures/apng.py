"""Animated PNG: every frame whole and exact, in the PNG encoder's filter and deflate.

Sections (§) are those of the PNG specification, third edition: https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction

from isal import isal_zlib

from service.pictures.pixels import Pixels
from service.pictures.png import LEVEL, chunk, filter_up, start

FOR_EVER = 0  # plays, §11.3.6.1
KEEP, REPLACE = 0, 0  # what becomes of a frame, and how the next is drawn, §11.3.6.2
DELAY_MAX = 65_535  # of numerator and denominator
SIDE_MAX = 2**31 - 1  # pixels, §7.1


def encode_apng(frames: Pixels, fps: float, text: Mapping[str, str]) -> bytes:
    """Encode frames as an animated PNG that repeats for ever; one that knows only PNG sees the first frame.

    Args:
        frames: uint8 [n, height, width, channels], checked; channels 1, 3 or 4. All pixels are exact.
        fps: frames a second, 1 … 50; how long a frame lasts is exact to 1/65,535 of it.
        text: as `encode_png` takes it, with its errors.

    Raises:
        TypeError, ValueError: text that PNG cannot hold.
    """
    n, height, width, channels = frames.shape
    delay = (1 / Fraction(fps)).limit_denominator(DELAY_MAX)
    place = struct.pack(">IIIIHHBB", width, height, 0, 0, delay.numerator, delay.denominator, KEEP, REPLACE)
    parts = [*start(width, height, channels, text), *chunk(b"acTL", struct.pack(">II", n, FOR_EVER))]
    number = 0  # of the animation's chunks
    for i, frame in enumerate(frames):
        pixels = isal_zlib.compress(filter_up(frame), LEVEL)
        parts += chunk(b"fcTL", struct.pack(">I", number) + place)
        parts += chunk(b"fdAT", struct.pack(">I", number + 1) + pixels) if i else chunk(b"IDAT", pixels)
        number += 2 if i else 1
    return b"".join((*parts, *chunk(b"IEND", b"")))
