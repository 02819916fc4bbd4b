"""What a person sees while a run goes on: a bar on a terminal, a line now and then in a file."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

QUIET_SECONDS = 30.0
"""Seconds between two lines where there is no terminal."""


class ProgressDisplay:
    """A progress bar with images/s, losses and the time left."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, soft_wrap=True)
        self._total, self._first = total, 0
        self._begin = self._spoke = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.percentage:5.1f}%"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("", total=total, text="compiling the step")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def estimate(self, images_per_second: float, images_left: int) -> None:
        """Say how long the run will take, as measured by a few steps."""
        self.note(
            f"measured {images_per_second:.0f} images/s; {images_left:,} images will take about "
            f"{duration(images_left / images_per_second)}"
        )
        self._first = max(0, self._total - images_left)  # what a resumed run had made before does not count as speed
        self._begin = self._spoke = time.monotonic()

    def advance(self, images_seen: int, logs: dict[str, float]) -> None:
        """Move the bar."""
        now = time.monotonic()
        speed = (images_seen - self._first) / max(now - self._begin, 1e-9)
        text = summary(images_seen, self._total, speed, logs)
        self._progress.update(self._task, completed=images_seen, text=text)
        if self._progress.disable and now - self._spoke > QUIET_SECONDS:
            self._spoke = now
            self.note(text)

    def note(self, text: str) -> None:
        """A line of its own, above the bar."""
        self._console.print(text, highlight=False, markup=False, emoji=False)


class DecodingDisplay:
    """A progress bar over the images of a data set while they are decoded; called as `load_images` wants it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, soft_wrap=True)
        self._spoke = time.monotonic()
        self._progress = Progress(
            TextColumn("decoding images"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal, transient=True,
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` images are decoded; not called when they come from the cache."""
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=done)
        if self._progress.disable and time.monotonic() - self._spoke > QUIET_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(f"decoding images: {done:,} of {total:,}", highlight=False, markup=False)


def summary(images_seen: int, total: int, speed: float, logs: dict[str, float]) -> str:
    """One line: images, images/s, the losses, the time left."""
    losses = "  ".join(f"{name} {logs[name]:.3f}" for name in ("loss_d", "loss_g") if name in logs)
    left = duration(max(total - images_seen, 0) / max(speed, 1e-9))
    return f"{images_seen:,}/{total:,} images  {speed:.0f} images/s  {losses}  {left} left"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "12 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
