"""The Fréchet distance of Gaussians, which FID is on the features of Inception (see `inception`)."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def gaussian(features: NDArray[np.float32]) -> tuple[Doubles, Doubles]:
    """Mean and unbiased covariance of features, float32 [n, d]: float64 [d] and [d, d]."""
    x = features.astype(np.float64)
    return x.mean(0), np.atleast_2d(np.cov(x, rowvar=False))


def frechet_distance(a: tuple[Doubles, Doubles], b: tuple[Doubles, Doubles]) -> float:
    """The squared Fréchet (2-Wasserstein) distance of two Gaussians (Dowson and Landau 1982; Heusel 2017, eq. 6).

    |m₁ − m₂|² + Tr(C₁ + C₂ − 2 (C₁ C₂)^½). The trace of the root is the sum of the roots of the eigenvalues of
    C₁^½ C₂ C₁^½, which is symmetric, so no complex number arises where a covariance is singular.

    Args:
        a: mean float64 [d] and covariance float64 [d, d].
        b: the other's.
    """
    (mean_a, covariance_a), (mean_b, covariance_b) = a, b
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = root @ covariance_b @ root
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0))
    apart = float(np.square(mean_a - mean_b).sum())
    return max(0.0, apart + float(np.trace(covariance_a) + np.trace(covariance_b)) - 2 * float(roots.sum()))
