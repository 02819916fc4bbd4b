"""Many images in one picture."""

from __future__ import annotations

import math
import operator

import numpy as np

from service.pictures.colours import WHITE, Colour
from service.pictures.pixels import Pixels, check_pixels


def default_columns(n: int) -> int:
    """The columns of a grid nearest to a square: the root of n, rounded up.

    Args:
        n: how many images, 1 or more.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"a grid of {n} images; 1 or more are needed")
    return math.isqrt(n - 1) + 1


def make_grid(images: Pixels, columns: int | None = None, padding: int = 0, background: Colour = WHITE) -> Pixels:
    """Lay images out row by row, from the top left; the background is between them and in cells left over.

    Args:
        images: uint8 [n, height, width, channels], 0 … 255, any strides; channels 1, 3 or 4 (straight alpha).
        columns: cells in a row, 1 or more; more than n are cut to n; None stands for `default_columns(n)`.
        padding: pixels of background between neighbours, 0 or more; there are none around the grid.
        background: red, green, blue and straight alpha, each 0 … 255.

    Returns:
        A new contiguous array, uint8 [rows · (height + padding) - padding, columns · (width + padding) - padding, c].
        c is the images' channels, or where the background is seen and needs them 3 (a colour) or 4 (alpha below 255).

    Raises:
        TypeError: images is no uint8 array, or columns or padding no whole number.
        ValueError: a shape that cannot be drawn, columns below 1, or padding below 0.
    """
    check_pixels(images, "images", ("n", "height", "width", "channels"))
    n, height, width, _ = images.shape
    columns = default_columns(n) if columns is None else min(operator.index(columns), n)
    if columns < 1:
        raise ValueError(f"columns is {columns}; 1 or more are needed")
    if operator.index(padding) < 0:
        raise ValueError(f"padding is {padding}; 0 or more pixels are needed")
    full_rows, rest = divmod(n, columns)
    rows = full_rows + (rest > 0)
    images = _with_room(images, background) if rest or (padding and n > 1) else images
    channels = images.shape[3]
    colour = background[:channels]
    canvas = np.empty((rows, height + padding, columns, width + padding, channels), np.uint8)
    if padding:
        canvas[:] = colour
    cells = canvas.transpose(0, 2, 1, 3, 4)[:, :, :height, :width]  # a view, [row, column, height, width, channels]
    whole = full_rows * columns
    cells[:full_rows] = images[:whole].reshape(full_rows, columns, height, width, channels)
    if rest:
        cells[full_rows, :rest] = images[whole:]
        cells[full_rows, rest:] = colour
    grid = canvas.reshape(rows * (height + padding), columns * (width + padding), channels)
    return np.ascontiguousarray(grid[: len(grid) - padding, : grid.shape[1] - padding])


def _with_room(images: Pixels, background: Colour) -> Pixels:
    """The images with as many channels as they and the background need."""
    red, green, blue, alpha = background
    needed = 4 if alpha < 255 else 1 if red == green == blue else 3
    channels = images.shape[3]
    if channels >= needed:
        return images
    wider = np.full((*images.shape[:3], needed), 255, np.uint8)
    wider[..., :3] = images  # grey in all three
    return wider
