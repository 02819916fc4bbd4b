"""Colours as text."""

from __future__ import annotations

import re

from PIL import ImageColor

Colour = tuple[int, int, int, int]
"""Red, green, blue and straight alpha, each 0 … 255."""

WHITE: Colour = (255, 255, 255, 255)

TRANSPARENT = "transparent"
"""What CSS calls black that is not there; Pillow does not know it."""

BARE_HEX = re.compile(r"[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8}")
"""No colour has a name of such letters alone. In a URL a # would begin the fragment, so it may be left out."""


def parse_colour(text: str) -> Colour:
    """The colour that a text stands for; an opaque one where it says nothing of alpha.

    Args:
        text: `ffffff`, `fff`, with alpha `ffffff80` or `fff8`, each with or without #; `transparent`; or what Pillow's
            ImageColor knows: the names of CSS, `rgb(…)`, `hsl(…)`, `hsv(…)`.

    Raises:
        ValueError: none of those, or a channel out of range.
    """
    text = text.strip()
    if text.lower() == TRANSPARENT:
        return 0, 0, 0, 0
    try:
        red, green, blue, *alpha = ImageColor.getrgb(f"#{text}" if BARE_HEX.fullmatch(text) else text)
    except (ValueError, ArithmeticError):  # the latter of hundreds of digits in hsl(…)
        raise _unknown(text) from None
    colour = red, green, blue, *(alpha or [255])
    if not all(0 <= value <= 255 for value in colour):
        raise _unknown(text)
    return red, green, blue, alpha[0] if alpha else 255


def _unknown(text: str) -> ValueError:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return ValueError(
        f"{shown!r} is no colour; allowed are ffffff, ffffff80 (the last two digits are alpha), both with or "
        "without #, the names of CSS such as white, and transparent"
    )
