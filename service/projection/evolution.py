"""The search without a gradient: an evolution strategy that draws, keeps the better half, and adapts its step.

It is the (μ/μ_w, λ) strategy with cumulative step-size adaptation (Ostermeier et al. 1994; as in Hansen 2016, The CMA
Evolution Strategy: A Tutorial, without the covariance matrix, which for a hundred numbers is learnt too late).
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from service.projection.descent import MILESTONES, best_classes
from service.projection.gauge import Gauge
from service.projection.space import Space

DRAWN: Final = 32
"""λ: latents a step."""
FIRST_STEP: Final = 0.3
"""σ at the beginning, of numbers that are about 1 in size."""
LONGEST_STEP: Final = 1.0


def evolve(gauge: Gauge, space: Space, seed: int, way: Callable[[], float]) -> Iterator[None]:
    """As `descend`, without a gradient; a step draws 32 latents."""
    rng = np.random.RandomState(seed)
    latents = space.random(rng)
    centre = latents[np.argmin(gauge.losses(latents))].copy()
    size, milestones = centre[space.free].size, list(MILESTONES)
    weights = np.log(DRAWN / 2 + 0.5) - np.log(np.arange(1, DRAWN // 2 + 1))
    weights /= weights.sum()
    mass = 1.0 / (weights**2).sum()
    memory = (mass + 2.0) / (size + mass + 5.0)
    damping = 1.0 + memory + 2.0 * max(0.0, np.sqrt(max(0.0, (mass - 1.0) / (size + 1.0))) - 1.0)
    expected = np.sqrt(max(size, 1)) * (1.0 - 1.0 / (4.0 * max(size, 1)) + 1.0 / (21.0 * max(size, 1) ** 2))
    trail, sigma = np.zeros(size), FIRST_STEP
    while True:
        if milestones and way() >= milestones[0]:
            milestones.pop(0)
            centre = best_classes(gauge, space, centre[np.newaxis], rng)[0]
        steps = rng.randn(DRAWN, size)
        drawn = np.repeat(centre[np.newaxis], DRAWN, axis=0)
        drawn[:, space.free] += (sigma * steps).astype(np.float32)
        losses = gauge.losses(drawn) + space.penalties(drawn)
        mean = weights @ steps[np.argsort(losses, kind="stable")[: len(weights)]]
        centre[space.free] += (sigma * mean).astype(np.float32)
        trail = (1.0 - memory) * trail + np.sqrt(memory * (2.0 - memory) * mass) * mean
        sigma *= np.exp(memory / damping * (np.linalg.norm(trail) / expected - 1.0))
        sigma = min(sigma, LONGEST_STEP)
        yield
