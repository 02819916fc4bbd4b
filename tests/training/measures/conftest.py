from collections.abc import Callable

import numpy as np
import pytest

Pictures = Callable[..., np.ndarray]


def discs(count: int, seed: int, size: int = 32, channels: int = 3) -> np.ndarray:
    """One disc on a ground, uint8 [count, size, size, channels]: away from 0 and 255, red and green alike, blue not."""
    rng = np.random.default_rng(seed)
    across = np.arange(size)[:, np.newaxis] / size
    middle, radius = rng.uniform(0.3, 0.7, (2, count, 1, 1)), rng.uniform(0.15, 0.3, (count, 1, 1))
    inside = (across - middle[0]) ** 2 + (across.T - middle[1]) ** 2 < radius**2
    ground, disc = rng.uniform(60, 190, (2, count, 4))
    ground[:, 1], disc[:, 1] = ground[:, 0], disc[:, 0]
    colours = np.where(inside[..., np.newaxis], disc[:, None, None], ground[:, None, None])
    textured = colours + rng.normal(0, 3, colours.shape)
    return textured[..., :channels].round().astype(np.uint8)


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    """Draws `count` pictures of a seed; further arguments are size and channels."""
    return discs
