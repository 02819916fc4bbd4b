"""Duplicates and near duplicates among decoded images.

Near is what the same picture becomes when it is encoded anew, resized and back, or made a little brighter; not a
mirrored or another crop of it. Two images are near when their thumbnails of 16 × 16 cells agree in every cell:
brightness within 20 levels of 255 (after the difference of their means), colour within 16 levels in every cell of
4 × 4, and the whole within a share of their own contrast. Candidates come from a k-d tree over the principal components
of the thumbnails: projecting never lengthens a distance, so that it finds every pair that a comparison of
all with all would, up to `NEIGHBOURS` an image. Groups are the connected components.

A perceptual hash of 64 bits would not do for drawn pictures on one background: most of its bits are the same for all.
"""

import hashlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CELLS: Final = 16
"""A thumbnail's side."""
COMPONENTS: Final = 12
"""Principal components that the tree is over; on drawn avatars they hold 78 % of the variance."""
POWER_STEPS: Final = 4
"""Steps of subspace iteration that find them (Halko 2011, algorithm 4.4); a full decomposition takes far longer."""
NEIGHBOURS: Final = 8
"""Candidates an image."""
RADIUS: Final = 8.0
"""Root-mean-square distance of thumbnails, in levels, within which candidates are looked for."""
LIGHTING: Final = 0.3
"""What is left of the difference of two images' means in that distance: a brighter copy is a copy."""
BRIGHTNESS: Final = 20.0
"""Levels by which one cell's brightness may differ."""
COLOUR: Final = 16.0
"""Levels by which one channel may differ in a cell of 4 × 4."""
CONTRAST: Final = 0.15
"""The root-mean-square difference in brightness, as a share of the flatter image's standard deviation."""
ROUNDING: Final = 0.5
"""Levels that are always allowed: thumbnails are rounded."""
LUMA: Final = (0.299, 0.587, 0.114)
"""Brightness of red, green and blue (ITU-R BT.601)."""

_AT_ONCE: Final = 1024


class Duplicates(NamedTuple):
    """Group numbers of images, int32 [count] each, from 0 in the order of the first image of a group.

    `exact`: the same pixels. `groups`: the same or nearly; every group of `exact` lies in one of `groups`.
    """

    exact: NDArray[np.int32]
    groups: NDArray[np.int32]


def find_duplicates(images: NDArray[np.uint8]) -> Duplicates:
    """The duplicates among images, uint8 [count, height, width, 1, 3 or 4 channels]; a function of the pixels alone."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    exact, first = _exact(images)
    small = thumbnails(images, first)
    pairs = _candidates(small)
    pairs = pairs[near(small[pairs[:, 0]], small[pairs[:, 1]])] if len(pairs) else pairs
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(first), len(first)))
    component = connected_components(links, directed=False)[1]
    return Duplicates(exact, _numbered(component[exact])[0])


def _exact(images: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Group numbers by pixels, and the first image of each group."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return _numbered(np.frombuffer(b"".join(digests), "V16"))


def _numbered(keys: NDArray[np.generic]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Keys as numbers in the order in which they are met first, and where that is."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[inverse.ravel()], first[order]


def thumbnails(images: NDArray[np.uint8], index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images of an index as means of cells, uint8 [n, 16, 16, 1 or 3], transparent pixels laid on white."""
    side, channels = images.shape[1], images.shape[3]
    ends = np.arange(1, side + 1) - np.linspace(0, side, CELLS + 1)[:, None]  # of each pixel, from each edge of a cell
    covered = np.clip(ends[:-1], 0, 1) - np.clip(ends[1:], 0, 1)
    weights = (covered * CELLS / side).astype(np.float32)  # [cells, side]; each row's sum is 1
    small = np.empty((len(index), CELLS, CELLS, min(channels, 3)), np.uint8)
    for start in range(0, len(index), _AT_ONCE):
        part: Floats = images[index[start : start + _AT_ONCE]].astype(np.float32)
        if channels == 4:
            alpha = part[..., 3:] / np.float32(255)
            part = part[..., :3] * alpha + 255 * (1 - alpha)
        rows = np.matmul(weights, part.reshape(len(part), side, -1)).reshape(len(part), CELLS, side, -1)
        small[start : start + _AT_ONCE] = np.rint(np.matmul(weights, rows))
    return small


def _candidates(small: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pairs of thumbnails that may be near, int64 [n, 2], the smaller number first."""
    from scipy.spatial import cKDTree  # loading SciPy takes half a second, and the second start needs none

    points = _principal_components(small.reshape(len(small), -1))
    reach = RADIUS * np.sqrt(small[0].size)
    wanted = min(NEIGHBOURS + 1, len(points))
    _, neighbours = cKDTree(points).query(points, k=np.arange(1, wanted + 1), distance_upper_bound=reach, workers=-1)
    pairs = np.stack([np.repeat(np.arange(len(points)), wanted), neighbours.ravel()], axis=1)
    found = (pairs[:, 1] < len(points)) & (pairs[:, 0] != pairs[:, 1])  # the tree says "none" by the number of points
    return np.unique(np.sort(pairs[found], axis=1), axis=0)


def _principal_components(rows: NDArray[np.uint8]) -> Floats:
    """Rows, uint8 [n, d], projected onto the directions in which they vary most: float32 [n, 12]."""
    sample = _evenly_lit(rows[:: max(1, len(rows) // 2048)])
    centre = sample.mean(0)
    sample -= centre
    directions = np.random.default_rng(0).standard_normal((rows.shape[1], COMPONENTS), np.float32)
    for _ in range(POWER_STEPS):  # orthonormal from the first on, so that no distance grows however few they are
        directions = np.linalg.qr(sample.T @ (sample @ directions))[0]
    parts = [(_evenly_lit(rows[i : i + _AT_ONCE]) - centre) @ directions for i in range(0, len(rows), _AT_ONCE)]
    return np.concatenate(parts)


def _evenly_lit(rows: NDArray[np.uint8]) -> Floats:
    lit: Floats = rows - np.float32(1 - LIGHTING) * rows.mean(1, dtype=np.float32, keepdims=True)
    return lit


def near(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pairs of thumbnails, uint8 [n, 16, 16, 1 or 3] each, show the same picture: bool [n]."""
    parts = [_near(a[i : i + _AT_ONCE], b[i : i + _AT_ONCE]) for i in range(0, len(a), _AT_ONCE)]
    return np.concatenate(parts)


def _near(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.bool_]:
    light_a, light_b = _brightness(a), _brightness(b)
    difference = light_a - light_b
    difference -= difference.mean(1, keepdims=True)
    contrast = np.minimum(light_a.std(1), light_b.std(1))
    quarter = CELLS // 4
    colour = a.astype(np.float32) - b
    colour = colour.reshape(len(a), quarter, 4, quarter, 4, -1).mean((2, 4))
    alike: NDArray[np.bool_] = (
        (np.abs(difference).max(1) < BRIGHTNESS)
        & (np.abs(colour).max((1, 2, 3)) < COLOUR)
        & (difference.std(1) < CONTRAST * contrast + ROUNDING)
    )
    return alike


def _brightness(small: NDArray[np.uint8]) -> Floats:
    """float32 [n, 256]."""
    weights = np.array(LUMA if small.shape[3] == 3 else (1.0,), np.float32)
    light: Floats = small.astype(np.float32) @ weights
    return light.reshape(len(small), -1)
