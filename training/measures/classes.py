"""Which classes a generator draws, by what a classifier of the data's labels says of its images."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.manifest import Measure
from training.measures.images import Floats
from training.measures.intervals import Interval, bootstrap

SURE: Final = 0.5
"""The least probability of a class for an image to count: more than of all others and of "none" together."""
Statistic = Callable[["ClassCounts", Floats], float]

COVERED: Final = 0.2
"""The least share of its expected count for a class to be covered."""


@dataclass(frozen=True)
class ClassCounts:
    """How many of `images` show each class beyond doubt, int64 [K]."""

    counts: NDArray[np.int64]
    images: int


def counted(probabilities: Floats) -> ClassCounts:
    """What a classifier says, float32 [n, K + 1] with "none" last, as counts of the classes it is sure of."""
    classes = probabilities.shape[1] - 1
    found = sure(probabilities)
    return ClassCounts(np.bincount(found[found >= 0], minlength=classes), len(probabilities))


def sure(probabilities: Floats) -> NDArray[np.int64]:
    """The class of each image, or −1 where the classifier is not sure of one: int64 [n]."""
    best = probabilities[:, :-1].argmax(1)
    certain = probabilities[np.arange(len(best)), best] >= SURE
    return np.where(certain, best, -1)


def covered(fake: ClassCounts, expected: Floats) -> NDArray[np.bool_]:
    """Which classes are drawn at least a fifth as often as in the data, and at least twice: bool [K].

    Args:
        fake: counts of generated images.
        expected: the classes' shares of the real images, summing to 1; a class with none counts as covered by none.
    """
    needed = np.maximum(COVERED * expected * fake.images, 2)
    drawn: NDArray[np.bool_] = (expected > 0) & (fake.counts >= needed)
    return drawn


def divergence(fake: ClassCounts, expected: Floats) -> float:
    """The Kullback-Leibler divergence of the drawn classes from the data's, in nats: Σ q ln (q / p) ≥ 0.

    As for the modes of stacked MNIST (Metz et al. 2017, arXiv 1611.02163, 3.3): q are the shares among the images
    that show some class, p those of the data. K classes of which one alone is drawn are at about ln K; of no such
    images at all, ln (1 / min p), the most that it can be.
    """
    p = expected[expected > 0] / expected.sum()
    counts = fake.counts[expected > 0]
    if not counts.sum():
        return float(-np.log(p.min()))
    q = counts / counts.sum()
    drawn = q > 0
    return float(max(0.0, (q[drawn] * np.log(q[drawn] / p[drawn])).sum()))


def class_measures(
    key: str, names: Sequence[str], accuracy: float, expected: Floats, real: Floats, fake: Floats, seed: int = 0
) -> dict[str, Measure]:
    """`KEY_covered`, `KEY_kl` and `KEY_recognised` of a label, each with the same for held-out images as its floor.

    Args:
        key: the label, such as "hair".
        names: of the K classes.
        accuracy: of the classifier, 0 … 1.
        expected: the classes' shares in the training data, float [K], summing to 1.
        real: the classifier's probabilities for held-out images, float32 [n, K + 1].
        fake: those for generated images, float32 [m, K + 1].
        seed: of the bootstrap.
    """
    there = int((expected > 0).sum())
    by = f"by a classifier that is right about {accuracy:.2%} of images; {len(fake)} generated images"
    missing = [name for name, is_there in zip(names, covered(counted(fake), expected), strict=True) if not is_there]

    def one(statistic: Statistic, most: float, about: str) -> Measure:
        low, high = _interval(statistic, fake, expected, seed, most)
        value, floor = (statistic(counted(p), expected) for p in (fake, real))
        return Measure(value=value, floor=floor, low=low, high=high, count=len(fake), seed=seed, about=about)

    return {
        f"{key}_covered": one(_number_covered, there, (
            f"how many of {there} classes of {key!r} are drawn at least {COVERED:.0%} as often as in the data, {by}"
            + (f"; not covered: {', '.join(missing)}" if missing else "")
        )),
        f"{key}_kl": one(
            divergence, math.inf, f"Kullback-Leibler divergence of drawn classes of {key!r} from the data's, nats, {by}"
        ),
        f"{key}_recognised": one(_recognised, 1, f"share of images that show some class of {key!r} beyond doubt, {by}"),
    }  # fmt: skip


def _number_covered(fake: ClassCounts, expected: Floats) -> float:
    return float(covered(fake, expected).sum())


def _recognised(fake: ClassCounts, expected: Floats) -> float:
    return float(fake.counts.sum() / fake.images)


def _interval(statistic: Statistic, probabilities: Floats, expected: Floats, seed: int, most: float) -> Interval:
    found, classes = sure(probabilities), probabilities.shape[1] - 1

    def again(index: NDArray[np.int64]) -> float:
        some = found[index]
        return statistic(ClassCounts(np.bincount(some[some >= 0], minlength=classes), len(some)), expected)

    value = again(np.arange(len(found)))
    return bootstrap(value, again, len(found), seed, 0, most)
