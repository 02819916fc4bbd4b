"""Two mixtures of Gaussians in the plane that GANs are tested for lost modes with, and the measures.

The mixtures are those of PacGAN (Lin et al. 2018, section 4.1), which took them from VEEGAN (Srivastava et al. 2017).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGH_QUALITY = 3.0
"""A sample is of high quality when it lies within that many standard deviations of the nearest centre (PacGAN, 4.1)."""

EVALUATED = 2500
"""Samples that the measures are taken on, as in PacGAN's published code."""

FAIR_PART = 0.1
"""A mode is held when high-quality samples reach it with at least this part of its fair share."""


@dataclass(frozen=True)
class Mixture:
    """Equally likely Gaussians of one standard deviation.

    Attributes:
        centres: float64 [modes, 2].
        sigma: the standard deviation along each axis, in the unit of the centres.
        scale: what points are divided by before the networks see them, so that they lie in about −1 … 1.
    """

    name: str
    centres: NDArray[np.float64]
    sigma: float
    scale: float

    def draw(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Independent points of the mixture: float64 [count, 2]."""
        centres = self.centres[random.integers(len(self.centres), size=count)]
        return centres + self.sigma * random.standard_normal((count, 2))


def ring() -> Mixture:
    """Eight Gaussians on the unit circle, σ = 0.01."""
    angles = 2 * np.pi * np.arange(8) / 8
    return Mixture("ring", np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01, 1.0)


def grid() -> Mixture:
    """Twenty-five Gaussians at (−4 + 2i, −4 + 2j), σ = 0.05."""
    places = np.arange(-4.0, 5.0, 2.0)
    first, second = np.meshgrid(places, places, indexing="ij")
    return Mixture("grid", np.stack([first.ravel(), second.ravel()], axis=1), 0.05, 4.0)


def mixture(name: str) -> Mixture:
    """The mixture of that name, `ring` or `grid`."""
    return {"ring": ring, "grid": grid}[name]()


@dataclass(frozen=True)
class Coverage:
    """What a set of samples says about the modes of a mixture.

    Attributes:
        modes: centres that at least one high-quality sample is nearest to.
        high_quality: share of samples of high quality, 0 … 1. For the mixture itself it is 1 − exp(−9/2) = 0.989.
        reverse_kl: KL divergence in nats from the uniform distribution over the modes of the samples' own, each
            sample counted for its nearest centre whatever its quality. It is log(modes) when one mode has all,
            and not a number when no sample is finite.
        held: the stricter count: centres whose high-quality samples are at least `FAIR_PART` of their fair share.
    """

    modes: int
    high_quality: float
    reverse_kl: float
    held: int


def coverage(samples: NDArray[np.floating], of: Mixture) -> Coverage:
    """Measure samples, [n, 2], against a mixture; samples that are not finite count as of no mode."""
    count = len(samples)
    points = np.asarray(samples, np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    distances = np.linalg.norm(points[:, None, :] - of.centres, axis=2)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1, initial=np.inf) < HIGH_QUALITY * of.sigma
    modes = len(of.centres)
    high = np.bincount(nearest[good], minlength=modes)
    shares = np.bincount(nearest, minlength=modes) / max(len(points), 1)
    some = shares[shares > 0]
    return Coverage(
        modes=int((high > 0).sum()),
        high_quality=float(good.sum() / count),
        reverse_kl=float((some * np.log(some * modes)).sum()) if len(some) else float("nan"),
        held=int((high >= FAIR_PART * count / modes).sum()),
    )
