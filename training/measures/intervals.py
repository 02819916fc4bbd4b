"""95 % confidence intervals."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from training.measures.images import Indices

GROUPS: Final = 10
"""Groups of a jackknife."""
STUDENT: Final = 2.262
"""The 97.5 % quantile of Student's t with 9 degrees of freedom."""
REPEATS: Final = 400
"""Of a bootstrap."""
NORMAL: Final = 1.960
"""The 97.5 % quantile of the normal distribution."""

Interval = tuple[float, float]


def kept(count: int, group: int) -> Indices:
    """The indices of `count` images without those of one group: every tenth, from `group` on; int64."""
    return np.flatnonzero(np.arange(count) % GROUPS != group)


def jackknife(value: float, without: Sequence[float], least: float = -math.inf, most: float = math.inf) -> Interval:
    """The delete-a-group jackknife (Kott 2001): the statistic anew without each of ten groups of images.

    Its standard error is sqrt(9/10 · Σ (θ₍g₎ − mean θ)²), and the interval value ± t · standard error with nine degrees
    of freedom. The images must be in random order.

    Args:
        value: the statistic of all images.
        without: the statistic without group 0 … 9 (see `kept`).
        least: that the statistic can be.
        most: that it can be.
    """
    values = np.array(without)
    error = math.sqrt((GROUPS - 1) / GROUPS * float(np.square(values - values.mean()).sum()))
    return max(least, value - STUDENT * error), min(most, value + STUDENT * error)


def wilson(hits: float, count: int) -> Interval:
    """Wilson's interval (1927) of a share, `hits` of `count` independent trials."""
    share, z = hits / count, NORMAL
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    value: float,
    statistic: Callable[[Indices], float],
    count: int,
    seed: int,
    least: float = -math.inf,
    most: float = math.inf,
) -> Interval:
    """The bootstrap (Efron 1979), less its bias: the statistic of `count` images drawn with replacement, 400 times.

    The interval is that of the middle 95 % of these, moved by the value less their mean: a statistic such as a
    divergence is larger of images that are drawn twice, and the plain percentiles would miss the value itself.

    Args:
        value: the statistic of all images.
        statistic: of the images of an index, int64 [count].
        count: of the images.
        seed: of the draws.
        least: that the statistic can be.
        most: that it can be.
    """
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(0, count, count)) for _ in range(REPEATS)])
    low, high = np.quantile(values, (0.025, 0.975)) + value - values.mean()
    return max(least, min(value, float(low))), min(most, max(value, float(high)))
