"""How far a generator's images are from real ones, and how varied they are: numpy alone, no pretrained network.

Every number comes with its floor, the same number on real images only: a distance is never 0 between finite
sets, so a value without its floor says little; both vary with the draw, and a value may lie a little below its
floor. Numbers compare only where resolution, count of images and `patches` are the same.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.manifest import Measure

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]

SMALLEST_LEVEL: Final = 16
"""Pixels: the side of the coarsest level, as in Karras 2018."""
PATCH: Final = 7
"""Pixels: the side of a neighbourhood."""
PATCHES: Final = 32
"""Neighbourhoods of an image a level. The paper takes 128; those of one image are alike, and time grows with them."""
DIRECTIONS: Final = 512
PAIRS: Final = 4096
"""Random pairs of images for `spread`."""
SCALE: Final = 1e3
"""The paper prints distances × 10³."""
FLAT: Final = 1e-3
"""Levels of 255: a channel that deviates less is constant (an opaque alpha), and is not blown up to deviation 1."""

BINOMIAL: Final = (1, 4, 6, 4, 1)
"""Sixteenths: the blur along one side, 5 pixels wide."""

_IMAGES_AT_ONCE: Final = 128
_PROJECTIONS_AT_ONCE: Final = 1 << 22


def measure(real: Images, fake: Images, seed: int = 0) -> dict[str, Measure]:
    """All measures of generated images, each with its floor; see `sliced_wasserstein` and `spread`.

    The real images are split into two random halves. The value is between the first and as many generated images,
    the floor between the two, so that there are equally many on all sides. Neither depends on the order of images.

    Args:
        real: uint8 [n, h, w, c], images that were not trained on.
        fake: uint8 [m, h, w, c]; with m < n // 2, fewer real images are taken too.
        seed: of the halves and of all that is drawn.

    Raises:
        ValueError: as `sliced_wasserstein`, and where n < 4 or m < 2.
    """
    _check(real, fake)
    count = min(len(real) // 2, len(fake))
    if count < 2:
        raise ValueError(f"{len(real)} real and {len(fake)} generated images are too few; at least 4 and 2 are needed")
    real, fake = _drawn(real, 2 * count, seed), _drawn(fake, count, seed + 1)
    half, other = real[:count], real[count:]
    values, floors = sliced_wasserstein(half, fake, seed), sliced_wasserstein(half, other, seed)
    measures = {key: Measure(value=values[key], floor=floors[key], about=_about_distance(key, count)) for key in values}
    about = (
        f"mean root-mean-square distance (levels of 0…255) between two of {count} generated images at random; "
        "far below that of the real images, the generator repeats itself"
    )
    return measures | {"spread": Measure(value=spread(fake, seed), floor=spread(real, seed), about=about)}


def sliced_wasserstein(
    real: Images, fake: Images, seed: int = 0, patches: int = PATCHES, directions: int = DIRECTIONS
) -> dict[str, float]:
    """The sliced Wasserstein distance on the Laplacian pyramid, × 10³ (Karras et al. 2018, arXiv 1710.10196, B).

    The images fall apart into details of 16, 32, … pixels; of each level, random 7 × 7 neighbourhoods are
    normalised to mean 0 and deviation 1 per channel, by each set's own statistics, and projected onto random
    directions; the distance is the mean of the one-dimensional ones. So it sees structure, sharpness, variety and
    which colours go together, but not a shift or a contrast that is the same for all images.

    Other than in the paper, both sets are looked at in the same places, and the result does not depend on the
    order of the images: two equal sets are at exactly 0.

    Args:
        real: uint8 [n, h, w, c], square, h a power of two from 16 on; c is 1, 3 or 4.
        fake: the same shape.
        seed: of places and directions; the result is a function of the images, the seed and the two numbers.
        patches: neighbourhoods of an image a level.
        directions: random projections of a level.

    Returns:
        `swd_16`, `swd_32`, … up to the resolution, and `swd_mean`, their mean.

    Raises:
        ValueError: other dtypes, shapes or numbers, or no images; says which.
    """
    _check(real, fake)
    if len(real) != len(fake):
        raise ValueError(f"{len(real)} real and {len(fake)} generated images: the distance needs equally many of both")
    if patches < 1 or directions < 1:
        raise ValueError(f"patches ({patches}) and directions ({directions}) must be at least 1")
    rng = np.random.default_rng(seed)
    sizes = _level_sizes(real.shape[1])
    places = [rng.integers(0, size - PATCH + 1, (2, len(real), patches)) for size in sizes]
    distances = {}
    for size, a, b in zip(sizes, _descriptors(real, places), _descriptors(fake, places), strict=True):
        towards = rng.standard_normal((directions, a.shape[1])).astype(np.float32)
        distances[f"swd_{size}"] = SCALE * projected_distance(a, b, towards)
    return distances | {"swd_mean": float(np.mean(list(distances.values())))}


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
    flat = images.reshape(len(images), -1)[_order(images)]
    return float(np.mean([_root_mean_square(flat[i], flat[j]) for i, j in zip(first, second, strict=True)]))


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


def laplacian_pyramid(images: Images, levels: int) -> list[Floats]:
    """Details from coarse to fine (Burt and Adelson 1983): the coarsest level, then what each doubling lacks.

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


def _level_sizes(resolution: int) -> list[int]:
    return [SMALLEST_LEVEL << i for i in range((resolution // SMALLEST_LEVEL).bit_length())]


def _descriptors(images: Images, places: list[NDArray[np.int64]]) -> Iterator[Floats]:
    """Level by level, from coarse to fine, the normalised neighbourhoods: float32 [n × patches, c × 49].

    `places` are the upper left corners, int64 [2, n, patches] a level: rows and columns.
    """
    order = _order(images)
    found: list[list[Floats]] = [[] for _ in places]
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        some = slice(start, start + _IMAGES_AT_ONCE)
        pyramid = laplacian_pyramid(images[order[some]], len(places))
        for level, place, parts in zip(pyramid, places, found, strict=True):
            parts.append(_neighbourhoods(level, *place[:, some]))
    while found:
        yield _normalised(np.concatenate(found.pop(0)))


def _neighbourhoods(images: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    """The squares below and right of the given corners of [n, c, h, w]: float32 [n × patches, c, 7, 7]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(2, 3))
    taken: Floats = windows[np.arange(len(images))[:, np.newaxis], :, rows, columns]
    return taken.reshape(-1, *taken.shape[2:])


def _normalised(patches: Floats) -> Floats:
    patches -= patches.mean(axis=(0, 2, 3), dtype=np.float64, keepdims=True).astype(np.float32)
    deviation = patches.std(axis=(0, 2, 3), dtype=np.float64, keepdims=True)
    patches /= np.where(deviation > FLAT, deviation, 1).astype(np.float32)
    return patches.reshape(len(patches), -1)


def _order(images: Images) -> NDArray[np.int64]:
    """Indices in an order that depends on the images' contents alone, and on nothing that is seen in them."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return np.array(sorted(range(len(images)), key=digests.__getitem__), dtype=np.int64)


def _drawn(images: Images, count: int, seed: int) -> Images:
    drawn: Images = images[np.random.default_rng(seed).permutation(_order(images))[:count]]
    return drawn


def _root_mean_square(a: Images, b: Images) -> float:
    return float(np.sqrt(np.mean(np.square(a.astype(np.float32) - b), dtype=np.float64)))


def _about_distance(key: str, count: int) -> str:
    level = key.removeprefix("swd_")
    what = "mean over all levels" if level == "mean" else f"details at {level} px"
    return (
        f"sliced Wasserstein distance on the Laplacian pyramid × 10³ (Karras 2018), {what}; {count} images a side, "
        "lower is closer; blind to a shift of colour or contrast common to all images"
    )


def _check(real: Images, fake: Images) -> None:
    for name, images in (("real", real), ("generated", fake)):
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(f"{name} images are {images.dtype} {list(images.shape)} instead of uint8 [n, h, w, c]")
        if not len(images):
            raise ValueError(f"there are no {name} images")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(f"real images are {list(real.shape[1:])}, generated ones {list(fake.shape[1:])}")
    height, width, channels = real.shape[1:]
    if height != width or height < SMALLEST_LEVEL or height.bit_count() != 1:
        raise ValueError(f"images of {height} × {width} pixels; squares of 16, 32, 64, 128 … pixels can be measured")
    if channels not in (1, 3, 4):
        raise ValueError(f"images have {channels} channels instead of 1, 3 or 4")
