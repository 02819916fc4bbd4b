"""Images in another size."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from service.pictures.pixels import Pixels, as_array, check_pixels, to_pillow

Resample = Literal["nearest", "lanczos"]

FACTOR_MIN = 0.25
FACTOR_MAX = 8.0


def scaled_size(height: int, width: int, factor: float) -> tuple[int, int]:
    """Height and width times a factor, in whole pixels, at least one.

    Raises:
        ValueError: factor is not 0.25 … 8.
    """
    if not FACTOR_MIN <= factor <= FACTOR_MAX:
        raise ValueError(f"the scale is {factor}; {FACTOR_MIN} to {FACTOR_MAX:g} are allowed")
    return max(1, round(height * factor)), max(1, round(width * factor))


def scale_images(images: Pixels, factor: float, resample: Resample = "nearest") -> Pixels:
    """Scale images, each by itself, so that none bleeds into its neighbour in a grid.

    Args:
        images: uint8 [n, height, width, channels], 0 … 255, any strides; channels 1, 3 or 4 (straight alpha).
        factor: 0.25 … 8; a factor of 1 gives the pixels as they are.
        resample: "nearest" repeats pixels, or leaves some out; "lanczos" is smooth, and weighs the colours of RGBA by
            their alpha, so that what is invisible colours no edge.

    Returns:
        uint8 [n, *scaled_size(height, width, factor), channels].

    Raises:
        TypeError: images is no uint8 array.
        ValueError: a shape that cannot be drawn, a factor out of range, or another resample.
    """
    check_pixels(images, "images", ("n", "height", "width", "channels"))
    height, width = scaled_size(images.shape[1], images.shape[2], factor)
    if resample not in ("nearest", "lanczos"):
        raise ValueError(f"resample is {resample!r}; 'nearest' and 'lanczos' are allowed")
    if (height, width) == images.shape[1:3]:
        return images
    if resample == "nearest":
        rows, columns = _nearest(images.shape[1], height), _nearest(images.shape[2], width)
        return images.take(rows, axis=1).take(columns, axis=2)
    # Pillow multiplies the colours of RGBA by their alpha before it filters, and divides after.
    return np.stack([as_array(to_pillow(image).resize((width, height), Image.Resampling.LANCZOS)) for image in images])


def _nearest(old: int, new: int) -> np.typing.NDArray[np.intp]:
    """Of `new` pixels along an axis, in which of the `old` ones lies the middle of each."""
    return (2 * np.arange(new) + 1) * old // (2 * new)
