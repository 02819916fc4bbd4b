"""A look at every file before it is resized: format, mode, size."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from PIL import Image

from training.source import Entry, open_image

MODES = {
    "1": "black and white", "L": "grey", "LA": "grey with alpha", "La": "grey with alpha", "P": "palette",
    "PA": "palette with alpha", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "CMYK": "CMYK",
    "YCbCr": "YCbCr", "LAB": "Lab", "HSV": "HSV", "F": "float", "I": "16 bits or more",
}  # fmt: skip
"""Pillow's modes in words; what begins with "I;" has 16 bits."""


class Look(NamedTuple):
    """What a file says of itself. `size` is of the file in bytes, of an array's image in bytes of pixels."""

    format: str
    mode: str
    width: int
    height: int
    size: int
    transparent: bool


def look_at(entries: Sequence[Entry]) -> list[Look | None]:
    """A look at each entry; None where it can no longer be read."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_look, entries, chunksize=64))


def _look(entry: Entry) -> Look | None:
    try:
        content = entry.read()
        image = open_image(content)
        transparent = _transparent(image)
    except Exception:  # as in decoding: a file may be gone by now
        return None
    mode = "16 bits or more" if image.mode.startswith("I;") else MODES.get(image.mode, image.mode)
    size = len(content) if isinstance(content, bytes) else content.nbytes
    return Look(image.format or "array", mode, *image.size, size, transparent)


def _transparent(image: Image.Image) -> bool:
    """Whether any pixel is; images that cannot be are not decoded for it."""
    return image.has_transparency_data and min(image.convert("RGBA").getchannel("A").tobytes()) < 255
