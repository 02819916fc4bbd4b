"""The command: `python -m training fit|resume|export|recipes`."""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bundle.errors import BundleError
from bundle.store import is_name
from training.recipe import RecipeError, load_recipe, recipe_file, recipe_names
from training.run import Run, RunError, create_run, open_run, settings_of
from training.source import DataError

if TYPE_CHECKING:
    from training.dataset import ImageSet

UNSTATED = "not stated"
UNREADABLE_SHOWN = 10
"""How many unreadable files are named; the rest are counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own start-up notes
    try:
        status: int = options.run(options)
        return status
    except (DataError, RecipeError, RunError, BundleError, Failed) as error:
        complain(str(error))
        return 1
    except OSError as error:
        complain(f"{type(error).__name__}: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


class Failed(Exception):
    """A command that could not do what it was asked; its text says why."""


def complain(text: str) -> None:
    """Say on the standard error stream what went wrong."""
    print(f"training: {text}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    top = argparse.ArgumentParser("python -m training", description="Train a GAN on a folder of images.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_fit(commands.add_parser("fit", help="train on a folder or zip of images"))
    _add_resume(commands.add_parser("resume", help="go on with a run that was stopped"))
    _add_export(commands.add_parser("export", help="write a run's generator as a bundle"))
    commands.add_parser("recipes", help="list the recipes").set_defaults(run=list_recipes)
    return top


def _add_fit(fit: argparse.ArgumentParser) -> None:
    fit.add_argument("--data", type=Path, required=True, help="a folder of images, however deep, or a zip")
    fit.add_argument("--recipe", default="ns", help="a name from `recipes`, or a .toml file (default: %(default)s)")
    fit.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a recipe's setting")
    fit.add_argument("--resolution", type=int, choices=(32, 64, 128), default=64, help="px (default: %(default)s)")
    fit.add_argument("--channels", type=int, choices=(1, 3, 4), default=3, help="grey, RGB, RGBA (default: 3)")
    fit.add_argument("--images", type=count, default=count("500k"), help="images to train for: 500k, 1M (default 500k)")
    fit.add_argument("--flip", action="store_true", help="mirror images at random")
    fit.add_argument("--seed", type=seed, default=0, help="of the whole run (default: %(default)s)")
    fit.add_argument("--out", type=Path, default=Path("runs"), help="where runs are kept (default: %(default)s)")
    fit.add_argument("--every", type=count, help="images between sample sheets (default: a fortieth of the run)")
    fit.add_argument("--name", help="what the data is called (default: the folder's or zip's name)")
    fit.add_argument("--license", default=UNSTATED, help="the data's licence, for the model card")
    fit.add_argument("--attribution", default=UNSTATED, help="whom the data's licence asks to name")
    fit.set_defaults(run=run_fit)


def _add_resume(resume: argparse.ArgumentParser) -> None:
    resume.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    resume.add_argument("--images", type=count, help="train to another number of images than the run began with")
    resume.add_argument("--every", type=count, help="images between sample sheets")
    resume.set_defaults(run=run_resume)


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    export.add_argument("--name", type=model_name, required=True, help="the model's name in the store")
    export.add_argument("--version", type=version, help="its version (default: one above the highest)")
    export.add_argument("--models", type=Path, default=Path("models"), help="the store (default: %(default)s)")
    export.add_argument("--heldout", type=Path, help="images that were not trained on, to measure against")
    export.set_defaults(run=run_export)


def count(text: str) -> int:
    """A number of images: "50000", "500k", "1.5M"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text)
    number = round(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]) if match else 0
    if not 1 <= number <= 10**10:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images, such as 50000, 500k or 1.5M")
    return number


def model_name(text: str) -> str:
    """A model's name, as the store takes it."""
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no model name: lower-case letters, digits, '.', '_', '-'")
    return text


def version(text: str) -> int:
    """A model's version: a whole number from 1."""
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no version: a whole number from 1")
    return int(text)


def seed(text: str) -> int:
    """A run's seed: 0 … 2³²−1."""
    if not (text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 0 … 4294967295")
    return int(text)


def list_recipes(options: argparse.Namespace) -> int:
    """Print every recipe with what it is for."""
    for name in recipe_names():
        print(f"{name:10} {load_recipe(name).about}")
    return 0


def run_fit(options: argparse.Namespace) -> int:
    """Begin a run."""
    overrides = options.set + (["flip=true"] if options.flip else [])
    recipe = load_recipe(options.recipe, overrides)
    source, cache = options.data.resolve(), (options.out / "cache").resolve()  # to be resumed from any folder
    data = _load(source, options.resolution, options.channels, cache)
    run = create_run(
        options.out,
        settings_of(
            recipe, data.facts, resolution=options.resolution, channels=options.channels, images=options.images,
            seed=options.seed, cache=cache, name=options.name or (source.name if source.is_dir() else source.stem),
            license_=options.license, attribution=options.attribution,
        ),
    )  # fmt: skip
    shutil.copyfile(recipe_file(options.recipe), run.path / "recipe.toml")
    with run.locked():
        return _train(run, data, options.every, resume=False)


def run_resume(options: argparse.Namespace) -> int:
    """Go on with a run."""
    run = open_run(options.path)
    with run.locked():
        if options.images:
            run = run.with_images(options.images)
        settings = run.settings
        data = _load(Path(settings.source), settings.resolution, settings.channels, Path(settings.cache))
        if data.facts.digest != settings.digest:
            raise RunError(f"{settings.source} is not what the run began with: its images have changed")
        return _train(run, data, options.every, resume=True)


def _load(source: Path, resolution: int, channels: int, cache: Path) -> "ImageSet":
    from training.dataset import load_images
    from training.progress import DecodingDisplay

    with DecodingDisplay() as display:
        data = load_images(source, resolution, channels, cache, display)
    unreadable = data.facts.unreadable
    for name, reason in unreadable[:UNREADABLE_SHOWN]:
        complain(f"left out, unreadable: {name}: {reason}")
    if len(unreadable) > UNREADABLE_SHOWN:
        complain(f"left out, unreadable: {len(unreadable) - UNREADABLE_SHOWN:,} more")
    return data


def _train(run: Run, data: "ImageSet", every: int | None, resume: bool) -> int:
    import tensorflow as tf

    from training.device import prepare
    from training.loop import TrainingFailed, train
    from training.progress import ProgressDisplay

    settings = run.settings
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    console.print(f"{run.path}: {data.facts.count:,} images of {settings.source}, recipe {settings.recipe.name}")
    console.print(f"training on {prepare()}; compiling the step, and timing it for an estimate")
    with ProgressDisplay(settings.images, console=console) as display:
        try:
            complete = train(run, data, display, every, resume)
        except TrainingFailed as error:
            raise Failed(str(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise Failed(
                f"not enough memory for batches of {settings.recipe.batch_size} images of {settings.resolution} px; "
                "begin again with --set batch_size=… or --set generator.width=…"
            ) from error
    if not complete:
        print(f"stopped; go on with: {python()} -m training resume {run.path}")
        return 130
    print(f"done; write the bundle with: {python()} -m training export {run.path} --name NAME")
    return 0


def python() -> str:
    """The interpreter that runs this, as it can be typed here."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def run_export(options: argparse.Namespace) -> int:
    """Write a bundle."""
    from training.export import ExportFailed, export

    try:
        bundle = export(open_run(options.path), options.models, options.name, options.version, options.heldout)
    except ExportFailed as error:
        raise Failed(str(error)) from error
    print(f"{bundle.path}: {bundle.digest}")
    return 0
