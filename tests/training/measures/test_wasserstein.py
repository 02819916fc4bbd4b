from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from training.measures.wasserstein import colour_distance, pixels, projected_distance, sliced_wasserstein

Pictures = Callable[..., np.ndarray]
SEEDS = range(3)
COUNT = 64


@pytest.mark.parametrize("seed", SEEDS)
def test_the_distance_is_symmetric_and_its_mean_is_that_of_the_levels(pictures: Pictures, seed: int) -> None:
    real, fake = pictures(COUNT, seed), pictures(COUNT, seed + 100) // 2
    there, back = sliced_wasserstein(real, fake, seed), sliced_wasserstein(fake, real, seed)
    assert there["distance"] != back["distance"]  # normalised by the first set
    levels = {key: value for key, value in there.items() if key != "distance"}
    assert levels == {key: value for key, value in back.items() if key != "distance"}
    mean = levels.pop("swd_mean")
    assert mean == pytest.approx(np.mean(list(levels.values())))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_the_images_does_not_matter(pictures: Pictures, seed: int) -> None:
    real = pictures(COUNT, seed)
    assert set(sliced_wasserstein(real, np.random.default_rng(seed).permutation(real)).values()) == {0.0}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_common_to_all_images_is_seen_by_the_distance_alone(pictures: Pictures, seed: int) -> None:
    real = pictures(COUNT, seed)
    paler = (real // 2 + np.array([60, 0, 90])).astype(np.uint8)
    found = sliced_wasserstein(real, paler, seed)
    assert found["swd_mean"] < 50  # what rounding to whole levels leaves
    assert found["distance"] > 10 * found["swd_mean"]


def test_an_opaque_alpha_channel_adds_nothing(pictures: Pictures) -> None:
    real, fake = pictures(COUNT, 0, channels=4), pictures(COUNT, 1, channels=4)
    real[..., 3] = fake[..., 3] = 255
    with_alpha, without = sliced_wasserstein(real, fake), sliced_wasserstein(real[..., :3], fake[..., :3])
    assert with_alpha["swd_mean"] == pytest.approx(without["swd_mean"] * np.sqrt(3 / 4), rel=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_flat_colour_has_a_distance_from_real_images(pictures: Pictures, channels: int) -> None:
    real = pictures(COUNT, 0, channels=channels)
    distances = sliced_wasserstein(real, np.full_like(real, 128))
    assert all(np.isfinite(value) and value > 100 for value in distances.values())


@pytest.mark.parametrize(
    ("size", "channels", "levels"),
    [(16, 1, [16]), (32, 1, [16, 32]), (64, 3, [16, 32, 64]), (64, 4, [16, 32, 64]), (128, 3, [16, 32, 64, 128])],
)
def test_there_is_a_distance_for_every_level(pictures: Pictures, size: int, channels: int, levels: list[int]) -> None:
    found = sliced_wasserstein(pictures(8, 0, size, channels), pictures(8, 1, size, channels))
    assert list(found) == [*(f"swd_{level}" for level in levels), "swd_mean", "distance"]
    assert all(value > 0 for value in found.values())


@pytest.mark.parametrize("numbers", [{"patches": 0}, {"directions": 0}])
def test_nothing_drawn_is_refused(pictures: Pictures, numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        sliced_wasserstein(pictures(2, 0), pictures(2, 1), **numbers)
    with pytest.raises(ValueError, match="2 real and 3 generated images"):
        sliced_wasserstein(pictures(2, 0), pictures(3, 1))


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
@pytest.mark.parametrize("levels", [5, 20])
def test_the_colours_of_grey_images_are_as_far_apart_as_they_are_shifted(
    pictures: Pictures, seed: int, levels: int
) -> None:
    grey = pixels(pictures(COUNT, seed, channels=1))
    assert colour_distance(grey, grey + levels) == pytest.approx(levels, rel=1e-5)
    assert colour_distance(grey, grey) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("channel", range(3))
def test_a_shift_of_one_channel_adds_about_half_of_it(pictures: Pictures, seed: int, channel: int) -> None:
    colours = pixels(pictures(COUNT, seed))
    shifted = colours.copy()
    shifted[..., channel] += 10
    assert 4 < colour_distance(colours, shifted, seed) < 6


def test_the_pixels_are_those_of_the_images_whatever_their_order(pictures: Pictures) -> None:
    images = pictures(20, 0)
    found = pixels(images)
    np.testing.assert_array_equal(found, pixels(images[::-1]))
    known = {tuple(pixel) for pixel in images.reshape(-1, 3).tolist()}
    assert {tuple(pixel) for pixel in found.reshape(-1, 3).astype(int).tolist()} <= known
