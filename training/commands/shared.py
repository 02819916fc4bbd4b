"""What `fit` and `resume` share: the images, and the loop with what a person sees of it."""

import errno
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from training.cluster import Strategy, WorkerLost
from training.commands.console import complain, python
from training.commands.distribution import follow, lost, replicas_for
from training.errors import Failed
from training.run import Run
from training.source import shown
from training.supervisor import STOPPED

if TYPE_CHECKING:
    from training.dataset import ImageSet

FULL = "no space is left on the disk of {}; what is there already is kept: make room, and resume"
UNREADABLE_SHOWN = 10
"""How many unreadable files are named; the rest are counted."""


def load_data(source: Path, resolution: int, channels: int, cache: Path, labels: str | None = None) -> "ImageSet":
    """The images of a source, with a bar while they are decoded; names the files that cannot be read."""
    from training.dataset import load_images
    from training.progress import DecodingDisplay

    with DecodingDisplay() as display:
        data = load_images(source, resolution, channels, cache, display, labels)
    unreadable = data.facts.unreadable
    for name, reason in unreadable[:UNREADABLE_SHOWN]:
        complain(f"left out, unreadable: {shown(name)}: {reason}")
    if len(unreadable) > UNREADABLE_SHOWN:
        complain(f"left out, unreadable: {len(unreadable) - UNREADABLE_SHOWN:,} more")
    return data


def split(run: Run, data: "ImageSet") -> tuple["ImageSet", "ImageSet | None"]:
    """What a run trains on, and what it is measured against: a held-out part, images of their own, or nothing."""
    from training.dataset import hold_out

    settings = run.settings
    if settings.heldout:
        size = (settings.resolution, settings.channels)
        return data, load_data(Path(settings.heldout), *size, Path(settings.cache))
    return hold_out(data, settings.holdout) if settings.holdout else (data, None)


def _measured_against(count: int) -> str:
    from training.appraisal import FEWEST

    if not count:
        return "nothing is held out to measure against"
    if count < FEWEST:
        return f"{count} images are held out; fewer than {FEWEST} say nothing, so no state is measured or kept as best"
    return f"measured against {count:,} images"


def train_run(run: Run, data: "ImageSet", every: int | None, resume: bool, strategy: Strategy = "one") -> int:
    """Train a run on its part of the data, to its end or until it is stopped; returns the exit status."""
    import tensorflow as tf

    from training.device import precision_note, prepare
    from training.loop import TrainingFailed, train
    from training.progress import ProgressDisplay

    settings = run.settings
    part, heldout = split(run, data)
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    console.print(f"{run.path}: {len(part):,} images of {settings.source}, recipe {settings.recipe.name}")
    console.print(_measured_against(len(heldout) if heldout else 0))
    device = prepare()
    if note := precision_note(settings.recipe.precision):
        console.print(note)
    try:
        with replicas_for(settings, strategy) as replicas:
            if replicas is not None and not replicas.cluster.chief:
                return follow(replicas, run, part)
            parts = f", {replicas.parts} replicas" if replicas is not None else ""
            console.print(f"training on {device}{parts}; compiling the step, and timing it for an estimate")
            with ProgressDisplay(settings.images, console=console) as display:
                complete = train(run, part, display, every, resume, heldout, replicas)
            if replicas is not None:
                replicas.complete = complete
    except TrainingFailed as error:
        raise Failed(str(error)) from error
    except WorkerLost as error:
        return lost(error)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Failed(FULL.format(run.path)) from error
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" in str(error) or shutil.disk_usage(run.path).free == 0:
            raise Failed(FULL.format(run.path)) from error
        raise Failed(
            f"not enough memory for batches of {settings.recipe.batch_size} images of {settings.resolution} px; "
            "begin again with --set batch_size=… or --set generator.width=…"
        ) from error
    if not complete:
        print(f"stopped; go on with: {python()} -m training resume {run.path}")
        return STOPPED
    print(f"done; write the bundle with: {python()} -m training export {run.path} --name NAME")
    return 0
