"""The latents that are searched: where a search begins, which classes it tries, and how far out it may go.

Of a conditional generator the class is searched and the rest is optimised. Its softmax is differentiable, but so steep
that it is flat nearly everywhere: the gradient does not lead from one class to another. Every latent therefore has one
class, chosen by `bundle.classes.with_class`, and its first K numbers stay as that sets them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.classes import class_of, with_class
from bundle.latents import Latents

DRAWN: Final = 256
"""Latents that are drawn at random to begin with the best of them."""
CLASSES_TRIED: Final = 64
"""Classes that are tried at a time, of a generator with more: any of them."""
PENALTY: Final = 0.01
"""Of a latent that is too long or too short, beside losses of 0.001 … 0.1. Without it latents grew to 2.5 times the
length of those that the generator was trained on, for a tenth of the distance."""


@dataclass(frozen=True)
class Space:
    """The latents of a generator: how many numbers they have, and its classes' shares (none: no classes)."""

    latent_dim: int
    shares: tuple[float, ...] = ()

    @property
    def free(self) -> slice:
        """The numbers that are optimised: all but those of the class."""
        return slice(len(self.shares), None)

    def random(self, rng: np.random.RandomState, count: int = DRAWN) -> Latents:
        """Random latents, each purely of the class that it draws: float32 [count, latent_dim]."""
        latents = rng.randn(count, self.latent_dim).astype(np.float32)
        if not self.shares:
            return latents
        labels = class_of(latents, self.shares)
        return np.concatenate(
            [with_class(latents[i : i + 1], int(label), self.shares) for i, label in enumerate(labels)]
        )

    def of_all_classes(self, latent: Latents, rng: np.random.RandomState) -> Latents:
        """A latent, float32 [latent_dim], as each class: float32 [K, latent_dim]; only itself, if there are none.

        Of more than `CLASSES_TRIED` classes that many at random, and the latent as it is.
        """
        labels = rng.permutation(len(self.shares))[:CLASSES_TRIED]
        row = latent[np.newaxis]
        return np.concatenate([row, *(with_class(row, int(label), self.shares) for label in labels)])

    def penalties(self, latents: Latents) -> NDArray[np.float32]:
        """What is added to the losses of latents whose length is not that of random ones, √dim: float32 [n].

        `PENALTY` · (mean square − 1)², of the numbers that are free.
        """
        squares = _mean_squares(latents[:, self.free])
        return np.asarray(PENALTY * (squares - 1.0) ** 2, np.float32)

    def penalty_gradients(self, latents: Latents) -> NDArray[np.float32]:
        """The gradients of `penalties`, of the numbers that are free: float32 [n, latent_dim − K]."""
        free = latents[:, self.free]
        squares = _mean_squares(free)[:, np.newaxis]
        return np.asarray(4.0 * PENALTY * (squares - 1.0) * free / max(1, free.shape[1]), np.float32)


def _mean_squares(free: Latents) -> NDArray[np.float32]:
    return (free**2).mean(axis=1) if free.shape[1] else np.ones(len(free), np.float32)
