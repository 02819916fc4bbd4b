"""The images of each step."""

import numpy as np
from numpy.typing import NDArray

from training.dataset import ImageSet, Shuffled
from training.recipe import Recipe


class Batches:
    """Step k's images: a function of the seed and k."""

    def __init__(self, data: ImageSet, recipe: Recipe, seed: int) -> None:
        self._images, self._labels, self._recipe = data.images, data.labels, recipe
        self._order = Shuffled(len(data.images), seed)

    def at(self, step: int) -> tuple[NDArray[np.uint8], NDArray[np.int32] | None]:
        """Images uint8 [n_critic, batch_size, height, width, channels], their classes int32 [n_critic, batch_size]."""
        shape, per_step = (self._recipe.n_critic, self._recipe.batch_size), self._recipe.images_per_step
        indices = self._order.indices(step * per_step, per_step)
        images: NDArray[np.uint8] = self._images[indices]
        labels = None if self._labels is None else self._labels[indices].reshape(shape)
        return images.reshape(*shape, *images.shape[1:]), labels
