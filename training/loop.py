"""The training loop, from top to bottom."""

import math
from contextlib import closing
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.appraisal import Appraisal, appraiser_of
from training.batches import Batches
from training.checkpoints import Checkpoints
from training.dataset import ImageSet
from training.events import Events
from training.gan import Gan
from training.journal import Journal
from training.means import Means
from training.probe import seconds_per_step
from training.report import write_report
from training.run import Run
from training.sheet import sheet_latents, write_sheet
from training.signals import stop_signals
from training.watch import (
    MAX_ROLLBACKS,
    SLOWER,
    Trouble,
    Troubled,
    collapse,
    dead_discriminator,
    diverged,
    memorisation,
)

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


def train(
    run: Run,
    data: ImageSet,
    display: Display,
    every: int | None = None,
    resume: bool = False,
    heldout: ImageSet | None = None,
    gan: Gan | None = None,
) -> bool:
    """Train a run to its end, or until Ctrl-C, SIGTERM or SIGHUP, which end it after the step with a checkpoint.

    Args:
        run: what to do, and where.
        data: the images.
        display: who is told.
        every: images between two sheets, measures and checkpoints; None for what the run's settings say.
        resume: whether to go on from the last checkpoint.
        heldout: images that are not trained on, to measure against; None or too few for no measures, and so no best.
        gan: the networks before their first step, where they are on several devices; None for one device.

    Returns:
        Whether the run is complete.

    Raises:
        TrainingFailed: it diverged, collapsed, learnt by heart or its discriminator died, and was to be stopped for it.
        RunError: there is no checkpoint to go on from, or none can be written.
    """
    loop = Loop(run, data, display, every, heldout, gan)
    try:
        with stop_signals() as stopped, closing(loop.events):
            loop.begin(resume)
            while not loop.complete and not stopped:
                try:
                    loop.advance() if loop.step < loop.steps else loop.end()
                except Troubled as error:
                    loop.settle(error.trouble)
            if not loop.complete:
                loop.pause()  # before a word, which a terminal that is closed does not take
                display.note(f"stopped by a signal after step {loop.step} of {loop.steps}")
    finally:
        write_report(run, data.images, None if heldout is None else heldout.images)  # of a failure above all
    return loop.complete


class Loop:
    """One process's part of a run: the state in memory, and what of it goes to the run's folder when."""

    def __init__(
        self,
        run: Run,
        data: ImageSet,
        display: Display,
        every: int | None,
        heldout: ImageSet | None,
        gan: Gan | None,
    ) -> None:
        self.run, self.display, self.on_trouble = run, display, run.settings.on_trouble
        self.recipe = run.settings.recipe
        self.per_step = self.recipe.images_per_step
        self.steps = math.ceil(run.settings.images / self.per_step)
        self.tick = max(1, (every or run.settings.every or run.settings.images // 40) // self.per_step)
        self.step, self.kept, self.complete = 0, -1, False
        self.gan = gan or gan_of(run)
        self.checkpoints, self.best = Checkpoints(self.gan, run.checkpoints), Checkpoints(self.gan, run.best, keep=1)
        self.batches, self.means = Batches(data, self.recipe, run.settings.seed), Means()
        self.journal, self.events = Journal(run), Events(run.path / "events")
        self.appraiser = appraiser_of(heldout, data, run.settings.seed)

    def begin(self, resume: bool) -> None:
        """Take the last state back or write the first, and say how long it will take."""
        if resume:
            self._restore()
            for problem in self.checkpoints.problems:
                self.display.note(f"a checkpoint cannot be read, so the one before it is taken: {problem}")
        self.journal.truncate(self.step)
        self._forget_sheets()
        if not resume:
            self.keep()  # from here on the run can be resumed, whatever happens
        if self.step < self.steps:
            if resume:
                self.journal.event(self.step, "resumed", f"went on from step {self.step:,}")
            seconds = seconds_per_step(self.gan, *self.batches.at(self.step))
            self.display.estimate(self.per_step / seconds, (self.steps - self.step) * self.per_step)
        self.means.restart_clocks()

    def advance(self) -> None:
        """One step, and what is due after it.

        Raises:
            Troubled: something went wrong.
        """
        images, labels = self.batches.at(self.step)
        self.means.add(self.gan.train(images, self.step, self.rate(self.step), labels))
        self.step += 1
        self.display.advance(self.step * self.per_step, self.means.peek())
        if self.step % LOG_EVERY == 0:
            self.log()
        if self.step % self.tick == 0 and self.step < self.steps:
            self.keep()

    def end(self) -> None:
        """Log and keep what the last steps brought.

        Raises:
            Troubled: something went wrong.
        """
        if self.means.steps:
            self.log()
        if self.kept != self.step:
            self.keep()
        self.complete = True

    def pause(self) -> None:
        """Keep the state as it is, in the middle of things; after trouble, what is kept already stays.

        Raises:
            TrainingFailed: it diverged since.
        """
        trouble = diverged({**self.means.peek(), **self.gan.norms()})
        if trouble is not None:
            self.journal.event(self.step, trouble.kind, trouble.text)
            raise TrainingFailed(f"{trouble.text} (step {self.step}); the last good state is in {self.run.checkpoints}")
        if self.kept != self.step:
            self._save()
            self._draw()

    def rate(self, step: int) -> float:
        """What the learning rates are multiplied by at a step."""
        factor = learning_rate_factor(step, self.steps, self.recipe.decay_from)
        return factor * SLOWER ** self.journal.rollbacks(step)

    def log(self) -> None:
        """Write the means since the last line."""
        means = self.means.peek()
        self._check(diverged(means))
        line = {
            "step": self.step,
            "images": self.step * self.per_step,
            **means,
            "learning_rate_factor": self.rate(self.step - 1),
        }
        speed = round(self.means.steps_per_second() * self.per_step, 1)
        self.journal.log(line | {"images_per_second": speed, "cpu_seconds": round(self.means.cpu_seconds(), 2)})
        self.events.scalars(self.step, means)
        self.means.begin()
        self._check(dead_discriminator(self.journal.lines, self.recipe.loss))

    def keep(self) -> None:
        """Look at what was learnt, and write the state if it is good."""
        self._check(diverged({**self.means.peek(), **self.gan.norms()}))
        measures = self._appraise()
        if measures and self.journal.is_best(measures.distance):
            self.best.save()
            self.journal.best(self.step, measures.distance)
        self._save()
        self._draw()
        images, labels = self.batches.at(self.step)
        scores = self.gan.scores(images[0], None if labels is None else labels[0], self.step)
        for kind, values in scores.items():
            self.events.histogram(self.step, f"scores of {kind} images", values)

    def _save(self) -> None:
        self.checkpoints.save(self.means.text())
        self.kept = self.step

    def _restore(self) -> None:
        self.step = self.kept = self.checkpoints.restore()
        self.means = Means.of_text(self.checkpoints.note)

    def _draw(self) -> None:
        sheet = write_sheet(self.run.samples / f"{self.step * self.per_step:09d}.png", self._drawn())
        self.events.image(self.step, "samples", sheet)

    def _appraise(self) -> Appraisal | None:
        if self.appraiser is None:
            return None
        found: Appraisal = self.appraiser.appraise(self.gan)
        self.journal.measures(self.step, found)
        self.events.scalars(self.step, {f"held-out/{name}": m.value for name, m in found.measures.items()})
        self._check(collapse(found.measures["spread"], self.journal.widest, self.step * self.recipe.batch_size))
        self._check(memorisation(found.measures["memorisation"]))
        return found

    def _drawn(self) -> NDArray[np.uint8]:
        return self.gan.sample(sheet_latents(self.gan.latent_dim))

    def _forget_sheets(self) -> None:
        for sheet in self.run.samples.glob("*.png"):
            if sheet.stem.isdecimal() and int(sheet.stem) > self.step * self.per_step:
                sheet.unlink()

    def _check(self, trouble: Trouble | None) -> None:
        if trouble is None:
            return
        if self.on_trouble == "report" and trouble.kind != "diverged":
            self.journal.event(self.step, trouble.kind, trouble.text)
            self.display.note(f"step {self.step}: {trouble.kind}: {trouble.text}")
            return
        raise Troubled(trouble)

    def settle(self, trouble: Trouble) -> None:
        """Go back to the last good state with slower learning, or stop.

        Raises:
            TrainingFailed: it is to be stopped, or was rolled back too often.
        """
        self.journal.event(self.step, trouble.kind, trouble.text)
        where = f"at step {self.step}: {trouble.text}. The last good state is in {self.run.checkpoints}"
        if self.on_trouble != "rollback":
            raise TrainingFailed(f"{trouble.kind} {where}")
        if self.journal.rollbacks(self.step) >= MAX_ROLLBACKS:
            raise TrainingFailed(f"{trouble.kind} {where}; it was rolled back {MAX_ROLLBACKS} times")
        failed = self.step
        self._restore()
        self.journal.roll_back(failed, self.step, trouble)
        self._forget_sheets()
        self.display.note(
            f"{trouble.kind} at step {failed}: {trouble.text}. Back to step {self.step}, learning half as fast"
        )


def gan_of(run: Run) -> Gan:
    """The networks of a run, as they are before its first step."""
    settings = run.settings
    return Gan(settings.recipe, settings.resolution, settings.channels, settings.seed, settings.class_shares)


def learning_rate_factor(step: int, steps: int, decay_from: float) -> float:
    """What the learning rates are multiplied by: 1, then linearly to 0 from `decay_from` of the run on."""
    begin = decay_from * steps
    return 1.0 if step < begin else max(0.0, (steps - step) / max(steps - begin, 1e-9))
