from collections.abc import Callable

import numpy as np
import pytest

from training.measures.pyramid import double, halve, laplacian_pyramid


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_pyramid_adds_up_to_the_images(seed: int, levels: int, channels: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (3, 64, 64, channels)).astype(np.uint8)
    rebuilt, *finer = laplacian_pyramid(images, levels)
    for details in finer:
        rebuilt = double(rebuilt) + details
    assert len(finer) == levels - 1
    assert rebuilt.dtype == np.float32
    np.testing.assert_allclose(rebuilt, np.moveaxis(images, -1, 1), atol=1e-3)


def test_a_flat_image_has_no_details() -> None:
    coarsest, *finer = laplacian_pyramid(np.full((2, 64, 64, 3), 255, np.uint8), 3)
    assert [level.shape for level in (coarsest, *finer)] == [(2, 3, size, size) for size in (16, 32, 64)]
    assert (coarsest == 255).all()
    assert not any(level.any() for level in finer)


def test_halving_blurs_with_the_binomial_kernel_and_mirrors_at_the_border() -> None:
    image = np.zeros((8, 8), np.float32)
    image[1, 4] = 256
    np.testing.assert_array_equal(halve(image)[:2], [[0, 8, 48, 8], [0, 4, 24, 4]])


@pytest.mark.parametrize("resize", [halve, double])
def test_a_flat_image_stays_flat(resize: Callable[[np.ndarray], np.ndarray]) -> None:
    assert (resize(np.full((1, 2, 16, 16), 77, np.float32)) == 77).all()
