"""`compare`: train recipes side by side on the same data, and write a table and a picture.

Each recipe is trained once for each seed, one run after another, each a process of its own, and measured against the
same held-out images. Called again, it goes on where it stopped; further recipes and seeds are added. Lengths are
equal in images, or, with --budget, in time: each recipe is timed once before its first run, and that decides how
many images all its runs see, so their learning rates decay as they should. The time is CPU time of all threads,
because wall time depends on who else is using the machine; on a GPU it is wall time.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.commands.arguments import count, duration, path, share
from training.commands.console import complain
from training.commands.shared import load_data
from training.errors import Failed
from training.recipe import load_recipe, recipe_names

if TYPE_CHECKING:
    from training.compare.plan import Comparison, Conditions, Entry
    from training.dataset import ImageSet

ABOUT = "train recipes side by side; write a table and a picture"

MOST_SEEDS = 100
FEWEST_HELD_OUT = 40
"""As the measures need them: two halves of twenty."""
SHOWN = 10
"""Real images in the picture."""
PIPED_WIDTH = 160
"""Characters of a line where the output is no terminal."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("--data", type=path, required=True, help="a folder of images, a zip, an .npz or an IDX file")
    parser.add_argument("--recipes", nargs="+", metavar="NAME", help="names or .toml files (default: all that come)")
    parser.add_argument("--seeds", type=_seeds, default=3, help="runs of each recipe (default: %(default)s)")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--images", type=count, help="how many images each run sees: 200k")
    length.add_argument("--budget", type=duration, help="how long each run may take, in CPU time: 90s, 60m, 1h30m")
    parser.add_argument("--resolution", type=int, choices=(32, 64, 128), default=64, help="px (default: %(default)s)")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=3, help="grey, RGB, RGBA (default: 3)")
    parser.add_argument("--labels", metavar="KEY", help="what the generators are conditional on, as for fit")
    parser.add_argument("--classes", metavar="KEY", help="whose classes are counted in what is drawn (default: LABELS)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting of all")
    held = parser.add_mutually_exclusive_group()
    held.add_argument("--holdout", type=share, default=0.05, help="the share that is held out (default: %(default)s)")
    held.add_argument("--heldout", type=path, metavar="DATA", help="images of their own instead, of the same kind")
    parser.add_argument("--out", type=path, default=Path("compare"), help="the folder (default: %(default)s)")
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> int:
    """Train what is missing, measure it, and write the table and the picture after each run."""
    from training.compare.conduct import length
    from training.compare.plan import open_comparison, write_comparison
    from training.compare.sheet import write_sheet
    from training.compare.table import FILE, write_page

    recipes = list(dict.fromkeys(options.recipes or recipe_names()))
    for recipe in recipes:
        load_recipe(recipe, options.set)  # what is wrong is said before the first run
    out = options.out.resolve()
    comparison = open_comparison(out, _conditions(options))
    data = load_data(options.data.resolve(), options.resolution, options.channels, out / "cache", options.labels)
    _check(options, data, out / "cache")
    for recipe in recipes:
        if recipe not in comparison.images:
            images = length(comparison, recipe, len(data), len(data.class_names))
            complain(f"{recipe}: {images:,} images a run")
            comparison = comparison.with_images(recipe, images)
            write_comparison(out, comparison)
    for seed in range(options.seeds):  # one of each first: the table says something early
        for recipe in recipes:
            entry = comparison.entry(recipe, seed)
            if entry is not None and not entry.again:
                continue
            entry = _train(out, comparison, recipe, seed)
            comparison = comparison.with_entry(entry)
            write_comparison(out, comparison)
            write_page(out, comparison)
            write_sheet(out, _some(data), comparison)
            if entry.status == "stopped":
                complain("stopped; the same command goes on from here")
                return 130
    _print(comparison)
    print(out / FILE)
    return 0


def _check(options: argparse.Namespace, data: "ImageSet", cache: Path) -> None:
    """What would make every run fail, or be measured by nothing, is said before the first.

    Raises:
        Failed: too few images are held out.
        DataError: the held-out images or the labels cannot be read.
    """
    if options.heldout:
        held = len(load_data(options.heldout.resolve(), options.resolution, options.channels, cache))
    else:
        held = int(options.holdout * len(data))
    if held < FEWEST_HELD_OUT:
        raise Failed(f"{held:,} images are held out; at least {FEWEST_HELD_OUT} are needed to measure the runs by")
    if options.classes:
        load_data(options.data.resolve(), options.resolution, options.channels, cache, options.classes)


def _conditions(options: argparse.Namespace) -> "Conditions":
    from training.compare.plan import Conditions

    return Conditions(
        data=str(options.data.resolve()), resolution=options.resolution, channels=options.channels,
        labels=options.labels, classes=options.classes or options.labels,
        holdout=0.0 if options.heldout else options.holdout,
        heldout=str(options.heldout.resolve()) if options.heldout else None,
        settings=tuple(options.set), images=options.images, budget=options.budget,
    )  # fmt: skip


def _train(out: Path, comparison: "Comparison", recipe: str, seed: int) -> "Entry":
    """One run, with a bar, and a line when it has ended."""
    from training.compare.conduct import train_one

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{recipe}, seed {seed}", total=comparison.images[recipe])
        entry = train_one(out, comparison, recipe, seed, lambda images: bar.update(task, completed=images))
    complain(f"{recipe}, seed {seed}: {entry.status}{f': {entry.reason}' if entry.reason else ''}")
    return entry


def _some(data: "ImageSet") -> NDArray[np.uint8]:
    """A few of the images, always the same: uint8 [10, h, w, c]."""
    return data.images[np.random.default_rng(0).permutation(len(data))[:SHOWN]]


def _print(comparison: "Comparison") -> None:
    from training.compare.table import table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    made = table(comparison)
    shown = Table()
    for heading in made.headings:
        shown.add_column(heading, justify="left" if heading in ("recipe", "trouble") else "right")
    for row in made.rows:
        shown.add_row(*row)
    console.print(shown)


def _seeds(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_SEEDS):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 1 … {MOST_SEEDS}")
    return int(text)
