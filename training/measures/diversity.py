"""How varied a set of images is: the distance and the structural similarity of pairs."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import Floats, Images, content_order
from training.measures.intervals import NORMAL, Interval
from training.measures.neighbours import squared_distances

PAIRS: Final = 4096
"""Random pairs of images for `spread`."""
WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales of MS-SSIM, from fine to coarse (Wang 2003)."""
WINDOW: Final = 11
"""Pixels: the side of SSIM's Gaussian window; smaller where a scale is smaller, as in Karras 2018."""
SIGMA: Final = 1.5
STABLE: Final = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)
"""The constants C1 and C2 of SSIM (Wang 2004, eq. 13)."""
_AT_ONCE: Final = 128

Doubles = NDArray[np.float64]


def spread(images: Images, seed: int = 0, pairs: int = PAIRS) -> float:
    """The mean root-mean-square distance between the two images of a random pair, in levels of 0…255.

    Near 0 for a generator that always draws the same. Noise raises it too, so it stands beside a distance, not alone.

    Args:
        images: uint8 [n, h, w, c], n ≥ 2.
        seed: of the pairs, which never are an image and itself.
        pairs: how many are drawn.

    Raises:
        ValueError: fewer than two images or than one pair.
    """
    if len(images) < 2 or pairs < 1:
        raise ValueError(f"{len(images)} images and {pairs} pairs are too few; at least 2 and 1 are needed")
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(images), pairs)
    second = (first + rng.integers(1, len(images), pairs)) % len(images)
    flat = images.reshape(len(images), -1)[content_order(images)]
    return float(np.mean([_root_mean_square(flat[i], flat[j]) for i, j in zip(first, second, strict=True)]))


def pair_distances(images: Images) -> Floats:
    """The root-mean-square distance of every pair, in levels of 0…255: uint8 [n, h, w, c] → float32 [n, n]."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    distances: Floats = np.sqrt(squared_distances(flat, flat) / np.float32(flat.shape[1]))
    return distances


def ms_ssim(images: Images) -> tuple[float, Interval]:
    """The mean multi-scale structural similarity of pairs, −1 … 1, and its 95 % interval (Odena 2017, 1610.09585).

    Near that of real images for a varied generator, near 1 for one that repeats itself. Image 2i is compared with
    image 2i + 1, so the pairs are independent, and the interval is mean ± 1.96 standard errors.

    Args:
        images: uint8 [n, h, h, c] in random order, n ≥ 4, h a power of two from 16 on; an odd one is left out.
    """
    if len(images) < 4:
        raise ValueError(f"{len(images)} images are too few for pairs; at least 4 are needed")
    pairs = len(images) // 2
    values = np.concatenate(
        [similarity(images[0 : 2 * pairs : 2][i : i + _AT_ONCE], images[1::2][i : i + _AT_ONCE])
         for i in range(0, pairs, _AT_ONCE)]
    )  # fmt: skip
    mean, half = float(values.mean()), NORMAL * float(values.std(ddof=1)) / math.sqrt(pairs)
    return mean, (mean - half, mean + half)


def similarity(a: Images, b: Images) -> Doubles:
    """MS-SSIM of images with images (Wang et al. 2003, eq. 7), over all channels: uint8 [n, h, h, c] → float64 [n].

    Terms below 0 count as 0, so that the powers exist.
    """
    x, y = (np.moveaxis(images, -1, 1).astype(np.float64) for images in (a, b))
    result = np.ones(len(x))
    for scale, weight in enumerate(WEIGHTS):
        luminance, contrast = _terms(x, y)
        last = scale == len(WEIGHTS) - 1
        result *= np.maximum((luminance * contrast if last else contrast).mean((1, 2, 3)), 0) ** weight
        if not last:
            x, y = _halved(x), _halved(y)
    return result


def _terms(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Luminance, and contrast × structure, at each place (Wang 2004, eqs. 6 and 9 to 13)."""
    window = _window(x.shape[-1])

    def blurred(images: Doubles) -> Doubles:
        result: Doubles = window @ images @ window.T
        return result

    mean_x, mean_y = blurred(x), blurred(y)
    variances = blurred(x * x) - mean_x**2 + blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    luminance: Doubles = (2 * mean_x * mean_y + STABLE[0]) / (mean_x**2 + mean_y**2 + STABLE[0])
    contrast: Doubles = (2 * covariance + STABLE[1]) / (variances + STABLE[1])
    return luminance, contrast


def _window(side: int) -> Doubles:
    """The matrix that takes a column of pixels to its Gaussian means where the window fits, [side − w + 1, side]."""
    width = min(WINDOW, side)
    at = np.arange(width) - (width - 1) / 2
    weights = np.exp(-0.5 * (at / (SIGMA * width / WINDOW)) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((side - width + 1, side))
    for row in range(len(matrix)):
        matrix[row, row : row + width] = weights
    return matrix


def _halved(x: Doubles) -> Doubles:
    n, c, h, w = x.shape
    halved: Doubles = x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))
    return halved


def _root_mean_square(a: Images, b: Images) -> float:
    return float(np.sqrt(np.mean(np.square(a.astype(np.float32) - b), dtype=np.float64)))
