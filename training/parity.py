"""Whether two generators draw the same: what a bundle draws against what it was made from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

IMAGES = 32
"""How many images are compared, of the seeds from 0."""
LEVELS = 1
"""The largest difference of a pixel, of 255, that rounding may make."""
SHARE = 0.02
"""The largest share of pixels that may differ at all."""


@dataclass(frozen=True)
class Parity:
    """How far two sets of pixels are apart: the largest difference, and the share of pixels that differ."""

    levels: int
    share: float

    def __str__(self) -> str:
        """For a person."""
        return f"largest difference {self.levels} of 255, {self.share:.3%} of pixels differ"

    @property
    def is_rounding(self) -> bool:
        """Whether rounding explains the difference."""
        return self.levels <= LEVELS and self.share <= SHARE


def compare(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Parity:
    """The parity of two arrays of the same shape.

    Raises:
        ValueError: their shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"images are {b.shape} instead of {a.shape}")
    difference = np.abs(a.astype(np.int16) - b.astype(np.int16))
    return Parity(int(difference.max()), float((difference > 0).mean()))


def load_signature(folder: Path) -> tf.types.experimental.GenericFunction:
    """The `serving_default` of a SavedModel; the module it belongs to is kept alive with it."""
    module = tf.saved_model.load(str(folder))
    function = module.signatures["serving_default"]
    return lambda latents: (module, function(latents=latents))[1]
