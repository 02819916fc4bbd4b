from collections.abc import Callable

import numpy as np
import pytest

from training.measures.memorisation import copied_share, nearer_share, nearness, shrunk
from training.measures.suite import memorisation, split

Pictures = Callable[..., np.ndarray]
SEEDS = range(3)


def noisy(images: np.ndarray) -> np.ndarray:
    return (images + np.random.default_rng(0).normal(0, 10, images.shape)).clip(0, 255).astype(np.uint8)


def moved(images: np.ndarray) -> np.ndarray:
    return np.roll(images, 1, axis=2)


def paler(images: np.ndarray) -> np.ndarray:
    return (images * 0.95 + 6).astype(np.uint8)


def same(images: np.ndarray) -> np.ndarray:
    return images


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("retouch", [same, noisy, moved, paler])
def test_copies_are_caught_however_lightly_they_are_changed(
    pictures: Pictures, retouch: Callable[[np.ndarray], np.ndarray], seed: int
) -> None:
    train, heldout = pictures(600, seed), pictures(200, seed + 100)
    found = memorisation(split(heldout, retouch(train[:100]), seed), train)
    assert found["memorisation"].value > 0.5
    assert found["memorisation"].low is not None
    assert found["memorisation"].low > 0.4
    assert found["data_copying"].value > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_generator_that_copies_now_and_then_is_caught(pictures: Pictures, seed: int) -> None:
    train, heldout, fake = pictures(600, seed), pictures(400, seed + 100), pictures(200, seed + 200)
    fake[:40] = train[:40]
    found = memorisation(split(heldout, fake, seed), train)["memorisation"]
    assert found.value == pytest.approx(0.2, abs=0.06)
    assert found.low is not None
    assert found.floor is not None
    assert found.low > 0.1 > found.floor


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_the_same_kind_are_no_copies(pictures: Pictures, seed: int) -> None:
    train, heldout, fake = pictures(600, seed), pictures(400, seed + 100), pictures(200, seed + 200)
    found = memorisation(split(heldout, fake, seed), train)
    assert found["memorisation"].value < 0.08
    assert found["data_copying"].value == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_faded_images_are_no_copies_though_they_are_near_to_all(pictures: Pictures, seed: int) -> None:
    train, heldout, fake = pictures(600, seed), pictures(400, seed + 100), pictures(200, seed + 200)
    grey = (fake * 0.3 + 87).astype(np.uint8)
    assert memorisation(split(heldout, grey, seed), train)["memorisation"].value < 0.15


@pytest.mark.parametrize("size", [16, 32, 64])
def test_an_image_shrinks_to_the_means_of_squares(pictures: Pictures, size: int) -> None:
    images = pictures(300, 0, size)
    step = size // 16
    np.testing.assert_allclose(shrunk(images)[299, :3], images[299, :step, :step].mean((0, 1)), rtol=1e-5)
    assert shrunk(images).shape == (300, 768)


def test_the_nearest_is_compared_with_the_next_twenty() -> None:
    train = np.concatenate([[[0.0]], np.full((20, 1), 10.0), np.full((30, 1), 99.0)]).astype(np.float32)
    found = nearness(np.array([[0.0], [5.0], [4.0]], np.float32), train)
    np.testing.assert_allclose(found.nearest, [0, 5, 4], atol=1e-3)
    np.testing.assert_allclose(found.ratio, [0, 1, 4 / 6], atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    train = rng.normal(size=(100, 3)).astype(np.float32)
    heldout, fake = (nearness(rng.normal(size=(50, 3)).astype(np.float32), train) for _ in range(2))
    pairs = [(a < b) + 0.5 * (a == b) for a in fake.nearest for b in heldout.nearest]
    assert nearer_share(heldout, fake) == pytest.approx(np.mean(pairs))
    assert nearer_share(heldout, heldout) == pytest.approx(0.5)
    assert copied_share(heldout, fake) == (fake.ratio < np.quantile(heldout.ratio, 0.01)).mean()


def test_too_few_training_images_are_refused() -> None:
    with pytest.raises(ValueError, match="20 training images are too few"):
        nearness(np.zeros((1, 2), np.float32), np.zeros((20, 2), np.float32))
