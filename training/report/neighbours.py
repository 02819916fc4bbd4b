"""The training images nearest to samples: whether a generator draws, or repeats what it was shown.

The distance is the root mean square difference, in levels of 0 … 255, of both images averaged over blocks to
16 × 16: what has the same masses and colours is near, whatever its noise and fine lines. It is a pixel
distance: it finds copies, not kinship. Its scale is what real images get that have no copy among the others:
held-out images, or training images with themselves left out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.dataset import Selection

Images = NDArray[np.uint8] | Selection
Floats = NDArray[np.float32]

SIDE: Final = 16
"""Pixels: the side of the averaged images."""
NEAREST: Final = 4
"""Neighbours of a sample."""
SHOWN: Final = 10
"""Samples that are shown: those nearest to a training image."""
REFERENCES: Final = 256
"""Real images that give the scale."""
CHUNK_BYTES: Final = 32 << 20
"""Bytes of training images that are read at once."""


@dataclass(frozen=True)
class Neighbour:
    """A training image and its distance to a sample."""

    index: int
    distance: float


@dataclass(frozen=True)
class Neighbours:
    """What was found.

    `samples` are the samples nearest to a training image, by their place on the sheet (which is their seed), each
    with its neighbours from near to far. `typical` is the median distance of all samples to their nearest training
    image, `real` the same of real images that are not among those searched, and `real_low` the distance that one
    in twenty of these stays below.
    """

    samples: tuple[tuple[int, tuple[Neighbour, ...]], ...]
    typical: float
    real: float
    real_low: float
    searched: int
    references: int
    held_out: bool


def nearest(
    samples: NDArray[np.uint8], data: Images, flip: bool = False, heldout: Images | None = None
) -> Neighbours | None:
    """Search all of the training images, in chunks.

    Args:
        samples: uint8 [n, h, w, c].
        data: uint8 [m, h, w, c], in memory, mapped from a file, or a selection of that.
        flip: whether training saw mirrored images; samples are then also compared mirrored.
        heldout: uint8 [k, h, w, c], real images that were not trained on.

    Returns:
        None where there are fewer than two training images, or they have another shape than the samples.
    """
    if len(data) < 2 or data.shape[1:] != samples.shape[1:]:
        return None
    random = np.random.default_rng(0)
    pool = heldout if heldout is not None and len(heldout) and heldout.shape[1:] == data.shape[1:] else data
    drawn = np.sort(random.permutation(len(pool))[:REFERENCES])
    mirrored = samples[:, :, ::-1] if flip else samples
    squares = _squared_distances(low_pass(np.concatenate([samples, mirrored, pool[drawn]])), data)
    n = len(samples)
    found, real = np.minimum(squares[:n], squares[n : 2 * n]), squares[2 * n :]
    if pool is data:
        real[np.arange(len(drawn)), drawn] = np.inf
    distances, reals = np.sqrt(found), np.sqrt(real.min(axis=1))
    order = np.argsort(distances.min(axis=1), kind="stable")[:SHOWN]
    return Neighbours(
        samples=tuple((int(i), _first(distances[i])) for i in order),
        typical=float(np.median(distances.min(axis=1))),
        real=float(np.median(reals)),
        real_low=float(np.quantile(reals, 0.05)),
        searched=len(data),
        references=len(drawn),
        held_out=pool is not data,
    )


def low_pass(images: NDArray[np.uint8]) -> Floats:
    """The means of blocks: uint8 [n, h, w, c] → float32 [n, 16 · 16 · c], or unchanged where h or w is no multiple."""
    count, height, width, channels = images.shape
    if height % SIDE or width % SIDE:
        return images.reshape(count, -1).astype(np.float32)
    down, across = height // SIDE, width // SIDE
    lines = images.reshape(count * SIDE, down, width * channels)
    rows = lines[:, 0].astype(np.uint16)  # whose sums stay below 2¹⁶ up to 256 px
    for i in range(1, down):  # one addition a line is three times as quick as a sum over a short axis
        rows += lines[:, i]
    columns = rows.reshape(count * SIDE * SIDE, across, channels)
    sums = columns[:, 0].astype(np.uint32)
    for i in range(1, across):
        sums += columns[:, i]
    return sums.reshape(count, -1).astype(np.float32) / np.float32(down * across)


def _squared_distances(queries: Floats, data: Images) -> Floats:
    """Mean squared differences of each query to each training image: float32 [queries, images].

    By |q − x|² = |q|² − 2 q·x + |x|², about the queries' mean, which keeps the sums small.
    """
    centre = queries.mean(axis=0)
    queries = queries - centre
    own = np.square(queries).sum(axis=1)
    result = np.empty((len(queries), len(data)), np.float32)
    step = max(1, CHUNK_BYTES // max(1, data[:1].nbytes))
    for begin in range(0, len(data), step):
        chunk = low_pass(data[begin : begin + step]) - centre
        result[:, begin : begin + step] = own[:, None] - 2 * queries @ chunk.T + np.square(chunk).sum(axis=1)
    return np.divide(np.maximum(result, 0, out=result), np.float32(queries.shape[1]), out=result)


def _first(distances: Floats) -> tuple[Neighbour, ...]:
    near = np.argsort(distances, kind="stable")[:NEAREST]
    return tuple(Neighbour(int(i), float(distances[i])) for i in near)
