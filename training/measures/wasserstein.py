"""Sliced Wasserstein distances: of what is seen on the levels of the Laplacian pyramid, and of colours."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import SMALLEST, Floats, Images, Indices, check_pair, content_order
from training.measures.pyramid import laplacian_pyramid

PATCH: Final = 7
"""Pixels: the side of a neighbourhood."""
PATCHES: Final = 32
"""Neighbourhoods of an image a level. The paper takes 128; those of one image are alike, and time grows with them."""
DIRECTIONS: Final = 512
SCALE: Final = 1e3
"""The paper prints distances × 10³."""
FLAT: Final = 1e-3
"""Levels of 255: a channel that deviates less is constant (an opaque alpha), and is not blown up to deviation 1."""
PIXELS: Final = 64
"""Pixels of an image whose colours are looked at."""
COLOUR_DIRECTIONS: Final = 64

_IMAGES_AT_ONCE: Final = 128
_PROJECTIONS_AT_ONCE: Final = 1 << 22

Places = list[NDArray[np.int64]]


def sliced_wasserstein(
    real: Images, fake: Images, seed: int = 0, patches: int = PATCHES, directions: int = DIRECTIONS
) -> dict[str, float]:
    """The sliced Wasserstein distance on the Laplacian pyramid, × 10³ (Karras et al. 2018, arXiv 1710.10196, B).

    The images fall apart into details of 16, 32, … pixels; of each level, random 7 × 7 neighbourhoods are
    normalised to mean 0 and deviation 1 per channel, by each set's own statistics, and projected onto random
    directions; the distance is the mean of the one-dimensional ones. So it sees structure, sharpness, variety and
    which colours go together, but not a shift or a contrast that is the same for all images. `distance` is the
    same mean with both sets normalised by the statistics of the real one, which sees those too.

    Other than in the paper, both sets are looked at in the same places, and the result does not depend on the
    order of the images: two equal sets are at exactly 0.

    Args:
        real: uint8 [n, h, w, c], square, h a power of two from 16 on; c is 1, 3 or 4.
        fake: the same shape.
        seed: of places and directions; the result is a function of the images, the seed and the two numbers.
        patches: neighbourhoods of an image a level.
        directions: random projections of a level.

    Returns:
        `swd_16`, `swd_32`, … up to the resolution, `swd_mean`, their mean, and `distance`.

    Raises:
        ValueError: other dtypes, shapes or numbers, or no images; says which.
    """
    check_pair(real, fake)
    if len(real) != len(fake):
        raise ValueError(f"{len(real)} real and {len(fake)} generated images: the distance needs equally many of both")
    if patches < 1 or directions < 1:
        raise ValueError(f"patches ({patches}) and directions ({directions}) must be at least 1")
    sizes, places, towards = level_draws(real, seed, patches, directions)
    levels = normalised(neighbourhoods(real, places), neighbourhoods(fake, places))
    return level_distances(sizes, levels, towards)


def level_draws(images: Images, seed: int, patches: int, directions: int) -> tuple[list[int], Places, list[Floats]]:
    """Where to look: the levels' sizes, corners int64 [2, n, patches] a level, directions float32 [k, c × 49]."""
    rng = np.random.default_rng(seed)
    count, resolution, _, channels = images.shape
    sizes = [SMALLEST << i for i in range((resolution // SMALLEST).bit_length())]
    places = [rng.integers(0, size - PATCH + 1, (2, count, patches)) for size in sizes]
    shape = (directions, channels * PATCH * PATCH)
    return sizes, places, [rng.standard_normal(shape).astype(np.float32) for _ in sizes]


def neighbourhoods(images: Images, places: Places) -> list[Floats]:
    """Level by level, from coarse to fine, the squares at `places`: float32 [n, patches, c, 49], in levels of 255.

    The images are taken in the order of their contents, so that the result does not depend on theirs.
    """
    order = content_order(images)
    found: list[list[Floats]] = [[] for _ in places]
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        some = slice(start, start + _IMAGES_AT_ONCE)
        pyramid = laplacian_pyramid(images[order[some]], len(places))
        for level, place, parts in zip(pyramid, places, found, strict=True):
            parts.append(_squares(level, *place[:, some]))
    return [np.concatenate(parts) for parts in found]


@dataclass(frozen=True)
class Level:
    """Neighbourhoods of one level, float32 [n, patches, c × 49] each, normalised.

    `real` and `fake` by the statistics of their own; `fake_by_real` by those of the real ones.
    """

    real: Floats
    fake: Floats
    fake_by_real: Floats

    def keep(self, images: Indices) -> "Level":
        """Those of some images; the statistics stay those of all."""
        return Level(self.real[images], self.fake[images], self.fake_by_real[images])


def normalised(real: list[Floats], fake: list[Floats]) -> list[Level]:
    """The levels of two sets' `neighbourhoods`."""
    levels = []
    for a, b in zip(real, fake, strict=True):
        of_a, of_b = _statistics(a), _statistics(b)
        levels.append(Level(_normalised(a, of_a), _normalised(b, of_b), _normalised(b, of_a)))
    return levels


def level_distances(sizes: list[int], levels: list[Level], towards: list[Floats]) -> dict[str, float]:
    """The distances of `sliced_wasserstein` between neighbourhoods of equally many images."""
    own, common = {}, []
    for size, level, directions in zip(sizes, levels, towards, strict=True):
        real, fake, by_real = (x.reshape(-1, x.shape[-1]) for x in (level.real, level.fake, level.fake_by_real))
        own[f"swd_{size}"] = SCALE * projected_distance(real, fake, directions)
        common.append(SCALE * projected_distance(real, by_real, directions))
    return own | {"swd_mean": float(np.mean(list(own.values()))), "distance": float(np.mean(common))}


def colour_distance(real: Floats, fake: Floats, seed: int = 0) -> float:
    """The sliced Wasserstein distance between the colours of pixels, in levels of 0 … 255, nothing normalised.

    It sees a shift of colour or of contrast that all images share, and is blind to where a colour is: every pixel
    counts alone. A shift of one channel by v levels adds about v / 2 with three channels; of a grey image, v.

    Args:
        real: float32 [n, p, c], p pixels of each image (see `pixels`).
        fake: the same shape.
        seed: of the directions; the channels' own are among them.
    """
    channels = real.shape[-1]
    random = np.random.default_rng(seed).standard_normal((COLOUR_DIRECTIONS, channels))
    directions = np.concatenate([np.eye(channels), random]).astype(np.float32)
    return projected_distance(real.reshape(-1, channels), fake.reshape(-1, channels), directions)


def pixels(images: Images, seed: int = 0) -> Floats:
    """64 pixels of each image, in the order of the images' contents: float32 [n, 64, c], 0 … 255."""
    count, height, width, channels = images.shape
    flat = images[content_order(images)].reshape(count, height * width, channels)
    places = np.random.default_rng(seed).integers(0, height * width, (count, PIXELS))
    return flat[np.arange(count)[:, np.newaxis], places].astype(np.float32)


def projected_distance(a: Floats, b: Floats, directions: Floats) -> float:
    """The mean over directions of the one-dimensional Wasserstein-1 distance between projections (Rabin 2011).

    In one dimension the cheapest transport is in sorted order: the mean of |sorted a − sorted b|.

    Args:
        a: float32 [n, d].
        b: float32 [n, d].
        directions: float32 [k, d], of any length but 0.
    """
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    total, at_once = 0.0, max(1, _PROJECTIONS_AT_ONCE // len(a))
    for start in range(0, len(units), at_once):
        some = units[start : start + at_once]
        difference = np.sort(some @ a.T, axis=1) - np.sort(some @ b.T, axis=1)
        total += float(np.abs(difference).mean(axis=1, dtype=np.float64).sum())
    return total / len(units)


def _squares(images: Floats, rows: Indices, columns: Indices) -> Floats:
    """The squares below and right of the given corners of [n, c, h, w]: float32 [n, patches, c, 49]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(2, 3))
    taken: Floats = windows[np.arange(len(images))[:, np.newaxis], :, rows, columns]
    return taken.reshape(*taken.shape[:3], -1)


def _statistics(squares: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each channel, float32 [1, 1, c, 1]; a constant channel deviates by 1."""
    mean = squares.mean(axis=(0, 1, 3), dtype=np.float64, keepdims=True)
    deviation = squares.std(axis=(0, 1, 3), dtype=np.float64, keepdims=True)
    return mean.astype(np.float32), np.where(deviation > FLAT, deviation, 1).astype(np.float32)


def _normalised(squares: Floats, statistics: tuple[Floats, Floats]) -> Floats:
    mean, deviation = statistics
    normal: Floats = (squares - mean) / deviation
    return normal.reshape(*squares.shape[:2], -1)
