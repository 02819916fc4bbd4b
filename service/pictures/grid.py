"""Many images in one picture."""

from __future__ import annotations

import math
import operator

import numpy as np

from service.pictures.pixels import Pixels, check_pixels

WHITE = 255
"""Of every channel of a cell without an image; with four channels it is opaque too."""


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


def make_grid(images: Pixels, columns: int | None = None) -> Pixels:
    """Lay images out row by row, from the top left; cells left over are white (opaque white with alpha).

    Args:
        images: uint8 [n, height, width, channels], 0 … 255, any strides; channels 1, 3 or 4.
        columns: cells in a row, 1 or more; more than n are cut to n; None stands for `default_columns(n)`.

    Returns:
        A new contiguous array, uint8 [rows · height, columns · width, channels]; each pixel is copied once.

    Raises:
        TypeError: images is no uint8 array, or columns no whole number.
        ValueError: a shape that cannot be drawn, or columns below 1.
    """
    check_pixels(images, "images", ("n", "height", "width", "channels"))
    n, height, width, channels = images.shape
    columns = default_columns(n) if columns is None else min(operator.index(columns), n)
    if columns < 1:
        raise ValueError(f"columns is {columns}; 1 or more are needed")
    full_rows, rest = divmod(n, columns)
    rows = full_rows + (rest > 0)
    canvas = np.empty((rows, height, columns, width, channels), np.uint8)
    cells = canvas.transpose(0, 2, 1, 3, 4)  # a view, [row, column, height, width, channels]
    whole = full_rows * columns
    cells[:full_rows] = images[:whole].reshape(full_rows, columns, height, width, channels)
    if rest:
        cells[full_rows, :rest] = images[whole:]
        cells[full_rows, rest:] = WHITE
    return canvas.reshape(rows * height, columns * width, channels)
