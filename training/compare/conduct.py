"""One run of a comparison from its beginning, or from where it stopped, to its measures."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from training.compare.appraise import apart, looked_at, measures_of, seconds_per_image
from training.compare.plan import Comparison, Entry, title
from training.compare.runs import Ended, arguments, find_run, train_apart
from training.errors import Failed
from training.report.record import read_record
from training.run import Run

MEASURING: Final = 10.0
"""Seconds for which a recipe is timed, compiling not counted."""

Watch = Callable[[int], None]
"""Is called every second with how many images were seen."""


def length(comparison: Comparison, recipe: str, count: int, classes: int) -> int:
    """How many images the runs of a recipe see: those that are given, or as many as fit into the time.

    Args:
        comparison: the conditions.
        recipe: which.
        count: of the images of the data, which decides on augmentation.
        classes: of a conditional generator, 0 for none.
    """
    told = comparison.conditions
    if told.images is not None:
        return told.images
    each = apart(seconds_per_image, comparison, recipe, count, classes, MEASURING)
    return max(int((told.budget or 0) / each), comparison.load(recipe).images_per_step)


def train_one(out: Path, comparison: Comparison, recipe: str, seed: int, watch: Watch = lambda images: None) -> Entry:
    """Train one run, and measure it if it is done.

    One that cannot be measured is done all the same; `reason` says why it was not.

    Raises:
        RunError: another process is training it.
    """
    run = find_run(out, comparison, recipe, seed)
    if run is not None:
        with run.locked():
            pass  # nobody else has it
    before = comparison.entry(recipe, seed)
    log = out / "logs" / f"{title(recipe)}-{seed}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = arguments(out, comparison, recipe, seed, run)
    ended = train_apart(words, log, lambda: watch(_seen(find_run(out, comparison, recipe, seed))))
    run = find_run(out, comparison, recipe, seed)
    entry = looked_at(
        Entry(
            recipe=recipe, seed=seed, status=_status(ended), run=run.path.name if run else None,
            reason="" if ended.status in (0, 130) else _reason(ended),
            cpu_seconds=ended.cpu_seconds + (before.cpu_seconds if before else 0.0),
        ),
        run,
    )  # fmt: skip
    if entry.status != "done" or run is None:
        return entry
    try:
        measures = apart(measures_of, run.path, out / "cache", comparison.conditions.classes)
    except Failed as error:  # the others go on
        return entry.model_copy(update={"reason": f"not measured: {error}"})
    return entry.model_copy(update={"measures": measures})


def _status(ended: Ended) -> Literal["stopped", "done", "failed"]:
    if ended.stopped or ended.status == 130:  # even if it was done just then: somebody wants it all to stop
        return "stopped"
    return "failed" if ended.status else "done"


def _reason(ended: Ended) -> str:
    return f"ended by signal {-ended.status}; {ended.words}" if ended.status < 0 else ended.words


def _seen(run: Run | None) -> int:
    return 0 if run is None else read_record(run).images
