"""Whether a generator copies its training images."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import SMALLEST, Floats, Images, Indices
from training.measures.neighbours import squared_distances

AROUND: Final = 20
"""Further neighbours, with whose distance the nearest one's is compared."""
SUSPECT: Final = 0.01
"""The share of held-out images that are taken for copies: what the threshold is set by."""
_AT_ONCE: Final = 256


@dataclass(frozen=True)
class Nearness:
    """How near images lie to the training images: float32 [n] each.

    `nearest`: the distance to the nearest one. `ratio`: that, as a share of the mean distance to the next twenty.
    """

    nearest: NDArray[np.float32]
    ratio: NDArray[np.float32]


def shrunk(images: Images) -> Floats:
    """uint8 [n, h, h, c] → float32 [n, 16 × 16 × c], means of squares: what stays of a copy that is retouched."""
    count, side, _, channels = images.shape
    step = side // SMALLEST
    parts = [
        images[i : i + _AT_ONCE].reshape(-1, SMALLEST, step, SMALLEST, step, channels).mean((2, 4), dtype=np.float32)
        for i in range(0, count, _AT_ONCE)
    ]
    return np.concatenate(parts).reshape(count, -1)


def nearness(images: Floats, train: Floats) -> Nearness:
    """How near images lie, float32 [n, d], to the training images, float32 [m, d], m > 20 (see `shrunk`).

    Raises:
        ValueError: too few training images.
    """
    if len(train) <= AROUND:
        raise ValueError(f"{len(train)} training images are too few; more than {AROUND} are needed")
    near = []
    for i in range(0, len(images), _AT_ONCE):
        squares = squared_distances(images[i : i + _AT_ONCE], train)
        near.append(np.sort(np.partition(squares, AROUND, axis=1)[:, : AROUND + 1], axis=1))
    distances = np.sqrt(np.concatenate(near))
    return Nearness(distances[:, 0], distances[:, 0] / np.maximum(distances[:, 1:].mean(1), np.float32(1e-12)))


def copied_share(heldout: Nearness, images: Nearness) -> float:
    """The share of images that stick out towards one training image, 0 … 1; 0.01 for images that are no copies.

    An image is suspect whose nearest training image is nearer, beside the next twenty, than it is for all but one in a
    hundred held-out images. The comparison with the next ones keeps a blurred image, which is near to all, apart from
    a copy, which is near to one (the ratio test of Carlini et al. 2023, arXiv 2301.13188, sec. 5.1).
    """
    return float((images.ratio < np.quantile(heldout.ratio, SUSPECT)).mean())


def nearer_share(heldout: Nearness, images: Nearness, keep: Indices | None = None) -> float:
    """The probability that an image lies nearer to the training images than a held-out one, 0 … 1; 0.5 without copying.

    The statistic of the data-copying test (Meehan et al. 2020, arXiv 2004.05675, sec. 4), Mann and Whitney's U, as a
    share; ties count half. Far above 0.5 a generator copies; below, its images are farther off than real ones.

    Args:
        heldout: nearness of held-out images.
        images: nearness of generated ones.
        keep: the rows of both that count; all without it.
    """
    real, fake = (n.nearest if keep is None else n.nearest[keep[keep < len(n.nearest)]] for n in (heldout, images))
    order = np.sort(real)
    farther = len(order) - np.searchsorted(order, fake, "right")
    equal = np.searchsorted(order, fake, "right") - np.searchsorted(order, fake, "left")
    return float((farther + 0.5 * equal).mean() / len(order))
