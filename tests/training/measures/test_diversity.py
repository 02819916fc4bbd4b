from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from training.measures.diversity import ms_ssim, pair_distances, similarity, spread

Pictures = Callable[..., np.ndarray]


def test_the_spread_of_black_and_white_images_is_that_of_the_pairs() -> None:
    images = np.zeros((2, 32, 32, 3), np.uint8)
    images[1] = 255
    assert spread(images) == 255
    images[1, :, :16] = 0
    assert spread(images) == pytest.approx(255 / np.sqrt(2))


def test_all_pairs_make_the_spread_exact(pictures: Pictures) -> None:
    images = pictures(10, 0)
    flat = images.reshape(10, -1).astype(float)
    exact = np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in permutations(flat, 2)])
    assert spread(images, pairs=20_000) == pytest.approx(exact, rel=0.01)
    assert pair_distances(images).sum() / 90 == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize(("count", "pairs"), [(1, 4096), (3, 0)])
def test_too_few_for_a_pair_are_refused(pictures: Pictures, count: int, pairs: int) -> None:
    with pytest.raises(ValueError, match=f"{count} images and {pairs} pairs are too few"):
        spread(pictures(count, 0), pairs=pairs)


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_is_wholly_similar_to_itself_and_less_so_to_another(
    pictures: Pictures, size: int, channels: int
) -> None:
    a, b = pictures(3, 0, size, channels), pictures(3, 1, size, channels)
    np.testing.assert_allclose(similarity(a, a), 1)
    assert (similarity(a, b) < 0.9).all()
    np.testing.assert_allclose(similarity(a, b), similarity(b, a))


@pytest.mark.parametrize(("a", "b"), [(50, 100), (0, 255), (10, 20)])
def test_of_flat_images_only_the_coarsest_luminance_counts(a: int, b: int) -> None:
    x, y = (np.full((1, 64, 64, 1), level, np.uint8) for level in (a, b))
    stable = (0.01 * 255) ** 2
    luminance = (2 * a * b + stable) / (a**2 + b**2 + stable)
    assert similarity(x, y)[0] == pytest.approx(luminance**0.1333, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_noise_makes_images_the_less_similar_the_more_there_is(pictures: Pictures, seed: int) -> None:
    images = pictures(4, seed, 64)
    noise = np.random.default_rng(seed).normal(0, 1, images.shape)
    found = [similarity(images, (images + s * noise).clip(0, 255).astype(np.uint8)).mean() for s in (5, 15, 45)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_similarity_of_pairs_is_that_of_neighbours_and_its_interval_holds_it(pictures: Pictures, seed: int) -> None:
    images = pictures(20, seed)
    value, (low, high) = ms_ssim(images)
    assert value == pytest.approx(similarity(images[::2], images[1::2]).mean())
    assert low < value < high
    assert ms_ssim(np.repeat(images[:1], 20, 0)) == (pytest.approx(1), (pytest.approx(1), pytest.approx(1)))


def test_pairs_need_four_images(pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="3 images are too few for pairs"):
        ms_ssim(pictures(3, 0))
