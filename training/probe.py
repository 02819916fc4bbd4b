"""How long a step takes here: measured on a few steps that are undone."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from training.recipe import Recipe

if TYPE_CHECKING:
    from training.gan import Gan

PROBE_STEPS: Final = 4
"""Steps that are timed at least, in whole rounds of the regulariser, after the ones that compile."""

Clock = Callable[[], float]
"""A clock in seconds, such as `time.perf_counter`, or `time.process_time` for the CPU time of all threads."""


@dataclass(frozen=True)
class Timing:
    """What was measured, in seconds of the clock that was asked."""

    step: float
    """A step: the median over rounds, a round's mean being over all that its steps do in turn."""
    compiling: float
    """The first steps, which compile."""
    total: float
    """All of it: building, compiling, measuring and undoing."""


def seconds_per_step(gan: "Gan", reals: NDArray[np.uint8], labels: NDArray[np.int32] | None) -> float:
    """The measured time of a step, in seconds: a few are made and then undone. Compiles the step on its way."""
    return time_steps(gan, reals, labels).step


def time_steps(
    gan: "Gan",
    reals: NDArray[np.uint8],
    labels: NDArray[np.int32] | None,
    measuring: float = 0.0,
    clock: Clock = time.perf_counter,
) -> Timing:
    """Make a few steps, time them, and undo them.

    Args:
        gan: what is trained; it is afterwards as it was.
        reals: uint8 [n_critic, batch_size, height, width, channels], the images of every step.
        labels: their classes, int32 [n_critic, batch_size], or None.
        measuring: seconds of measuring at least, compiling not counted.
        clock: what is asked for the time.
    """
    begin = clock()
    before = gan.snapshot()
    for step in range(2):  # with the regulariser and without: compiles both
        _wait(gan.train(reals, step, 1.0, labels))
    compiled = clock()
    recipe = gan.recipe
    turn = recipe.regulariser.every // math.gcd(recipe.regulariser.every, recipe.n_critic)
    rounds: list[float] = []
    now, made = compiled, 2  # a step number that does not follow the last makes several devices copy their state
    while len(rounds) * turn < PROBE_STEPS or now - compiled < measuring:
        for step in range(made, made + turn):
            logs = gan.train(reals, step, 1.0, labels)
        made += turn
        _wait(logs)
        rounds.append((clock() - now) / turn)
        now = clock()
    gan.restore(before)
    return Timing(statistics.median(rounds), compiled - begin, clock() - begin)


def time_recipe(
    recipe: Recipe, resolution: int, channels: int, classes: int = 0, measuring: float = 0.0,
    clock: Clock = time.perf_counter,
) -> Timing:  # fmt: skip
    """Time a recipe's steps on random images: noise costs what pictures cost. `classes` is 0 for no labels."""
    from training.gan import Gan

    begin = clock()
    gan = Gan(recipe, resolution, channels, seed=0, class_shares=[1 / classes] * classes if classes else ())
    random = np.random.default_rng(0)
    shape = (recipe.n_critic, recipe.batch_size)
    reals = random.integers(0, 256, (*shape, resolution, resolution, channels), dtype=np.uint8)
    labels = random.integers(0, classes, shape, dtype=np.int32) if classes else None
    timing = time_steps(gan, reals, labels, measuring, clock)
    return Timing(timing.step, timing.compiling, clock() - begin)


def _wait(logs: dict[str, object]) -> None:
    float(logs["loss_g"])  # type: ignore[arg-type]  # of TensorFlow: waits for the device
