"""The training loop, from top to bottom."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.checkpoints import Checkpoints
from training.dataset import ImageSet, Shuffled
from training.gan import Gan
from training.recipe import Recipe
from training.run import Run
from training.sheet import sheet_latents, write_sheet

PROBE_STEPS = 4
"""Steps that are timed at least for the estimate, in whole rounds of the regulariser, after the ones that compile."""

LOG_EVERY = 50
"""Steps between two lines of the log."""


class TrainingFailed(Exception):
    """Training cannot go on; says why and what is kept."""


class Display(Protocol):
    """What is told to the person who waits."""

    def estimate(self, images_per_second: float, images_left: int) -> None:
        """Before the first step."""

    def advance(self, images_seen: int, logs: dict[str, float]) -> None:
        """After every step; `logs` are the means since the last line of the log."""

    def note(self, text: str) -> None:
        """Something worth a line."""


@dataclass
class Means:
    """The means of what the steps report, and how fast they are, until they are taken."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    since: float = field(default_factory=time.perf_counter)

    def add(self, logs: dict[str, tf.Tensor]) -> None:
        """One step's scalars; a term that is not computed at every step is averaged over those where it is."""
        self.steps += 1
        for name, value in logs.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
            self.counts[name] = self.counts.get(name, 0) + 1

    def peek(self) -> dict[str, float]:
        """The means so far."""
        return {name: total / self.counts[name] for name, total in self.sums.items()}

    def steps_per_second(self) -> float:
        """Since the means began."""
        return self.steps / max(time.perf_counter() - self.since, 1e-9)

    def begin(self) -> None:
        """Forget what was added."""
        self.sums, self.counts, self.steps, self.since = {}, {}, 0, time.perf_counter()


def gan_of(run: Run) -> Gan:
    """The networks of a run, as they are before its first step."""
    settings = run.settings
    return Gan(settings.recipe, settings.resolution, settings.channels, settings.seed, settings.class_shares)


def images_per_step(recipe: Recipe) -> int:
    """How many real images the discriminator sees in one step."""
    return recipe.batch_size * recipe.n_critic


def learning_rate_factor(step: int, steps: int, decay_from: float) -> float:
    """What the learning rates are multiplied by: 1, then linearly to 0 from `decay_from` of the run on."""
    begin = decay_from * steps
    return 1.0 if step < begin else max(0.0, (steps - step) / max(steps - begin, 1e-9))


def train(run: Run, data: ImageSet, display: Display, every: int | None = None, resume: bool = False) -> bool:
    """Train a run to its end, or until Ctrl-C or SIGTERM, which end it after the step with a checkpoint.

    Args:
        run: what to do, and where.
        data: the images.
        display: who is told.
        every: images between two sheets and checkpoints; None for a fortieth of the run.
        resume: whether to go on from the last checkpoint.

    Returns:
        Whether the run is complete.

    Raises:
        TrainingFailed: a loss or a weight is no longer finite.
        RunError: there is no checkpoint to go on from, or none can be written.
    """
    settings, recipe = run.settings, run.settings.recipe
    per_step = images_per_step(recipe)
    steps = math.ceil(settings.images / per_step)
    tick = max(1, (every or settings.images // 40) // per_step)
    gan = gan_of(run)
    latents = sheet_latents(gan.latent_dim)
    checkpoints = Checkpoints(gan, run.checkpoints)
    step = checkpoints.restore() if resume else 0
    run.truncate_log(step)
    batches, means = Batches(data, recipe, settings.seed), Means()

    def log() -> None:
        line = {"step": step, "images": step * per_step, **means.peek()}
        check_finite(line, step, run)
        run.log(line | {"images_per_second": round(means.steps_per_second() * per_step, 1)})
        means.begin()

    def keep() -> None:
        check_finite({**means.peek(), **gan.norms()}, step, run)
        checkpoints.save()
        write_sheet(run.samples / f"{step * per_step:09d}.png", gan.sample(latents))

    with stop_signals() as stopped:
        if not resume:
            keep()  # from here on the run can be resumed, whatever happens
        if step < steps:
            display.estimate(per_step / seconds_per_step(gan, *batches.at(step)), (steps - step) * per_step)
        means.begin()
        while step < steps and not stopped:
            reals, labels = batches.at(step)
            means.add(gan.train(reals, step, learning_rate_factor(step, steps, recipe.decay_from), labels))
            step += 1
            display.advance(step * per_step, means.peek())
            if step % LOG_EVERY == 0:
                log()
            if step % tick == 0 and step < steps:
                keep()
        if stopped:
            display.note(f"stopped by a signal after step {step} of {steps}")
        if means.steps:
            log()
        keep()
    return step >= steps


class Batches:
    """Step k's images: a function of the seed and k."""

    def __init__(self, data: ImageSet, recipe: Recipe, seed: int) -> None:
        self._images, self._labels, self._recipe = data.images, data.labels, recipe
        self._order = Shuffled(len(data.images), seed)

    def at(self, step: int) -> tuple[NDArray[np.uint8], NDArray[np.int32] | None]:
        """Images uint8 [n_critic, batch_size, height, width, channels], their classes int32 [n_critic, batch_size]."""
        shape = self._recipe.n_critic, self._recipe.batch_size
        indices = self._order.indices(step * images_per_step(self._recipe), images_per_step(self._recipe))
        images = self._images[indices]
        labels = None if self._labels is None else self._labels[indices].reshape(shape)
        return images.reshape(*shape, *images.shape[1:]), labels


def seconds_per_step(gan: Gan, reals: NDArray[np.uint8], labels: NDArray[np.int32] | None) -> float:
    """The measured time of a step, in seconds: a few are made and then undone. Compiles the step on its way."""
    before = gan.snapshot()
    for step in range(2):  # with the regulariser and without: compiles both
        gan.train(reals, step, 1.0, labels)
    begin = time.perf_counter()
    probes = gan.recipe.regulariser.every * math.ceil(PROBE_STEPS / gan.recipe.regulariser.every)
    for step in range(probes):
        logs = gan.train(reals, step, 1.0, labels)
    float(logs["loss_g"])  # waits for the device
    seconds = (time.perf_counter() - begin) / probes
    gan.restore(before)
    return seconds


def check_finite(means: dict[str, float], step: int, run: Run) -> None:
    """Stop when a mean, or the norm of a network's weights, is not a number or infinite.

    Raises:
        TrainingFailed: names the value, the step and the folder of the last checkpoint.
    """
    bad = [name for name, value in means.items() if not math.isfinite(value)]
    if bad:
        raise TrainingFailed(
            f"{', '.join(bad)} is no longer finite at step {step}: training diverged. The last good state is in "
            f"{run.checkpoints}; try half the learning rates, or a larger regulariser.weight"
        )


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that is empty until SIGINT (Ctrl-C) or SIGTERM comes; a second Ctrl-C interrupts at once."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
