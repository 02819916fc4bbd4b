"""How many replicas, and what a cache before them saves: plain functions of measured costs."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERIODS: Final = {"day": 86_400.0, "minute": 60.0, "second": 1.0}
"""Seconds."""
PEAK: Final = {"day": 3.0, "minute": 1.0, "second": 1.0}
"""How many times the mean the busiest time asks for; a day has nights, a minute has not."""


def replicas(images: float, period: str, per_replica: float, utilisation: float) -> int:
    """Replicas for so many images a day, minute or second, each of which draws `per_replica` a second when it is full.

    Args:
        images: in a period.
        period: of `PERIODS`.
        per_replica: images a second at saturation.
        utilisation: share of it that is used at the busiest time, above 0, at most 1.
    """
    return math.ceil(images / PERIODS[period] * PEAK[period] / (per_replica * utilisation))


def zipf(urls: int, exponent: float) -> NDArray[np.float64]:
    """The share of requests that each of so many URLs gets, the most popular first (Breslau et al. 1999)."""
    weights = np.arange(1, urls + 1, dtype=np.float64) ** -exponent
    return np.asarray(weights / weights.sum())


def hit_ratio(shares: NDArray[np.float64], entries: int) -> float:
    """The share of requests that a cache of so many entries answers, which drops what was not asked for longest.

    By Che's approximation (Che, Tung & Wang 2002): a URL is kept for the time in which `entries` different ones are
    asked for, the same for all.
    """
    if entries >= len(shares):
        return 1.0
    low, high = 0.0, float(len(shares))
    while (1.0 - np.exp(-shares * high)).sum() < entries:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if (1.0 - np.exp(-shares * middle)).sum() < entries else (low, middle)
    return float((shares * (1.0 - np.exp(-shares * high))).sum())


def origin_cost(hits: float, revalidated: float, cost_304: float) -> float:
    """What the service does behind a cache, as a share of what it would do without.

    Args:
        hits: share of the requests that the cache has.
        revalidated: share of these for which it asks whether they changed: 0 for URLs with model and version.
        cost_304: of such an answer, as a share of that of a picture.
    """
    return (1.0 - hits) + hits * revalidated * cost_304
