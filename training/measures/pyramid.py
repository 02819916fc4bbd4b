"""The Laplacian pyramid (Burt and Adelson 1983), with the binomial kernel of OpenCV's pyrDown and pyrUp."""

from typing import Final

import numpy as np

from training.measures.images import Floats, Images

BINOMIAL: Final = (1, 4, 6, 4, 1)
"""Sixteenths: the blur along one side, 5 pixels wide."""


def laplacian_pyramid(images: Images, levels: int) -> list[Floats]:
    """Details from coarse to fine: the coarsest level, then what each doubling lacks.

    `double` of a level plus the next one is that level's image, so the last such sum is the images again.

    Args:
        images: uint8 [n, h, w, c], h and w divisible by 2^(levels − 1) and at least 3 · 2^(levels − 1).
        levels: how many, 1 for the images themselves.

    Returns:
        float32 [n, c, h / 2^i, w / 2^i], channels first, for i from levels − 1 down to 0; in levels of 255.
    """
    pyramid = [np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)]
    for _ in range(levels - 1):
        smaller = halve(pyramid[-1])
        pyramid[-1] -= double(smaller)
        pyramid.append(smaller)
    return pyramid[::-1]


def halve(images: Floats) -> Floats:
    """Half the resolution, as OpenCV's pyrDown: blurred, then every second pixel. float32 [..., h, w]."""
    height, width = images.shape[-2:]
    return _resized(images, _blur(height)[::2], _blur(width)[::2])


def double(images: Floats) -> Floats:
    """Twice the resolution, as OpenCV's pyrUp: zeros between the pixels, blurred, × 4. float32 [..., h, w]."""
    height, width = images.shape[-2:]
    return _resized(images, 2 * _blur(2 * height)[:, ::2], 2 * _blur(2 * width)[:, ::2])


def _resized(images: Floats, rows: Floats, columns: Floats) -> Floats:
    resized: Floats = np.matmul(np.matmul(rows, images), columns.T)
    return resized


def _blur(size: int) -> Floats:
    """The matrix that blurs a column of pixels, float32 [size, size]; beyond the border the pixels are mirrored."""
    mirrored = np.pad(np.eye(size, dtype=np.float32), ((2, 2), (0, 0)), mode="reflect")
    blur: Floats = np.sum([weight * mirrored[i : i + size] for i, weight in enumerate(BINOMIAL)], axis=0)
    return blur / np.float32(16)
