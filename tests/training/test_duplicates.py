import io
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from training.duplicates import Duplicates, find_duplicates, near, thumbnails

Pixels = NDArray[np.uint8]
SEEDS = [0, 1, 2]


def drawing(random: np.random.Generator, side: int = 64) -> Image.Image:
    """Ellipses on one background, drawn large and made small."""
    image = Image.new("RGB", (256, 256), tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        x, y, w, h = random.integers(0, 200, 2).tolist() + random.integers(30, 130, 2).tolist()
        draw.ellipse((x, y, x + w, y + h), tuple(random.integers(0, 256, 3).tolist()), "black", 4)
    return image.resize((side, side), Image.Resampling.LANCZOS)


@cache
def drawings(count: int, seed: int, side: int = 64) -> tuple[Image.Image, ...]:
    random = np.random.default_rng(seed)
    return tuple(drawing(random, side) for _ in range(count))


def stacked(images: Sequence[Image.Image]) -> Pixels:
    return np.stack([np.asarray(image.convert("RGB")) for image in images])


def encoded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 90": lambda image: encoded(image, "JPEG", 90),
    "JPEG 30": lambda image: encoded(image, "JPEG", 30),
    "WebP 60": lambda image: encoded(image, "WEBP", 60),
    "larger and back": lambda image: image.resize((150, 150), Image.Resampling.BICUBIC).resize(image.size),
    "smaller and back": lambda image: image.resize((48, 48), Image.Resampling.LANCZOS).resize(image.size),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.05),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.05),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_picture_saved_anew_is_near_and_others_are_not(
    change: Callable[[Image.Image], Image.Image], seed: int
) -> None:
    images = drawings(90, seed)
    found = find_duplicates(stacked([*images, *(change(image) for image in images[:30])]))
    assert (found.groups[:90] == np.arange(90)).all()  # no two drawings fall together
    assert (found.groups[90:] == np.arange(30)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_and_near_ones_are_told_apart(seed: int) -> None:
    a, b, c = drawings(3, seed)
    found = find_duplicates(stacked([a, b, encoded(a, "JPEG", 80), b, c, a]))
    assert found.exact.tolist() == [0, 1, 2, 1, 3, 0]
    assert found.groups.tolist() == [0, 1, 0, 1, 2, 0]
    assert (found.exact.dtype, found.groups.dtype) == (np.int32, np.int32)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [8, 28, 32, 64])
def test_any_channels_and_size(channels: int, side: int) -> None:
    pixels = stacked(drawings(20, 0, side))[..., : min(channels, 3)]
    if channels == 4:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=3)
    changed = np.clip(pixels[:5].astype(int) + 3, 0, 255).astype(np.uint8)
    found = find_duplicates(np.concatenate([pixels, changed]))
    assert found.groups.tolist() == [*range(20), *range(5)]


def test_hidden_colours_of_transparent_pixels_do_not_count() -> None:
    images = np.zeros((2, 32, 32, 4), np.uint8)
    images[:, 8:24, 8:24] = (200, 30, 90, 255)
    images[1, :8, :, :3] = 123
    found = find_duplicates(images)
    assert (found.exact.tolist(), found.groups.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize("size", [1, 2, 6])
def test_one_small_thing_that_differs_is_enough_to_be_another_picture(size: int) -> None:
    """A mouth or an eye: near only where it is next to nothing."""
    image = stacked(drawings(1, 3))[0]
    image[40:50, 30:40] = 0
    other = image.copy()
    other[40 : 40 + size, 30 : 30 + size] = 255
    assert (len(set(find_duplicates(np.stack([image, other])).groups.tolist())) == 1) == (size == 1)


@pytest.mark.parametrize("level", [0, 128])
def test_flat_images_are_compared_by_their_own_contrast(level: int) -> None:
    """Dark or washed out pictures differ by few levels, and are different all the same."""
    random = np.random.default_rng(0)
    faint = level + random.integers(0, 2, (10, 16, 16, 1)) * 12
    images = faint.astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2).repeat(3, axis=3)
    assert find_duplicates(images).groups.tolist() == list(range(10))


def test_images_of_one_colour_fall_together_by_colour() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (250, 0, 2), (0, 0, 250), (250, 250, 250), (0, 250, 0)]
    images = np.array(colours, np.uint8)[:, None, None, :] * np.ones((1, 32, 32, 1), np.uint8)
    assert find_duplicates(images).groups.tolist() == [0, 1, 0, 2, 3, 1]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images(count: int) -> None:
    found = find_duplicates(stacked(drawings(count, 0)))
    assert found == Duplicates(*[pytest.approx(np.arange(count))] * 2)


def test_a_crowd_of_copies_is_one_group() -> None:
    image = drawings(1, 0)[0]
    random = np.random.default_rng(0)
    noisy = np.clip(stacked([image] * 300) + random.normal(0, 3, (300, 64, 64, 3)), 0, 255).astype(np.uint8)
    assert set(find_duplicates(noisy).groups.tolist()) == {0}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_groups_do_not_depend_on_the_order(seed: int) -> None:
    images = drawings(40, seed)
    pixels = stacked([*images, *(encoded(image, "JPEG", 70) for image in images)])
    order = np.random.default_rng(seed).permutation(80)
    plain, shuffled = find_duplicates(pixels).groups, find_duplicates(pixels[order]).groups
    for a in range(0, 80, 7):
        assert ((plain[order] == plain[order[a]]) == (shuffled == shuffled[a])).all()


@pytest.mark.parametrize("side", [16, 28, 64, 100])
def test_a_thumbnail_is_the_mean_of_its_cells(side: int) -> None:
    pixels = np.random.default_rng(side).integers(0, 256, (3, side, side, 3), np.uint8)
    expected = np.asarray([
        np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BOX)) for image in pixels
    ])  # fmt: skip
    found = thumbnails(pixels, np.arange(3))
    assert found.dtype == np.uint8
    if side % 16 == 0:
        assert np.abs(found.astype(int) - expected).max() <= 1
    np.testing.assert_allclose(found.mean((1, 2)), pixels.mean((1, 2)), atol=0.3)


def test_near_is_symmetric() -> None:
    small = thumbnails(stacked(drawings(60, 5)) // 8 + 100, np.arange(60))
    a, b = np.triu_indices(60, 1)
    np.testing.assert_array_equal(near(small[a], small[b]), near(small[b], small[a]))
