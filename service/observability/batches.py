"""What is learnt of every batch and of some pictures: in the device's thread, once its requests are answered."""

import threading
from collections import Counter
from typing import Final, Protocol

import numpy as np

from service.engine.lane import Batch
from service.engine.protocol import Pixels
from service.observability.metrics import Metrics

EVERY: Final = 16
"""Batches of a model of which the first is looked at."""
ROWS: Final = 16
"""Images of it that are looked at, at most."""
NUMBERS: Final = 4096
"""Numbers of each of them, at most, spread evenly: 65,536 in all take about 0.3 ms."""
FEWEST: Final = 4
"""Images from which on their diversity says something."""


class Spans(Protocol):
    """Follows batches in traces."""

    def batch(self, batch: Batch, ended: float, error: Exception | None) -> None:
        """A batch is over."""
        ...


class BatchObserver:
    """Measures batches; see `service.engine.timing.Observer`."""

    def __init__(self, metrics: Metrics, spans: Spans | None = None) -> None:
        self._metrics, self._spans = metrics, spans
        self._seen = Counter[str]()
        self._lock = threading.Lock()

    def ran(self, batch: Batch, ended: float, pixels: Pixels | None, error: Exception | None) -> None:
        """Count a batch, and look at some of its pictures."""
        metrics, rows, run = self._metrics, batch.rows, batch.size.run
        name = batch.lane.label.partition("/")[0]
        model = (name,)
        metrics.batches[name, batch.release].inc()
        metrics.batch_seconds[model].observe(ended - batch.begun)
        metrics.batch_fill[model].observe(rows / run)
        metrics.rows[model].inc(rows)
        metrics.padding[model].inc(run - rows)
        failures = metrics.batch_failures[model]  # there from the first batch on, so that one is an increase
        if error is not None or pixels is None:
            failures.inc()
        elif self._is_sampled(name):
            self._look(name, pixels[:rows])
        if self._spans is not None:
            self._spans.batch(batch, ended, error)

    def _is_sampled(self, name: str) -> bool:
        with self._lock:
            self._seen[name] += 1
            return self._seen[name] % EVERY == 1

    def _look(self, name: str, pixels: Pixels) -> None:
        some = thinned(pixels)
        self._metrics.saturation[(name,)].observe(saturation(some))
        if len(some) >= FEWEST:
            self._metrics.diversity[(name,)].observe(diversity(some))


def thinned(pixels: Pixels) -> Pixels:
    """Some numbers of some images: uint8 [n, k] with n ≤ `ROWS` and k ≤ `NUMBERS`, evenly spread over each image."""
    flat = pixels[:ROWS].reshape(min(len(pixels), ROWS), -1)
    return flat[:, :: -(-flat.shape[1] // NUMBERS)]


def saturation(pixels: Pixels) -> float:
    """The share of numbers that are 0 or 255, 0 … 1: near 1 of a generator whose last layer has run away."""
    return float(np.count_nonzero((pixels == 0) | (pixels == 255)) / pixels.size)


def diversity(pixels: Pixels) -> float:
    """The standard deviation of each number over the images, on average, 0 … 127.5: near 0 where all look the same.

    Args:
        pixels: uint8 [n, …], n ≥ 2.
    """
    return float(pixels.std(axis=0, dtype=np.float32).mean())
