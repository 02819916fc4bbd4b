"""`fit`: begin a run."""

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

from training.commands.arguments import count, seed
from training.commands.shared import load_data, train_run
from training.recipe import load_recipe, recipe_file
from training.run import RunSettings, create_run

ABOUT = "train on a folder or zip of images"
UNSTATED = "not stated"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("--data", type=Path, required=True, help="a folder of images, however deep, or a zip")
    parser.add_argument("--recipe", default="ns", help="a name from `recipes`, or a .toml file (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a recipe's setting")
    parser.add_argument("--resolution", type=int, choices=(32, 64, 128), default=64, help="px (default: %(default)s)")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=3, help="grey, RGB, RGBA (default: 3)")
    parser.add_argument("--images", type=count, default=count("500k"), help="how many to train for: 500k (default), 1M")
    parser.add_argument("--flip", action="store_true", help="mirror images at random")
    parser.add_argument("--seed", type=seed, default=0, help="of the whole run (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where runs are kept (default: %(default)s)")
    parser.add_argument("--every", type=count, help="images between sample sheets (default: a fortieth of the run)")
    parser.add_argument("--name", help="what the data is called (default: the folder's or zip's name)")
    parser.add_argument("--license", default=UNSTATED, help="the data's licence, for the model card")
    parser.add_argument("--attribution", default=UNSTATED, help="whom the data's licence asks to name")
    parser.set_defaults(run=run_fit)


def run_fit(options: argparse.Namespace) -> int:
    """Begin a run."""
    overrides = options.set + (["flip=true"] if options.flip else [])
    recipe = load_recipe(options.recipe, overrides)
    source, cache = options.data.resolve(), (options.out / "cache").resolve()  # to be resumed from any folder
    data = load_data(source, options.resolution, options.channels, cache)
    run = create_run(
        options.out,
        RunSettings(
            recipe=recipe.for_count(data.facts.count), resolution=options.resolution, channels=options.channels,
            images=options.images, seed=options.seed, source=str(source), cache=str(cache),
            name=options.name or (source.name if source.is_dir() else source.stem),
            license=options.license, attribution=options.attribution, count=data.facts.count,
            digest=data.facts.digest, started=datetime.now(UTC).replace(microsecond=0),
        ),
    )  # fmt: skip
    shutil.copyfile(recipe_file(options.recipe), run.path / "recipe.toml")
    with run.locked():
        return train_run(run, data, options.every, resume=False)
