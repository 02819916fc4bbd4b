"""What goes wrong in a training, by name, and what is done about it.

Each check looks at numbers that were measured anyway and returns a `Trouble` or None.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bundle.manifest import Measure

Kind = Literal["diverged", "collapse", "memorisation", "dead-discriminator"]
Policy = Literal["rollback", "stop", "report"]

COLLAPSED: Final = 0.5
"""Generated images that are that part as varied as real ones, or less, have collapsed, if they once were more so."""
VARIED: Final = 0.75
"""As varied as that they must have been: all generators begin with one grey image."""
SETTLED: Final = 100_000
"""Images that a generator has learnt from, after which it is expected to vary even if it never did."""
COPIES: Final = 0.2
"""The share of generated images that stick out towards one training image; of real ones it is 0.01."""
DEAD_SPREAD: Final = 1e-4
"""A discriminator whose scores deviate less than that has nothing to say."""
DEAD_LOSS: Final = 1e-3
"""A cross entropy below that: the discriminator is never wrong, and the generator's gradient is gone."""
DEAD_LINES: Final = 4
"""For so many lines of the log in a row."""
MAX_ROLLBACKS: Final = 3
"""After so many in one run it is stopped."""
SLOWER: Final = 0.5
"""What the learning rates are multiplied by after each rollback: the same again would go wrong the same way."""


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong; `text` says what was seen and what may help."""

    kind: Kind
    text: str


class Troubled(Exception):
    """Carries a trouble from where it is seen to where it is dealt with."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


def diverged(values: Mapping[str, float]) -> Trouble | None:
    """A mean of the log, or the norm of a network's weights, that is not a number or infinite."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if not bad:
        return None
    return Trouble(
        "diverged",
        f"{', '.join(bad)} is no longer finite: training diverged. Half the learning rates or a larger "
        "regulariser.weight may help",
    )


def dead_discriminator(lines: Sequence[Mapping[str, float]], loss: str) -> Trouble | None:
    """A discriminator that says the same of all images, or, where its loss is a cross entropy, is never wrong.

    Args:
        lines: the last lines of the log, with `score_spread` (the standard deviation of its scores) and `loss_d`.
        loss: the recipe's loss.
    """
    last = lines[-DEAD_LINES:]
    if len(last) < DEAD_LINES:
        return None
    if all(line.get("score_spread", math.inf) < DEAD_SPREAD for line in last):
        return Trouble(
            "dead-discriminator",
            f"for {DEAD_LINES} lines of the log the discriminator gave all images, real and generated, the same score, "
            "so the generator learns nothing. A higher learning rate for it, or a smaller regulariser.weight, may help",
        )
    entropy = loss in ("minimax", "non-saturating", "relativistic")
    if entropy and all(line.get("loss_d", math.inf) < DEAD_LOSS for line in last):
        return Trouble(
            "dead-discriminator",
            f"for {DEAD_LINES} lines of the log the discriminator's loss was below {DEAD_LOSS}: it is never wrong, and "
            "its gradient is gone. A larger regulariser.weight, spectral norm, or augmentation may help",
        )
    return None


def collapse(spread: Measure, widest: float, images: int) -> Trouble | None:
    """Generated images that vary far less than real ones, and than they did before.

    Args:
        spread: how varied they are, with the same of real images as its floor.
        widest: the largest share of that floor that they ever had in this run.
        images: how many the generator has learnt from.
    """
    expected = widest >= VARIED or images >= SETTLED
    if not expected or spread.floor is None or spread.value > COLLAPSED * spread.floor:
        return None
    return Trouble(
        "collapse",
        f"generated images vary by {spread.value:.1f}, real ones by {spread.floor:.1f}: the generator repeats itself. "
        "discriminator.minibatch_stddev, the r3 or the wgan-gp recipe may help",
    )


def memorisation(copies: Measure) -> Trouble | None:
    """Generated images that are nearly training images.

    Args:
        copies: the share of generated images that stick out towards one training image (`measures.memorisation`).
    """
    if copies.value <= COPIES:
        return None
    return Trouble(
        "memorisation",
        f"{copies.value:.0%} of the generated images are copies of single training images: it has "
        'learnt them by heart. More images, or augment = "translation+colour", may help',
    )
