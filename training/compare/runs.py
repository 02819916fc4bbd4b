"""The runs of a comparison, each a process of its own: what one of them dies of does not end the others."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.compare.plan import Comparison
from training.run import Run, RunError, open_run
from training.signals import stop_signals

CHECKPOINTS: Final = 20
"""Of a run: each also takes measures, which cost all recipes the same."""
POLL: Final = 1.0
"""Seconds between two looks at a run."""
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit status, the CPU time of all its threads in seconds, and its last words."""

    status: int
    cpu_seconds: float
    words: str
    stopped: bool


def find_run(out: Path, comparison: Comparison, recipe: str, seed: int) -> Run | None:
    """The newest run of a recipe and a seed in the comparison's folder that can go on, or None."""
    wanted = comparison.load(recipe)
    for path in sorted(out.glob("[0-9]*-*/run.json"), reverse=True):
        try:
            run = open_run(path.parent)
        except RunError:
            continue
        settings = run.settings
        same = settings.recipe.model_copy(update={"augment": wanted.augment}) == wanted  # "auto" is decided by the data
        if same and settings.seed == seed and settings.images == comparison.images[recipe]:
            return run if (run.checkpoints / "checkpoint").exists() else None
    return None


def arguments(out: Path, comparison: Comparison, recipe: str, seed: int, run: Run | None) -> list[str]:
    """What follows `python -m training` to begin a run, or to go on with it."""
    images = comparison.images[recipe]
    every = ["--every", str(max(images // CHECKPOINTS, 1))]
    if run is not None:
        return ["resume", str(run.path), *every]
    told = comparison.conditions
    held = ["--heldout", told.heldout] if told.heldout else ["--holdout", str(told.holdout)]
    words = ["fit", "--data", told.data, "--recipe", recipe, "--seed", str(seed), "--images", str(images), *every]
    words += ["--resolution", str(told.resolution), "--channels", str(told.channels), *held]
    words += ["--labels", told.labels] if told.labels else []
    words += [word for setting in told.settings for word in ("--set", setting)]
    return [*words, "--on-trouble", "stop", "--out", str(out)]


def train_apart(words: Sequence[str], log: Path, watch: Callable[[], None] = lambda: None) -> Ended:
    """Run `python -m training` to its end; what it says goes to a file.

    Ctrl-C and SIGTERM are passed on once, and the process ends after its step with a checkpoint.

    Args:
        words: the command's arguments.
        log: the file, written anew.
        watch: called every second.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    before = _children_seconds()
    with log.open("wb") as file, stop_signals() as stopped:
        process = subprocess.Popen(  # noqa: S603 (our own program; no shell)
            [sys.executable, "-m", "training", *words],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # a terminal's Ctrl-C would reach it too, and a second one would kill it
        )  # fmt: skip
        try:
            status = _wait(process, stopped, watch)
        except KeyboardInterrupt:  # a second Ctrl-C: at once
            process.kill()
            process.wait()
            raise
    return Ended(status, _children_seconds() - before, last_words(log), bool(stopped))


def _wait(process: "subprocess.Popen[bytes]", stopped: Sequence[int], watch: Callable[[], None]) -> int:
    told = False
    while True:
        try:
            return process.wait(POLL)
        except subprocess.TimeoutExpired:
            watch()
        if stopped and not told:
            told = True
            process.send_signal(signal.SIGTERM)


def last_words(log: Path) -> str:
    """The last line in which a run says what went wrong, or its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = [line.removeprefix("training: ") for line in lines if line.startswith("training: ")]
    return (said or lines or ["it said nothing"])[-1]


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
