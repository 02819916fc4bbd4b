"""Measures that ask who lies near whom among features: precision, recall, density and coverage."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.measures.images import Floats, Indices

NEIGHBOURS: Final = 5
"""k of the k-th nearest neighbour, as in Naeem 2020."""


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Squared Euclidean distances: float32 [n, d] and [m, d] → float32 [n, m]."""
    squares: Floats = np.square(a).sum(1)[:, np.newaxis] + np.square(b).sum(1) - 2 * (a @ b.T)
    return np.maximum(squares, 0, out=squares)


class Manifolds:
    """The distances among and between two sets of features, float32 [n, d] each."""

    def __init__(self, real: Floats, fake: Floats) -> None:
        self._real, self._fake = squared_distances(real, real), squared_distances(fake, fake)
        self._between = squared_distances(real, fake)

    def scores(self, keep: Indices | None = None, k: int = NEIGHBOURS) -> dict[str, float]:
        """Precision, recall, density and coverage of all, or of the rows of both sets that are kept.

        A set's manifold is the union of balls around its members up to the k-th nearest other one. `precision`: the
        share of generated images inside the real manifold, and `recall` of real ones inside the generated manifold
        (Kynkäänniemi et al. 2019, arXiv 1904.06991, eqs. 1 to 3). `density`: in how many real balls a generated image
        lies, of k, and `coverage`: the share of real balls with a generated image inside (Naeem et al. 2020,
        arXiv 2002.09797, eqs. 4 and 5). Density may be above 1.

        Raises:
            ValueError: not more than k images.
        """
        real, fake, between = self._real, self._fake, self._between
        if keep is not None:
            real, fake, between = (matrix[np.ix_(keep, keep)] for matrix in (real, fake, between))
        if len(real) <= k:
            raise ValueError(f"{len(real)} images have no {k} neighbours each; more than {k} are needed")
        around_real, around_fake = _radii(real, k), _radii(fake, k)
        inside = between <= around_real[:, np.newaxis]
        return {
            "precision": float(inside.any(0).mean()),
            "recall": float((between <= around_fake).any(1).mean()),
            "density": float(inside.sum(0).mean() / k),
            "coverage": float(inside.any(1).mean()),
        }


def _radii(distances: Floats, k: int) -> NDArray[np.float32]:
    """To the k-th nearest other member; each is its own nearest."""
    nearest: NDArray[np.float32] = np.partition(distances, k, axis=1)[:, k]
    return nearest
