import numpy as np
import pytest

from training.measures.distortions import SIDE, jittered, shrink, spoiled

SEEDS = range(3)


def random(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize(("size", "channels"), [(16, 3), (32, 1), (64, 4), (128, 3)])
def test_images_of_any_size_shrink_to_one(size: int, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, channels)).astype(np.uint8)
    small = shrink(images)
    assert small.shape == (2, SIDE, SIDE, channels)
    assert small.dtype == np.float32
    assert small.mean() == pytest.approx(images.mean() / 127.5 - 1, abs=1e-5)
    assert shrink(np.full_like(images, 255)).max() == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_jitter_keeps_what_is_seen(seed: int) -> None:
    images = np.repeat(np.repeat(random(20, seed)[:, ::8, ::8], 8, 1), 8, 2)
    changed = jittered(images, np.random.default_rng(seed))
    assert changed.dtype == np.float32
    for image, other in zip(images, changed, strict=True):
        assert np.corrcoef(image.ravel(), other.ravel())[0, 1] > 0.75
    assert (changed != images).any((1, 2, 3)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_spoiled_is_like_neither_image(seed: int) -> None:
    a, b = random(40, seed), random(40, seed + 10)
    found = spoiled(a, b, np.ones(40, bool), np.random.default_rng(seed))
    assert found.shape == a.shape
    assert np.abs(found).max() <= 1
    for image, other in zip(a, found, strict=True):
        assert np.corrcoef(image.ravel(), other.ravel())[0, 1] < 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_one_class_are_never_blended(seed: int) -> None:
    """A blend of two images of one class shows it."""
    a, b = np.full((40, SIDE, SIDE, 3), 0.5, np.float32), np.full((40, SIDE, SIDE, 3), -0.5, np.float32)
    found = spoiled(a, b, np.zeros(40, bool), np.random.default_rng(seed))
    assert not any((image < 0).any() for image in found[0::5])  # these would be blends
    assert not any((image < 0).any() for image in found[1::5])  # and these collages


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mosaic_has_the_images_pixels(seed: int) -> None:
    a = random(5, seed)
    found = spoiled(a, a, np.ones(5, bool), np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(found[2].ravel()), np.sort(a[2].ravel()))
