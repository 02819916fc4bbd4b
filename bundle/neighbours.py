"""Latents made of other latents: neighbours at a distance, and sums.

All functions are pure; latents are float32.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bundle.latents import Latents

FARTHEST: Final = 2.0
"""The distance of the opposite point of a sphere, in radii."""


def neighbours(latent: Latents, noise: Latents, distance: float, classes: int = 0) -> Latents:
    """Latents as long as `latent`, at a distance from it: float32 [n, latent_dim].

    With θ = 2 asin(distance / 2) each is cos θ · z + sin θ · e, where e is a row of `noise` without its part along z,
    as long as z. So |z' − z| = distance · |z|: 0 is z itself, √2 is at a right angle, as independent latents nearly
    are, and 2 is opposite. Gaussian latents lie near a sphere, which is thus never left.

    What float32 cannot hold becomes infinite.

    Args:
        latent: float32 [latent_dim].
        noise: float32 [n, latent_dim], such as the latents of other seeds: the directions.
        distance: 0 … 2.
        classes: K of a conditional generator: the first K numbers, which choose the class, stay as they are and are no
            part of the sphere.
    """
    z, e = latent[classes:].astype(np.float64), noise[:, classes:].astype(np.float64)
    length = np.linalg.norm(z)
    if length > 0:
        e -= np.outer(e @ z / length**2, z)
    lengths = np.linalg.norm(e, axis=1, keepdims=True)
    e *= length / np.where(lengths > 0, lengths, 1.0)
    theta = 2.0 * np.arcsin(distance / FARTHEST)
    found = np.repeat(latent[np.newaxis], len(noise), axis=0)
    with np.errstate(over="ignore"):
        found[:, classes:] = np.cos(theta) * z + np.sin(theta) * e
    return found


def mix(latents: Latents, weights: Sequence[float], rescale: bool = True) -> Latents:
    """The weighted sum of latents: float32 [latent_dim]. What float32 cannot hold becomes infinite.

    Args:
        latents: float32 [n, latent_dim].
        weights: n finite numbers; 1, −1, 1 is a − b + c.
        rescale: make it as long as the latents are in the mean, since a sum of Gaussian latents is longer or shorter
            than any of them, and a generator has not seen such; a sum of zero stays zero.
    """
    terms = latents.astype(np.float64)
    mixed = np.asarray(weights, np.float64) @ terms
    length = np.linalg.norm(mixed)
    if rescale and length > 0:
        mixed *= np.linalg.norm(terms, axis=1).mean() / length
    with np.errstate(over="ignore"):
        result: Latents = mixed.astype(np.float32)
    return result
