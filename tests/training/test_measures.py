from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from training.measures import double, halve, laplacian_pyramid, measure, projected_distance, sliced_wasserstein, spread

SEEDS = range(3)
COUNT = 64


def pictures(count: int, seed: int, size: int = 32, channels: int = 3) -> np.ndarray:
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


SPOILED = [blurred, noisy, recoloured, greyed, tinted, collapsed]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spoil", SPOILED)
def test_spoiled_images_are_farther_from_real_ones_than_real_ones(
    spoil: Callable[[np.ndarray], np.ndarray], seed: int
) -> None:
    real, fake = pictures(2 * COUNT, seed), spoil(pictures(COUNT, seed + 100))
    distance = measure(real, fake, seed)["swd_mean"]
    assert distance.floor is not None
    assert distance.value > 1.3 * distance.floor


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_the_same_kind_are_at_the_floor(seed: int) -> None:
    measures = measure(pictures(4 * COUNT, seed), pictures(2 * COUNT, seed + 100), seed)
    for key, found in measures.items():
        assert found.value == pytest.approx(found.floor, rel=0.25), key


def test_what_is_blurred_lacks_the_finest_details_and_keeps_the_coarse_ones() -> None:
    measures = measure(pictures(2 * COUNT, 0, 64), blurred(pictures(COUNT, 1, 64)))
    ratio = {key: found.value / (found.floor or 0) for key, found in measures.items()}
    assert ratio["swd_64"] > 3
    assert ratio["swd_16"] < 1.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_common_to_all_images_is_not_seen(seed: int) -> None:
    """Each set is normalised by its own statistics, as in the paper; the docstring and `about` say so."""
    real, fake = pictures(4 * COUNT, seed), pictures(2 * COUNT, seed + 100)
    paler = (fake // 2 + np.array([60, 0, 90])).astype(np.uint8)
    distance = measure(real, paler, seed)["swd_mean"]
    assert distance.value == pytest.approx(distance.floor, rel=0.25)
    assert "blind to a shift" in distance.about


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_gives_the_same_numbers_and_another_others(seed: int) -> None:
    real, fake = pictures(COUNT, 0), noisy(pictures(COUNT // 2, 1))
    measures = measure(real, fake, seed)
    assert measure(real, fake, seed) == measures
    assert all(found != measures[key] for key, found in measure(real, fake, seed + 1).items())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_images_does_not_matter(seed: int) -> None:
    real, fake = pictures(COUNT, seed), noisy(pictures(COUNT // 2, seed + 100))
    shuffled = np.random.default_rng(seed).permutation
    assert measure(shuffled(real), shuffled(fake)) == measure(real, fake)
    assert sliced_wasserstein(real, shuffled(real))["swd_mean"] == 0
    assert spread(shuffled(fake)) == spread(fake)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_distance_is_symmetric_and_its_mean_is_that_of_the_levels(seed: int) -> None:
    real, fake = pictures(COUNT, seed), noisy(pictures(COUNT, seed + 100))
    distances = sliced_wasserstein(real, fake, seed)
    assert sliced_wasserstein(fake, real, seed) == distances
    mean = distances.pop("swd_mean")
    assert mean == pytest.approx(np.mean(list(distances.values())))


@pytest.mark.parametrize(
    ("size", "channels", "levels"),
    [(32, 1, [16, 32]), (64, 3, [16, 32, 64]), (64, 4, [16, 32, 64]), (128, 3, [16, 32, 64, 128])],
)
def test_there_is_a_distance_for_every_level(size: int, channels: int, levels: list[int]) -> None:
    measures = measure(pictures(16, 0, size, channels), noisy(pictures(8, 1, size, channels)))
    assert list(measures) == [*(f"swd_{level}" for level in levels), "swd_mean", "spread"]
    assert all(found.floor is not None and found.floor > 0 for found in measures.values())
    assert not any("FID" in found.about or "|" in found.about for found in measures.values())


def test_an_opaque_alpha_channel_adds_nothing() -> None:
    real, fake = pictures(COUNT, 0, channels=4), pictures(COUNT, 1, channels=4)
    real[..., 3] = fake[..., 3] = 255
    with_alpha, without = sliced_wasserstein(real, fake), sliced_wasserstein(real[..., :3], fake[..., :3])
    assert with_alpha["swd_mean"] == pytest.approx(without["swd_mean"] * np.sqrt(3 / 4), rel=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_flat_colour_has_a_distance_from_real_images(channels: int) -> None:
    real = pictures(COUNT, 0, channels=channels)
    distances = sliced_wasserstein(real, np.full_like(real, 128))
    assert all(np.isfinite(value) and value > 100 for value in distances.values())


@pytest.mark.parametrize(
    ("real", "fake"), [(COUNT, COUNT), (COUNT, 2 * COUNT), (COUNT, 10), (COUNT + 1, COUNT), (4, 2)]
)
def test_equally_many_images_are_taken_on_all_sides(real: int, fake: int) -> None:
    about = measure(pictures(real, 0), pictures(fake, 1))["swd_mean"].about
    assert f"{min(real // 2, fake)} images a side" in about


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ([1, 2, 3], [3, 1, 2], 0),
        ([0, 0, 0], [5, 5, 5], 5),
        ([0, 1, 3], [5, 6, 8], 5),
        ([4, 0, 10], [1, 12, 2], (1 + 2 + 2) / 3),  # sorted: 0 4 10 and 1 2 12
    ],
)
@pytest.mark.parametrize("direction", [1, -1, 0.1])
def test_in_one_dimension_the_distance_is_the_cheapest_transport(
    a: list[int], b: list[int], distance: float, direction: float
) -> None:
    columns = np.array([a, b], np.float32)[..., np.newaxis]
    assert projected_distance(*columns, np.array([[direction]], np.float32)) == pytest.approx(distance)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_one_dimension_no_pairing_is_cheaper(seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 6)).astype(np.float32)
    cheapest = min(np.abs(a - b[list(pairing)]).mean() for pairing in permutations(range(6)))
    assert projected_distance(a[:, None], b[:, None], np.ones((1, 1), np.float32)) == pytest.approx(cheapest, rel=1e-5)


def test_directions_are_averaged() -> None:
    a, b = np.zeros((4, 2), np.float32), np.full((4, 2), (3, 0), np.float32)
    along, across, diagonal = [1, 0], [0, 2], [1, 1]
    directions = np.array([along, across, diagonal] * 20, np.float32)
    assert projected_distance(a, b, directions) == pytest.approx((3 + 0 + 3 / np.sqrt(2)) / 3, rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
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


def test_the_spread_of_black_and_white_images_is_that_of_the_pairs() -> None:
    images = np.zeros((2, 32, 32, 3), np.uint8)
    images[1] = 255
    assert spread(images) == 255
    images[1, :, :16] = 0
    assert spread(images) == pytest.approx(255 / np.sqrt(2))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_spread_shows_that_a_generator_repeats_itself(seed: int) -> None:
    real, fake = pictures(2 * COUNT, seed), pictures(COUNT, seed + 100)
    assert measure(real, collapsed(fake))["spread"].value == 0
    few = measure(real, np.tile(fake[:2], (COUNT // 2, 1, 1, 1)))["spread"]
    assert few.floor is not None
    assert few.value < 0.9 * few.floor


def test_all_pairs_make_the_spread_exact() -> None:
    images = pictures(10, 0)
    flat = images.reshape(10, -1).astype(float)
    exact = np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in permutations(flat, 2)])
    assert spread(images, pairs=20_000) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (pictures(8, 0), pictures(7, 0), "8 real and 7 generated images"),
        (pictures(8, 0).astype(np.float32), pictures(8, 0), "real images are float32"),
        (pictures(8, 0), pictures(8, 0)[0], r"generated images are uint8 \[32, 32, 3\]"),
        (pictures(8, 0), pictures(8, 0, channels=1), r"real images are \[32, 32, 3\], generated ones \[32, 32, 1\]"),
        (pictures(8, 0)[:0], pictures(8, 0), "no real images"),
        (pictures(8, 0), pictures(8, 0)[:0], "no generated images"),
        (pictures(8, 0, 48), pictures(8, 0, 48), "48 × 48 pixels"),
        (pictures(8, 0, 8), pictures(8, 0, 8), "8 × 8 pixels"),
        (pictures(8, 0)[:, :16], pictures(8, 0)[:, :16], "16 × 32 pixels"),
        (pictures(8, 0, channels=2), pictures(8, 0, channels=2), "2 channels"),
    ],
)
def test_what_cannot_be_compared_is_refused(real: np.ndarray, fake: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(real, fake)


@pytest.mark.parametrize("numbers", [{"patches": 0}, {"directions": 0}])
def test_nothing_drawn_is_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        sliced_wasserstein(pictures(2, 0), pictures(2, 1), **numbers)


@pytest.mark.parametrize(("real", "fake"), [(3, 3), (8, 1)])
def test_too_few_images_are_refused(real: int, fake: int) -> None:
    with pytest.raises(ValueError, match=f"{real} real and {fake} generated images are too few"):
        measure(pictures(real, 0), pictures(fake, 1))
    with pytest.raises(ValueError, match="1 images and 4096 pairs are too few"):
        spread(pictures(1, 0))
