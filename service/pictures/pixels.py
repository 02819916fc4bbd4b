"""What every encoder asks of its pixels: uint8, grey, RGB or RGBA, nothing empty."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

CHANNELS = (1, 3, 4)
"""Channels that can be drawn: grey, RGB, RGBA."""


def check_pixels(pixels: Pixels, name: str, axes: tuple[str, ...]) -> None:
    """Refuse pixels that cannot be drawn.

    Args:
        pixels: what should be a uint8 array, 0 … 255, with one axis for each of `axes`.
        name: what the caller calls it, for the message.
        axes: the names of the axes; the last one is checked to be one of `CHANNELS`.

    Raises:
        TypeError: not a numpy array, or not of uint8.
        ValueError: another number of axes, an axis of length zero, or other channels than `CHANNELS`.
    """
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"{name} is a {type(pixels).__name__}; a numpy array of uint8 is needed")
    if pixels.dtype != np.uint8:
        raise TypeError(f"{name} is of {pixels.dtype}; uint8 (0 … 255) is needed")
    if pixels.ndim != len(axes):
        raise ValueError(f"{name} has the shape {pixels.shape}; [{', '.join(axes)}] is needed")
    if pixels.size == 0:
        raise ValueError(f"{name} has the shape {pixels.shape}; no axis may be of length 0")
    if pixels.shape[-1] not in CHANNELS:
        raise ValueError(f"{name} has {pixels.shape[-1]} channels; 1 (grey), 3 (RGB) or 4 (RGBA) are allowed")


def to_pillow(image: Pixels) -> Image.Image:
    """uint8 [height, width, channels], checked, any strides, as a picture of Pillow: L, RGB or RGBA."""
    return Image.fromarray(np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image))


def as_array(picture: Image.Image) -> Pixels:
    """A picture of Pillow, L, RGB or RGBA, as uint8 [height, width, channels]."""
    pixels = np.asarray(picture, np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def flattened(pixels: Pixels) -> Pixels:
    """What is seen of RGBA, uint8 […, 4] with straight alpha, on white: RGB, rounded; other channels as they are."""
    if pixels.shape[-1] != 4:
        return pixels
    alpha = pixels[..., 3:].astype(np.uint16)
    return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
