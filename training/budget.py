"""A preset for the machine: which width, batch and precision fit into a given time, and what to expect of them.

The rule counts images that the generator learns from: all that the discriminator sees, over `n_critic`. By what was
measured on 20,000 drawn faces of 64 px (`ns`, width 64, batch 64), first shapes are there after 64,000 and clean
faces after 270,000. Clean shapes come first: the widest network is taken that learns from 270,000 images in the time,
and where none does, the narrowest. The batch is the largest with which the run has 4,000 steps, about as many as
270,000 images in batches of 64 are, so a short run makes up in steps for what it lacks in images.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from training.errors import Failed
from training.probe import Timing, time_recipe
from training.recipe import Recipe

NARROWEST, NARROW, MIDDLE, WIDEST = 32, 48, 64, 96
BATCHES: Final = (64, 32, 16)
PROBED_BATCH: Final = 32
FIRST_SHAPES: Final = 64_000
CLEAN_SHAPES: Final = 270_000
STEPS: Final = 4_000
MEASURING: Final = 5.0
"""Seconds of measuring for each network that is tried, compiling not counted; two are as a rule, so about ten."""
FASTER: Final = 1.1
"""Another precision is taken where it is at least so many times faster: less may be noise."""
SPARED: Final = 0.1
"""The part of the time that is spared for checkpoints, sheets and measures."""
KEEPING: Final = 5.0
"""Seconds of one checkpoint with its sheet and measures, about."""
FEWEST_KEPT, MOST_KEPT = 4, 40
"""Checkpoints of a run."""

Timer = Callable[[Recipe], Timing]


@dataclass(frozen=True)
class Preset:
    """What was chosen: the recipe with it, images to see, images between two checkpoints, and a text for people."""

    recipe: Recipe
    images: int
    images_per_second: float
    every: int
    text: str


def choose(
    recipe: Recipe, resolution: int, channels: int, classes: int, seconds: float, fixed: Collection[str] = ()
) -> Preset:
    """Try a few networks on this machine and choose.

    Args:
        recipe: what is to be trained, with the user's settings.
        resolution: px.
        channels: of the images.
        classes: of a conditional generator; 0 for none.
        seconds: of wall time, from now to the end of the run.
        fixed: settings that stay as they are in the recipe, such as "batch_size"; one width keeps the other.

    Raises:
        Failed: compiling and measuring take half of the time or more.
    """
    from training.device import computes_bfloat16

    timer = partial(time_recipe, resolution=resolution, channels=channels, classes=classes, measuring=MEASURING)
    return choose_by(timer, recipe, seconds, fixed, computes_bfloat16())


def choose_by(timer: Timer, recipe: Recipe, seconds: float, fixed: Collection[str], bfloat16: bool) -> Preset:
    """As `choose`, with whatever times a recipe; `bfloat16` is whether the device has instructions for it."""
    probe = _Probe(timer, recipe, seconds, "batch_size" in fixed)
    free = not {"generator.width", "discriminator.width"} & set(fixed)
    if bfloat16 and "precision" not in fixed and recipe.precision == "float32":
        probe.choose_precision("bfloat16", MIDDLE if free else None)
    width = _width(probe) if free else None
    images = probe.images(width)
    if probe.spent >= seconds / 2:
        raise Failed(
            f"of {_time(seconds)}, {_time(probe.spent)} were used up by compiling and measuring; "
            f"take at least --budget {math.ceil(4 * probe.spent / 60)}m, or --images N instead"
        )
    chosen = resized(probe.recipe, width, None if "batch_size" in fixed else _batch(recipe, images))
    kept = min(max(int(SPARED * seconds / KEEPING), FEWEST_KEPT), MOST_KEPT)
    speed = 1 / probe.seconds_per_image(width)
    hope = expectation(images // recipe.n_critic)
    text = (
        f"width {chosen.generator.width}, batches of {chosen.batch_size}, {chosen.precision}: about {_rough(images)} "
        f"images at {speed:,.0f} images/s ({_time(probe.spent)} of the {_time(seconds)} went to compiling and "
        f"measuring, {SPARED:.0%} are spared for checkpoints and measures). To expect: {hope}"
    )
    return Preset(chosen, images, speed, max(images // kept, 1), text)


def expectation(images: int) -> str:
    """What a generator draws that has learnt from so many images, by what drawn faces of 64 px looked like."""
    if images < FIRST_SHAPES:
        return f"colours and outlines; first shapes come after about {FIRST_SHAPES:,} images"
    if images < CLEAN_SHAPES:
        return f"first shapes, not yet clean; clean ones come after about {CLEAN_SHAPES:,} images"
    return "clean shapes, rare parts missing"


def resized(recipe: Recipe, width: int | None, batch_size: int | None) -> Recipe:
    """The recipe with other widths of both networks and another batch size; None leaves what it has."""
    changes: dict[str, object] = {}
    if width is not None:
        changes["generator"] = recipe.generator.model_copy(update={"width": width})
        changes["discriminator"] = recipe.discriminator.model_copy(update={"width": width})
    if batch_size is not None:
        changes["batch_size"] = batch_size
    return recipe.model_copy(update=changes)


class _Probe:
    """What is known of the machine so far, and of the time that is left. A width of None is the recipe's own."""

    def __init__(self, timer: Timer, recipe: Recipe, seconds: float, batch_fixed: bool) -> None:
        self.recipe, self.spent = recipe, 0.0
        self._timer, self._seconds = timer, seconds
        self._batch = None if batch_fixed or PROBED_BATCH not in _batches(recipe) else PROBED_BATCH
        self._timings: dict[int | None, Timing] = {}

    def seconds_per_image(self, width: int | None) -> float:
        """Of those that the discriminator sees; measured, but for the width between two that are measured already."""
        if width == NARROW:
            return between(NARROWEST, self.seconds_per_image(NARROWEST), MIDDLE, self.seconds_per_image(MIDDLE), NARROW)
        recipe = resized(self.recipe, width, self._batch)
        return self._timing(width).step / recipe.images_per_step

    def images(self, width: int | None) -> int:
        """How many the discriminator can see in what is left, when the run has compiled its step once more."""
        each = self.seconds_per_image(width)
        compiling = max(timing.compiling for timing in self._timings.values())
        return max(int((self._seconds * (1 - SPARED) - self.spent - compiling) / each), 1)

    def is_enough(self, width: int) -> bool:
        """Whether the generator can learn clean shapes in what is left."""
        return self.images(width) >= CLEAN_SHAPES * self.recipe.n_critic

    @property
    def has_time(self) -> bool:
        """Whether another network can be tried: half of the time is for that, and it may take what the longest took."""
        return self.spent + max(timing.total for timing in self._timings.values()) < self._seconds / 2

    def choose_precision(self, other: str, width: int | None) -> None:
        """Go on in the other precision where that is faster."""
        before, timing = self.recipe, self._timing(width)
        if not self.has_time:
            return
        self.recipe, self._timings = before.model_copy(update={"precision": other}), {}
        if self._timing(width).step * FASTER > timing.step:
            self.recipe, self._timings = before, {width: timing}

    def _timing(self, width: int | None) -> Timing:
        if width not in self._timings:
            self._timings[width] = self._timer(resized(self.recipe, width, self._batch))
            self.spent += self._timings[width].total
        return self._timings[width]


def between(low: float, at_low: float, high: float, at_high: float, x: float) -> float:
    """The power law through two points, at x: a straight line between the logarithms."""
    part = math.log(x / low) / math.log(high / low)
    return math.exp((1 - part) * math.log(at_low) + part * math.log(at_high))


def _width(probe: _Probe) -> int:
    """The widest that is enough, or else the narrowest; each step tells which one is worth compiling next.

    Where there is no time to try another, it is the one that was tried.
    """
    if probe.is_enough(MIDDLE):
        return WIDEST if probe.has_time and probe.is_enough(WIDEST) else MIDDLE
    if not probe.has_time:
        return MIDDLE
    return NARROW if probe.is_enough(NARROWEST) and probe.is_enough(NARROW) else NARROWEST


def _batch(recipe: Recipe, images: int) -> int | None:
    """The largest with which the run has enough steps, or else the smallest; None where the recipe takes none."""
    allowed = _batches(recipe)
    enough = (size for size in allowed if images / (size * recipe.n_critic) >= STEPS)
    return next(enough, allowed[-1] if allowed else None)


def _batches(recipe: Recipe) -> list[int]:
    group = recipe.discriminator.minibatch_stddev
    return [size for size in BATCHES if not group or size % group == 0]


def _rough(number: int) -> str:
    """Two figures: what is estimated is not known to the last image."""
    return f"{float(f'{number:.2g}'):,.0f}"


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
