from typing import Any

import numpy as np
import pytest

from service.engine.lane import Batch, Lane
from service.engine.plan import Plan
from service.engine.protocol import BatchSize, EngineError, Pixels
from service.engine.work import Work
from service.observability.batches import EVERY, NUMBERS, ROWS, BatchObserver, diversity, saturation, thinned
from service.observability.metrics import Metrics
from tests.service.fake_engine import FakeEngine


def batch_of(rows: int, size: int, release: Any = "full", padding: int = 0) -> Batch:  # noqa: ANN401
    sizes = BatchSize(size, 0.5, padding)
    lane = Lane(FakeEngine(), Plan((sizes,)), 100, "tiny/3")
    work = Work(lane, np.zeros((rows, 4), np.float32), b"", 0.0, 1, None)
    return Batch(lane, sizes, ((work, 0, rows),), 10.0, 10.5, release)


def random_pixels(n: int, side: int = 8) -> Pixels:
    return np.random.default_rng(n).integers(0, 256, (n, side, side, 3), np.uint8)


class Read:
    """The samples of a registry."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._metrics.registry.get_sample_value(name, {"model": "tiny"} | labels)


def test_a_batch_tells_its_rows_its_padding_and_why_it_was_released() -> None:
    metrics = Metrics()
    observer, read = BatchObserver(metrics), Read(metrics)
    observer.ran(batch_of(3, 4), 10.75, random_pixels(4), None)
    observer.ran(batch_of(7, 7, "lone", padding=1), 11.0, random_pixels(8), None)
    assert read("figment_batch_rows_total") == 10.0
    assert read("figment_batch_padding_rows_total") == 2.0
    assert read("figment_batches_total", release="full") == 1.0
    assert read("figment_batches_total", release="lone") == 1.0
    assert read("figment_batch_seconds_sum") == 1.75
    assert read("figment_batch_fill_ratio_bucket", le="0.75") == 1.0
    assert read("figment_batch_fill_ratio_sum") == 0.75 + 7 / 8


def test_a_batch_that_failed_is_counted_and_has_no_pictures() -> None:
    metrics = Metrics()
    BatchObserver(metrics).ran(batch_of(4, 4), 11.0, None, EngineError("burst"))
    assert Read(metrics)("figment_batch_failures_total") == 1.0
    assert Read(metrics)("figment_image_diversity_count") is None


def test_one_batch_in_some_is_looked_at_and_padding_never() -> None:
    metrics = Metrics()
    observer, read = BatchObserver(metrics), Read(metrics)
    pixels = np.concatenate([np.full((4, 8, 8, 3), 100, np.uint8), np.zeros((4, 8, 8, 3), np.uint8)])
    for _ in range(2 * EVERY):
        observer.ran(batch_of(4, 8), 11.0, pixels, None)
    assert read("figment_image_saturation_ratio_count") == 2.0
    assert read("figment_image_saturation_ratio_sum") == 0.0  # all zeros are in the padding
    assert read("figment_image_diversity_sum") == 0.0


@pytest.mark.parametrize("rows", [1, 3])
def test_of_few_images_the_diversity_says_nothing(rows: int) -> None:
    metrics = Metrics()
    BatchObserver(metrics).ran(batch_of(rows, 4), 11.0, random_pixels(4), None)
    assert Read(metrics)("figment_image_saturation_ratio_count") == 1.0
    assert Read(metrics)("figment_image_diversity_count") is None


def test_followers_hear_of_every_batch() -> None:
    heard: list[tuple[Batch, float, Exception | None]] = []

    class Spans:
        def batch(self, batch: Batch, ended: float, error: Exception | None) -> None:
            heard.append((batch, ended, error))

    batch, error = batch_of(4, 4), EngineError("burst")
    BatchObserver(Metrics(), Spans()).ran(batch, 11.0, None, error)
    assert heard == [(batch, 11.0, error)]


@pytest.mark.parametrize(("n", "side"), [(1, 1), (2, 8), (64, 8), (64, 64), (3, 257), (16, 512)])
def test_little_is_looked_at_evenly(n: int, side: int) -> None:
    pixels = random_pixels(n, side)
    some = thinned(pixels)
    assert len(some) == min(n, ROWS)
    assert min(NUMBERS // 2, 3 * side * side) <= some.shape[1] <= NUMBERS
    last = np.flatnonzero(pixels[0].reshape(-1) == some[0, -1])[-1]
    assert last >= 3 * side * side - 2 * side * side * 3 / NUMBERS - 1  # up to the last rows


def test_saturation_is_the_share_of_extreme_numbers() -> None:
    assert saturation(np.array([[0, 255, 1, 254]], np.uint8)) == 0.5
    assert saturation(np.zeros((4, 9), np.uint8)) == 1.0
    assert saturation(np.full((4, 9), 128, np.uint8)) == 0.0


def test_diversity_is_the_deviation_over_the_images() -> None:
    assert diversity(np.array([[0, 10], [255, 10]], np.uint8)) == pytest.approx(127.5 / 2)
    assert diversity(np.tile(np.arange(9, dtype=np.uint8), (4, 1))) == 0.0
    noise = np.random.default_rng(0).integers(0, 256, (16, 4096), np.uint8)
    assert diversity(noise) == pytest.approx(255 / 12**0.5, rel=0.05)
