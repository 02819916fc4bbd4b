"""Classes: which one a latent of a conditional generator draws, and how to choose it.

A conditional generator of K classes reads its class out of the first K numbers of a latent. A standard normal number z
makes a Gumbel variate, g = −ln(−ln Φ(z)) with Φ the normal distribution function, and the class is
argmax_k (g_k + ln p_k): class k with probability p_k, its share of the training data (the Gumbel-max trick; Maddison et
al. 2017, Jang et al. 2017). So a seed has a class as it has a picture, and a latent says all there is to say.

All functions are pure.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.latents import Latents, latents_of

MIN_PROBABILITY = 1e-6
"""Φ(z) is clipped to [1e-6, 1 − 1e-6], as in the graph: g stays in [−2.63, 13.82]."""

CHOSEN = 6.0
"""The number at the place of the class that is chosen: Φ(6) is at the upper clip."""


def class_of(latents: Latents, shares: Sequence[float]) -> NDArray[np.int32]:
    """The class that each latent draws.

    Args:
        latents: float32 [n, latent_dim], of which the first K = len(shares) numbers count.
        shares: the probability of each class, > 0, 1 ≤ K ≤ latent_dim.

    Returns:
        int32 [n], each 0 … K−1.

    Raises:
        ValueError: there are no shares, or more than numbers in a latent.
    """
    _check(latents, shares)
    z = latents[:, : len(shares)].astype(np.float64)
    normal = 0.5 * np.fromiter(map(math.erfc, (z * -math.sqrt(0.5)).flat), np.float64, z.size).reshape(z.shape)
    gumbel = -np.log(-np.log(np.clip(normal, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)))
    best: NDArray[np.intp] = np.argmax(gumbel + np.log(np.asarray(shares, np.float64)), axis=1)
    return best.astype(np.int32)


def classes_of_seeds(seeds: Iterable[int], shares: Sequence[float]) -> NDArray[np.int32]:
    """The class that each seed draws, at any truncation; int32 [len(seeds)]. Arguments as of `class_of`.

    Only the first K numbers of the latents are made: a shorter latent of a seed is the beginning of a longer one.
    """
    return class_of(latents_of(seeds, len(shares)), shares)


def with_class(latents: Latents, label: int, shares: Sequence[float]) -> Latents:
    """The same latents, changed in the first K numbers alone so that all draw class `label`.

    The label's own number becomes 6 (g = 13.82), every other z becomes −|z| (g ≤ −ln ln 2 = 0.37), so the label wins
    whatever the latents are, for shares of which none is 500,000 times another.

    Args:
        latents: float32 [n, latent_dim].
        label: the class, 0 … K−1.
        shares: the probability of each class, > 0, 1 ≤ K ≤ latent_dim.

    Returns:
        float32 [n, latent_dim], a copy.

    Raises:
        ValueError: there is no such class, or as in `class_of`.
    """
    _check(latents, shares)
    if not 0 <= label < len(shares):
        raise ValueError(f"a label is a whole number 0 … {len(shares) - 1}, got {label}")
    chosen = latents.copy()
    chosen[:, : len(shares)] = -np.abs(latents[:, : len(shares)])
    chosen[:, label] = CHOSEN
    return chosen


def _check(latents: Latents, shares: Sequence[float]) -> None:
    if not 1 <= len(shares) <= latents.shape[1]:
        raise ValueError(f"1 to {latents.shape[1]} shares are needed for latents of that size, got {len(shares)}")
