"""All measures of generated images at once, each with its real-against-real floor, interval, count and seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from bundle.manifest import Measure
from training.measures.diversity import ms_ssim, pair_distances, spread
from training.measures.features import features, standardised
from training.measures.images import Floats, Images, check_pair, drawn
from training.measures.intervals import GROUPS, Interval, jackknife, kept, wilson
from training.measures.memorisation import copied_share, nearer_share, nearness, shrunk
from training.measures.neighbours import NEIGHBOURS, Manifolds
from training.measures.two_sample import Kernels, classifier_accuracy, mean_of_others
from training.measures.wasserstein import (
    DIRECTIONS,
    PATCHES,
    colour_distance,
    level_distances,
    level_draws,
    neighbourhoods,
    normalised,
    pixels,
)

QUICK_DIRECTIONS: Final = 128
"""Projections a level of the quick measures."""
INTERVAL_DIRECTIONS: Final = 64
"""Projections a level, of which an interval is made: how the images are drawn matters more than how many there are."""
SHARES: Final = ("precision", "recall", "coverage")
"""What cannot be above 1."""
FEWEST: Final = 20
"""Images a side for all measures: two for each group of the jackknife."""
Values = dict[str, float]

_ABOUT: Final = {
    "swd": "sliced Wasserstein distance on the Laplacian pyramid × 10³ (Karras 2018), {}; lower is closer; blind to a "
    "shift of colour or contrast common to all images",
    "distance": "held-out distance: as swd_mean, but both sets normalised by the real one's mean and deviation, so "
    "that it sees colour and contrast; lower is closer; the one number by which states of a run are compared",
    "colour": "sliced Wasserstein distance of the pixels' colours, levels of 255, nothing normalised; lower is closer",
    "spread": "mean root-mean-square distance (levels of 0…255) between two generated images at random; far below that "
    "of the real images, the generator repeats itself",
    "ms_ssim": "mean structural similarity of two generated images at random (MS-SSIM, Odena 2017); far above that of "
    "the real images, the generator repeats itself",
    "precision": "share of generated images near real ones (Kynkäänniemi 2019); higher is better",
    "recall": "share of real images near generated ones (Kynkäänniemi 2019); higher is better",
    "density": "how densely real images lie around generated ones (Naeem 2020); near the floor is best",
    "coverage": "share of real images with a generated one among their nearest (Naeem 2020); higher is better",
    "kernel_distance": "squared maximum mean discrepancy × 10³, cubic kernel, unbiased (Bińkowski 2018); 0 is closest",
    "c2st": "how often a linear classifier tells real from generated (Lopez-Paz and Oquab 2017); 0.5 is best",
    "memorisation": "share of images that stick out towards one training image; 0.01 without copies",
    "data_copying": "probability that an image lies nearer to the training images than a held-out one (Meehan 2020); "
    "far above 0.5 it copies",
}
_ON_FEATURES: Final = "on features of a frozen network with random weights"


@dataclass(frozen=True)
class Sets:
    """Equally many images of three kinds in random order: uint8 [count, h, w, c] each."""

    half: Images
    other: Images
    fake: Images
    seed: int

    @property
    def count(self) -> int:
        """Of each kind."""
        return len(self.fake)

    def measure(
        self, key: str, value: float, floor: float, interval: Interval | None = None, more: str = ""
    ) -> Measure:
        """A measure of these images."""
        low, high = interval or (None, None)
        what = "mean over all levels" if key == "swd_mean" else f"details at {key.removeprefix('swd_')} px"
        about = _ABOUT["swd"].format(what) if key.startswith("swd_") else _ABOUT[key]
        return Measure(
            value=value, floor=floor, low=low, high=high, count=self.count, seed=self.seed,
            about=f"{about}; {f'{more}; ' if more else ''}{self.count} images a side",
        )  # fmt: skip


def split(real: Images, fake: Images, seed: int, fewest: int = 2) -> Sets:
    """Two random halves of the real images, and as many generated ones; neither depends on the order of images.

    Args:
        real: uint8 [n, h, w, c], images that were not trained on.
        fake: uint8 [m, h, w, c]; with m < n // 2, fewer real images are taken too.
        seed: of the draw.
        fewest: images a side.

    Raises:
        ValueError: images that cannot be compared, or too few.
    """
    check_pair(real, fake)
    count = min(len(real) // 2, len(fake))
    if count < fewest:
        raise ValueError(
            f"{len(real)} real and {len(fake)} generated images are too few; "
            f"at least {2 * fewest} and {fewest} are needed"
        )
    reals = drawn(real, 2 * count, seed)
    return Sets(reals[:count], reals[count:], drawn(fake, count, seed + 1), seed)


def quick_measures(real: Images, fake: Images, seed: int = 0) -> dict[str, Measure]:
    """What a training can afford every few minutes: `distance`, `swd_…`, `colour` and `spread`, without intervals.

    The value is between one half of the real images and as many generated ones, the floor between the two halves.

    Args:
        real: uint8 [n, h, w, c], images that were not trained on; n ≥ 4.
        fake: uint8 [m, h, w, c]; m ≥ 2.
        seed: of all that is drawn; keep it during a run, and the values of different moments compare.

    Raises:
        ValueError: images that cannot be compared, or too few.
    """
    sets = split(real, fake, seed)
    return _wasserstein(sets, QUICK_DIRECTIONS, False) | _colour(sets, False) | _spread(sets, False)


def measure_all(real: Images, fake: Images, train: Images | None = None, seed: int = 0) -> dict[str, Measure]:
    """Every measure that needs no labels; see the modules of this package for what each is.

    Args:
        real: uint8 [n, h, w, c], images that were not trained on; n ≥ 40.
        fake: uint8 [m, h, w, c]; m ≥ 20.
        train: uint8 [k, h, w, c], the images that were trained on; without them nothing is said of memorisation.
        seed: of all that is drawn.

    Raises:
        ValueError: images that cannot be compared, or too few.
    """
    sets = split(real, fake, seed, FEWEST)
    found = _wasserstein(sets, DIRECTIONS, True) | _colour(sets, True) | _spread(sets, True) | _similarity(sets)
    found |= feature_measures(sets)
    return found if train is None else found | memorisation(sets, train)


def _wasserstein(sets: Sets, directions: int, intervals: bool) -> dict[str, Measure]:
    sizes, places, towards = level_draws(sets.half, sets.seed, PATCHES, directions)
    half, other, fake = (neighbourhoods(images, places) for images in (sets.half, sets.other, sets.fake))
    levels = normalised(half, fake)
    few = [some[:INTERVAL_DIRECTIONS] for some in towards]

    def without(group: int) -> Values:
        keep = kept(sets.count, group)
        return level_distances(sizes, [level.keep(keep) for level in levels], few)

    values = level_distances(sizes, levels, towards)
    floors = level_distances(sizes, normalised(half, other), towards)
    bounds = _jackknives(values, without) if intervals else {}
    return {key: sets.measure(key, values[key], floors[key], bounds.get(key)) for key in ("distance", *values)}


def _colour(sets: Sets, intervals: bool) -> dict[str, Measure]:
    half, other, fake = (pixels(images, sets.seed) for images in (sets.half, sets.other, sets.fake))

    def without(group: int) -> float:
        keep = kept(sets.count, group)
        return colour_distance(half[keep], fake[keep], sets.seed)

    value = colour_distance(half, fake, sets.seed)
    interval = jackknife(value, [without(group) for group in range(GROUPS)], 0) if intervals else None
    return {"colour": sets.measure("colour", value, colour_distance(half, other, sets.seed), interval)}


def _spread(sets: Sets, intervals: bool) -> dict[str, Measure]:
    real = np.concatenate([sets.half, sets.other])
    value, interval = spread(sets.fake, sets.seed), None
    if intervals:
        distances = pair_distances(sets.fake)
        interval = jackknife(value, [mean_of_others(distances, kept(sets.count, g)) for g in range(GROUPS)], 0)
    return {"spread": sets.measure("spread", value, spread(real, sets.seed), interval)}


def _similarity(sets: Sets) -> dict[str, Measure]:
    value, interval = ms_ssim(sets.fake)
    return {"ms_ssim": sets.measure("ms_ssim", value, ms_ssim(sets.half)[0], interval)}


def feature_measures(sets: Sets) -> dict[str, Measure]:
    """What is measured on frozen features: `precision`, `recall`, `density`, `coverage`, `kernel_distance`, `c2st`."""
    half, other, fake = standardised(*(features(images) for images in (sets.half, sets.other, sets.fake)))
    found = _manifolds(sets, half, other, fake) | _kernel(sets, half, other, fake)
    accuracy, floor = classifier_accuracy(half, fake), classifier_accuracy(half, other)
    interval = wilson(accuracy * 2 * sets.count, 2 * sets.count)
    return found | {"c2st": sets.measure("c2st", accuracy, floor, interval, _ON_FEATURES)}


def _manifolds(sets: Sets, half: Floats, other: Floats, fake: Floats) -> dict[str, Measure]:
    manifolds = Manifolds(half, fake)
    values, floors = manifolds.scores(), Manifolds(half, other).scores()
    bounds = _jackknives(values, lambda group: manifolds.scores(kept(sets.count, group)))
    about = f"k = {NEIGHBOURS}, {_ON_FEATURES}"
    return {key: sets.measure(key, values[key], floors[key], bounds[key], about) for key in values}


def _kernel(sets: Sets, half: Floats, other: Floats, fake: Floats) -> dict[str, Measure]:
    kernels = Kernels(half, fake)
    value = 1e3 * kernels.distance()
    interval = jackknife(value, [1e3 * kernels.distance(kept(sets.count, group)) for group in range(GROUPS)])
    floor = 1e3 * Kernels(half, other).distance()
    return {"kernel_distance": sets.measure("kernel_distance", value, floor, interval, _ON_FEATURES)}


def memorisation(sets: Sets, train: Images) -> dict[str, Measure]:
    """`memorisation` and `data_copying` of generated images, and of held-out ones as the floor.

    Args:
        sets: the images.
        train: uint8 [k, h, w, c], k > 20.
    """
    known = shrunk(train)
    half, other, fake = (nearness(shrunk(images), known) for images in (sets.half, sets.other, sets.fake))
    share = copied_share(other, fake)
    nearer = nearer_share(other, fake)
    bounds = jackknife(nearer, [nearer_share(other, fake, kept(sets.count, g)) for g in range(GROUPS)], 0, 1)
    more = f"{len(train)} training images"
    return {
        "memorisation": sets.measure(
            "memorisation", share, copied_share(other, half), wilson(share * sets.count, sets.count), more
        ),
        "data_copying": sets.measure("data_copying", nearer, nearer_share(other, half), bounds, more),
    }


def _jackknives(values: Values, without: Callable[[int], Values]) -> dict[str, Interval]:
    """`jackknife` of several numbers from 0 on that are found together."""
    groups = [without(group) for group in range(GROUPS)]
    most = dict.fromkeys(SHARES, 1.0)
    return {key: jackknife(values[key], [found[key] for found in groups], 0, most.get(key, math.inf)) for key in values}
