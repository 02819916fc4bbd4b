from collections.abc import Callable

import numpy as np
import pytest

from training.measures import measure_all, quick_measures
from training.measures.pyramid import double, halve
from training.measures.suite import feature_measures, split

Pictures = Callable[..., np.ndarray]
SEEDS = range(3)
COUNT = 64
BETWEEN_0_AND_1 = {"precision", "recall", "coverage", "c2st", "memorisation", "data_copying"}


def blurred(images: np.ndarray) -> np.ndarray:
    first = np.moveaxis(images, -1, 1).astype(np.float32)
    return np.moveaxis(double(halve(first)), 1, -1).round().astype(np.uint8)


def noisy(images: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 15, images.shape)
    return (images + noise).clip(0, 255).astype(np.uint8)


def recoloured(images: np.ndarray) -> np.ndarray:
    return np.roll(images, 1, axis=-1)


def greyed(images: np.ndarray) -> np.ndarray:
    return np.repeat(images.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)


def tinted(images: np.ndarray) -> np.ndarray:
    """Each image in another colour."""
    tints = np.random.default_rng(0).normal(0, 40, (len(images), 1, 1, 3))
    return (images + tints).clip(0, 255).astype(np.uint8)


def collapsed(images: np.ndarray) -> np.ndarray:
    return np.repeat(images[:1], len(images), axis=0)


def paler(images: np.ndarray) -> np.ndarray:
    return (images * 0.7 + 50).astype(np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spoil", [blurred, noisy, recoloured, greyed, tinted, collapsed, paler])
def test_spoiled_images_are_farther_from_real_ones_than_real_ones(
    pictures: Pictures, spoil: Callable[[np.ndarray], np.ndarray], seed: int
) -> None:
    found = quick_measures(pictures(2 * COUNT, seed), spoil(pictures(COUNT, seed + 100)), seed)
    distance = found["distance"]
    assert distance.floor is not None
    assert distance.value > 1.2 * distance.floor


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_paler_is_not_seen_by_the_normalised_distance_but_by_the_colours(pictures: Pictures, seed: int) -> None:
    found = quick_measures(pictures(4 * COUNT, seed), paler(pictures(2 * COUNT, seed + 100)), seed)
    assert found["swd_mean"].value == pytest.approx(found["swd_mean"].floor, rel=0.25)
    assert "blind to a shift" in found["swd_mean"].about
    assert found["colour"].floor is not None
    assert found["colour"].value > 2 * found["colour"].floor


@pytest.mark.parametrize("seed", SEEDS)
def test_features_tell_apart_what_they_should(pictures: Pictures, seed: int) -> None:
    real, fake = pictures(2 * COUNT, seed), pictures(COUNT, seed + 100)
    few = np.repeat(fake[:8], 8, 0)
    fair, poor, same = (feature_measures(split(real, images, seed)) for images in (fake, blurred(fake), few))
    assert fair["c2st"].value < 0.7 < poor["c2st"].value
    assert abs(fair["kernel_distance"].value) < 0.2 * poor["kernel_distance"].value
    assert fair["precision"].value > poor["precision"].value + 0.2
    assert same["recall"].value < 0.3 < fair["recall"].value
    assert same["coverage"].value < 0.7 < fair["coverage"].value


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_the_same_kind_are_at_the_floor(pictures: Pictures, seed: int) -> None:
    found = quick_measures(pictures(8 * COUNT, seed), pictures(4 * COUNT, seed + 100), seed)
    for key in ("swd_16", "swd_32", "swd_mean", "spread"):
        assert found[key].value == pytest.approx(found[key].floor, rel=0.25), key


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (16, 3), (32, 4)])
def test_every_measure_has_a_floor_an_interval_a_count_and_a_seed(pictures: Pictures, size: int, channels: int) -> None:
    found = measure_all(
        pictures(60, 0, size, channels), pictures(30, 1, size, channels), pictures(50, 2, size, channels)
    )
    assert set(found) >= {"distance", "swd_mean", "colour", "spread", "ms_ssim", "kernel_distance", *BETWEEN_0_AND_1}
    for key, measure in found.items():
        assert measure.floor is not None
        assert measure.low is not None
        assert measure.high is not None
        assert measure.low <= measure.value <= measure.high, key
        assert (measure.count, measure.seed) == (30, 0)
        assert "30 images a side" in measure.about
        assert "FID" not in measure.about
        assert "|" not in measure.about  # it stands in a Markdown table
    assert all(0 <= found[key].low <= found[key].high <= 1 for key in BETWEEN_0_AND_1)  # type: ignore[operator]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_interval_holds_the_value_of_another_draw(pictures: Pictures, seed: int) -> None:
    real = pictures(2 * COUNT, seed)
    found, other = (measure_all(real, noisy(pictures(COUNT, seed + draw)), seed=seed) for draw in (100, 200))
    inside = [m.low <= other[key].value <= m.high for key, m in found.items()]  # type: ignore[operator]
    assert np.mean(inside) > 0.6


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_numbers_whatever_the_order(pictures: Pictures, seed: int) -> None:
    real, fake = pictures(40, 0), noisy(pictures(20, 1))
    shuffled = np.random.default_rng(seed).permutation
    found = measure_all(real, fake, seed=seed)
    assert measure_all(shuffled(real), shuffled(fake), seed=seed) == found
    other = measure_all(real, fake, seed=seed + 1)
    assert found["distance"] != other["distance"]
    assert found["spread"] != other["spread"]


def test_without_training_images_nothing_is_said_of_memorisation(pictures: Pictures) -> None:
    assert not {"memorisation", "data_copying"} & set(measure_all(pictures(60, 0), pictures(30, 1)))


@pytest.mark.parametrize(("real", "fake"), [(64, 64), (64, 128), (64, 10), (65, 64), (4, 2)])
def test_equally_many_images_are_taken_on_all_sides(pictures: Pictures, real: int, fake: int) -> None:
    sets = split(pictures(real, 0), pictures(fake, 1), 0)
    assert len(sets.half) == len(sets.other) == len(sets.fake) == sets.count == min(real // 2, fake)


@pytest.mark.parametrize(("real", "fake"), [(3, 3), (8, 1)])
def test_too_few_images_are_refused(pictures: Pictures, real: int, fake: int) -> None:
    with pytest.raises(ValueError, match=f"{real} real and {fake} generated images are too few; at least 4 and 2"):
        quick_measures(pictures(real, 0), pictures(fake, 1))
    with pytest.raises(ValueError, match="at least 40 and 20 are needed"):
        measure_all(pictures(39, 0), pictures(50, 1))
