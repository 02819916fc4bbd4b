"""How a generator does while it is trained: the quick measures, against images that are held out."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bundle.latents import latents_of
from bundle.manifest import Measure
from bundle.seeds import consecutive_seeds
from training.dataset import ImageSet
from training.gan import Gan
from training.measures import quick_measures
from training.measures.images import drawn
from training.measures.memorisation import AROUND, SUSPECT, copied_share, nearness, shrunk

FEWEST: Final = 32
"""Held-out images; fewer say nothing."""
MOST: Final = 500
"""Held-out images that are looked at: half of them are compared with as many generated ones."""
MOST_TRAINED_ON: Final = 20_000
"""Training images among which copies are looked for, drawn at random where there are more."""
FIRST_SEED: Final = 2**31
"""The first seed of the images that are measured: far from those of the sheet."""
AT_ONCE: Final = 50
"""Images drawn in one batch."""


@dataclass(frozen=True)
class Appraisal:
    """Measures at one moment of a run; `seconds` is what taking them cost."""

    measures: dict[str, Measure]
    seconds: float

    @property
    def distance(self) -> float:
        """The one number by which states of a run are compared; less is better."""
        return self.measures["distance"].value


class Appraiser:
    """Measures a generator against the same held-out images each time, with the same seeds.

    Args:
        heldout: uint8 [n, h, w, c], images that are not trained on.
        train: uint8 [m, h, w, c], those that are.
        seed: of what is drawn.
    """

    def __init__(self, heldout: NDArray[np.uint8], train: NDArray[np.uint8], seed: int) -> None:
        self._heldout, self._seed = heldout, seed
        self._trained_on = shrunk(train)
        self._real = nearness(shrunk(heldout), self._trained_on)

    def appraise(self, gan: Gan) -> Appraisal:
        """The quick measures, and `memorisation`."""
        begin = time.perf_counter()
        fakes = draw(gan, max(2, len(self._heldout) // 2))
        measures = quick_measures(self._heldout, fakes, self._seed)
        copies = copied_share(self._real, nearness(shrunk(fakes), self._trained_on))
        about = f"share of {len(fakes)} generated images that stick out towards one training image"
        measures["memorisation"] = Measure(value=copies, floor=SUSPECT, about=about)
        return Appraisal(measures, time.perf_counter() - begin)


def appraiser_of(heldout: ImageSet | None, train: ImageSet, seed: int) -> Appraiser | None:
    """An appraiser for a run, or None where too few images are held out or trained on to say anything."""
    if heldout is None or len(heldout) < FEWEST or len(train) <= AROUND:
        return None
    some = np.sort(np.random.default_rng([seed, 2]).permutation(len(train))[:MOST_TRAINED_ON])
    return Appraiser(drawn(heldout.images[:], min(len(heldout), MOST), seed), train.images[some], seed)


def draw(gan: Gan, count: int) -> NDArray[np.uint8]:
    """What the averaged generator draws of the seeds from `FIRST_SEED` on: uint8 [count, h, w, c]."""
    seeds = list(consecutive_seeds(FIRST_SEED, count))
    batches = (seeds[i : i + AT_ONCE] for i in range(0, count, AT_ONCE))
    return np.concatenate([gan.sample(latents_of(batch, gan.latent_dim)) for batch in batches])
