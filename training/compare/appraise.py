"""What a run of a comparison came to."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import numpy as np

from bundle.manifest import Measure
from training.compare.plan import Comparison, Entry
from training.report.record import read_record
from training.run import Run

DRAWN: Final = 2_000
"""Generated images, of which classes are counted; the other measures take as many of them as held-out ones allow."""
EXPECTED: Final = frozenset({"best", "resumed"})
"""What happens in a run without anything going wrong."""

P = ParamSpec("P")
R = TypeVar("R")


def apart(function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """Call a function in a process of its own, which gives back what TensorFlow took: memory, and the GPU."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


def seconds_per_image(comparison: Comparison, recipe: str, count: int, classes: int, measuring: float) -> float:
    """A step's time over the images that the discriminator sees in it: CPU time of all threads, on a GPU wall time.

    To be called by `apart`. `count`: images of the data; `classes`: 0 for none; `measuring`: seconds at least.
    """
    from training.device import cost_clock, prepare
    from training.probe import time_recipe

    prepare()
    told = comparison.conditions
    made = comparison.load(recipe).for_count(count)
    timing = time_recipe(made, told.resolution, told.channels, classes, measuring, cost_clock())
    return timing.step / made.images_per_step


def measures_of(path: Path, cache: Path, classes: str | None) -> dict[str, Measure]:
    """All measures of a run's best state, the one that `export` publishes; to be called by `apart`.

    Args:
        path: of the run.
        cache: of decoded images and classifiers.
        classes: the label whose classes are counted, or None.

    Raises:
        Failed: it cannot be measured; says why.
    """
    from training.device import prepare
    from training.evaluate import Request, evaluate

    prepare()
    return evaluate(Request(path, count=DRAWN, labels=[classes] if classes else [], cache=cache)).measures


def looked_at(entry: Entry, run: Run | None) -> Entry:
    """The entry with what the run's log tells: images seen, speed, and what went wrong."""
    if run is None:
        return entry
    record = read_record(run)
    speeds = [point["images_per_second"] for point in record.points if "images_per_second" in point]
    troubles = tuple(
        f"{happening.kind} at {happening.images:,} images" for happening in record.happenings
        if happening.kind not in EXPECTED
    )  # fmt: skip
    return entry.model_copy(
        update={
            "images": record.images,
            "images_per_second": float(np.median(speeds)) if speeds else None,
            "troubles": troubles,
        }
    )
