"""The images that all contenders train on, in memory: drawn avatars where they are at hand, else smooth noise."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.recipe import Recipe

AVATARS = Path(__file__).parents[3] / "shared" / "data" / "adventurer-64-heldout.zip"
COUNT, SIDE = 1000, 64


def images() -> NDArray[np.uint8]:
    """uint8 [1000, 64, 64, 3]."""
    if not AVATARS.exists():
        random = np.random.default_rng(0)
        coarse = random.integers(0, 256, (COUNT, 4, 4, 3), dtype=np.uint8)
        return coarse.repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)
    with zipfile.ZipFile(AVATARS) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))[:COUNT]
        return np.stack([np.asarray(Image.open(archive.open(name)).convert("RGB")) for name in names])


class Batches:
    """Step k's images, the same for every contender: uint8 [n_critic, batch_size, 64, 64, 3]."""

    def __init__(self, recipe: Recipe) -> None:
        self._images, self._recipe = images(), recipe

    def at(self, step: int) -> NDArray[np.uint8]:
        shape = (self._recipe.n_critic, self._recipe.batch_size)
        rows = np.random.default_rng([0, step]).integers(0, len(self._images), shape)
        return self._images[rows]
