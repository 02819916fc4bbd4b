from pathlib import Path

import numpy as np
import pytest

from training.measures.classes import counted
from training.measures.classifier import cached_classifier, train_classifier

pytestmark = pytest.mark.tensorflow

NAMES = ("cross", "disc", "bars")


def shapes(count: int, seed: int, size: int = 32, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Three shapes in any colour on any ground: uint8 [count, size, size, channels] and their classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count).astype(np.int32)
    at = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(at, at)
    masks = np.stack([
        (np.abs(x - 0.5) < 0.1) | (np.abs(y - 0.5) < 0.1), (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1, (x * 4) % 1 < 0.5,
    ])  # fmt: skip
    ground, ink = rng.uniform(130, 250, (count, 1, 1, 4)), rng.uniform(0, 110, (count, 1, 1, 4))
    images = np.where(masks[labels][..., np.newaxis], ink, ground) + rng.normal(0, 3, (count, size, size, 4))
    return images[..., :channels].clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(("seed", "size", "channels"), [(0, 32, 3), (1, 64, 1), (2, 16, 4)])
def test_classes_are_told_apart_and_what_shows_none_is_refused(seed: int, size: int, channels: int) -> None:
    images, labels = shapes(400, seed, size, channels)
    classifier = train_classifier(images, labels, NAMES, seed, 80)
    assert classifier.accuracy > 0.95
    others, truth = shapes(200, seed + 10, size, channels)
    probabilities = classifier.probabilities(others)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert (probabilities[:, :-1].argmax(1) == truth).mean() > 0.95
    assert counted(probabilities).counts.sum() > 150
    noise = np.random.default_rng(seed).integers(0, 256, others.shape).astype(np.uint8)
    blends = ((others.astype(int) + others[::-1]) // 2).astype(np.uint8)[truth != truth[::-1]]
    assert counted(classifier.probabilities(noise)).counts.sum() < 20
    assert counted(classifier.probabilities(blends)).counts.sum() < 0.4 * len(blends)


def test_it_is_trained_once_and_then_taken_from_the_cache(cache: Path) -> None:
    images, labels = shapes(90, 0)
    first = cached_classifier(cache, images, labels, NAMES, "sha256:a", "shape", 3)
    again = cached_classifier(cache, images, labels, NAMES, "sha256:a", "shape", 3)
    np.testing.assert_array_equal(first.probabilities(images), again.probabilities(images))
    assert (first.accuracy, len(list(cache.iterdir()))) == (again.accuracy, 1)
    [file] = cache.iterdir()
    before = file.stat().st_mtime_ns
    file.write_bytes(file.read_bytes()[:500])  # cut off by a full disk
    cached_classifier(cache, images, labels, NAMES, "sha256:a", "shape", 3)
    assert file.stat().st_mtime_ns != before
    cached_classifier(cache, images, labels, NAMES, "sha256:b", "shape", 3)
    assert len(list(cache.iterdir())) == 2


def test_the_same_seed_gives_the_same_classifier() -> None:
    images, labels = shapes(90, 0)
    first, again, other = (train_classifier(images, labels, NAMES, seed, 5) for seed in (0, 0, 1))
    np.testing.assert_allclose(first.probabilities(images), again.probabilities(images), atol=1e-5)
    assert np.abs(first.probabilities(images) - other.probabilities(images)).max() > 1e-2


@pytest.mark.parametrize(("count", "names"), [(29, NAMES), (100, ("one",))])
def test_too_little_to_learn_from_is_refused(count: int, names: tuple[str, ...]) -> None:
    images, labels = shapes(count, 0)
    with pytest.raises(ValueError, match=f"{count} images of {len(names)} classes are too few"):
        train_classifier(images, labels, names)
