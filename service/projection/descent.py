"""The search along the gradient: Adam from several starts, of which the worse half is given up time and again.

Karras et al. 2020 (Analyzing and Improving the Image Quality of StyleGAN, section 5) project pictures so into the
latents of StyleGAN. Here the losses are of pixels and of smaller copies of the pictures, since there is no network that
was trained on what people see; a start is the best of some random latents instead of their mean, which for a generator
without a mapping network is one odd picture; and instead of noise there are several starts.
"""

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.latents import Latents
from service.projection.gauge import Gauge
from service.projection.space import Space

STARTS: Final = 8
MILESTONES: Final = (0.1, 0.2, 0.4)
"""Shares of the way after which classes are tried and the worse half of the starts is given up: 8, 4, 2, 1."""
TRIED: Final = 2
"""Of the best so many latents all classes are tried at a milestone."""
RATE: Final = 0.1
"""The longest step of a number, which is about 1 in size."""
RISE: Final = 0.05
"""Share of the way in which steps become long."""
FALL: Final = 0.25
"""Share of the way in which they become short again."""
DECAY_1: Final = 0.9
"""Of the mean of gradients; this, and the next two, are Adam's own (Kingma & Ba 2015)."""
DECAY_2: Final = 0.999
"""Of the mean of their squares."""
EPSILON: Final = 1e-8


def descend(gauge: Gauge, space: Space, seed: int, way: Callable[[], float]) -> Iterator[None]:
    """Search for ever, one step at a time; what was found is in the gauge.

    Args:
        gauge: measures.
        space: what is searched.
        seed: 0 … 2³²−1, of the random latents to begin with.
        way: how much of the way is behind: 0 … 1.
    """
    rng = np.random.RandomState(seed)
    latents = space.random(rng)
    latents = latents[np.argsort(gauge.losses(latents), kind="stable")[:STARTS]]
    adam, milestones = Adam(latents[:, space.free].shape), list(MILESTONES)
    losses: NDArray[np.float32] | None = None
    while True:
        if losses is not None and milestones and way() >= milestones[0]:
            milestones.pop(0)
            order = np.argsort(losses, kind="stable")[: max(1, len(latents) // 2)]
            latents = best_classes(gauge, space, latents[order], rng)
            adam.keep(order)
        losses, gradients = gauge.slopes(latents)
        losses = losses + space.penalties(latents)
        free = gradients[:, space.free] + space.penalty_gradients(latents)
        latents = latents.copy()
        latents[:, space.free] -= rate(way()) * adam.step(free)
        yield


def best_classes(gauge: Gauge, space: Space, latents: Latents, rng: np.random.RandomState) -> Latents:
    """Latents, the best first, of which the first ones have the class that comes closest."""
    if not space.shares:
        return latents
    chosen = latents.copy()
    for i, latent in enumerate(latents[:TRIED]):
        tried = space.of_all_classes(latent, rng)
        chosen[i] = tried[np.argmin(gauge.losses(tried))]
    return chosen


def rate(way: float) -> float:
    """The length of steps: it rises in a line, stays, and falls along a cosine, as in Karras et al. 2020."""
    fall = min(1.0, max(0.0, 1.0 - way) / FALL)
    return RATE * min(1.0, max(way, 0.01) / RISE) * (0.5 - 0.5 * math.cos(math.pi * fall))


class Adam:
    """Adam (Kingma & Ba 2015) of several rows, some of which are given up on the way."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._mean, self._square = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._steps = 0

    def step(self, gradients: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is to be taken off, before the rate: about −1 … 1 a number."""
        self._steps += 1
        self._mean += (1.0 - DECAY_1) * (gradients - self._mean)
        self._square += (1.0 - DECAY_2) * (gradients**2 - self._square)
        mean = self._mean / (1.0 - DECAY_1**self._steps)
        square = self._square / (1.0 - DECAY_2**self._steps)
        return np.asarray(mean / (np.sqrt(square) + EPSILON), np.float32)

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Go on with these rows, in this order."""
        self._mean, self._square = self._mean[rows], self._square[rows]
