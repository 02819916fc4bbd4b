"""`fit`: begin a run."""

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from training.cluster import check_parts
from training.commands.arguments import count, duration, path, seed, share, text
from training.commands.console import complain
from training.commands.distribution import add_distribution, cluster_of
from training.commands.shared import load_data, split, train_run
from training.doctor import quick_findings
from training.errors import Failed
from training.recipe import Recipe, load_recipe, recipe_file
from training.run import Run, RunSettings, create_run
from training.supervisor import supervise

if TYPE_CHECKING:
    from training.budget import Preset

ABOUT = "train on a folder, zip, .npz or IDX file of images"
UNSTATED = "not stated"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    data = parser.add_argument_group("the data")
    data.add_argument("--data", type=path, required=True, help="a folder of images, a zip, an .npz or an IDX file")
    data.add_argument("--resolution", type=int, choices=(32, 64, 128), default=64, help="px (default: %(default)s)")
    data.add_argument("--channels", type=int, choices=(1, 3, 4), default=3, help="grey, RGB, RGBA (default: 3)")
    data.add_argument("--labels", metavar="KEY", help='what to be conditional on: a key of dataset.jsonl, or "folders"')
    data.add_argument("--flip", action="store_true", help="mirror images at random")
    data.add_argument("--name", type=text, help="what the data is called (default: the folder's or file's name)")
    data.add_argument("--license", type=text, default=UNSTATED, help="the data's licence, for the model card")
    data.add_argument("--attribution", type=text, default=UNSTATED, help="whom the data's licence asks to name")
    held = parser.add_argument_group("what is measured against").add_mutually_exclusive_group()
    held.add_argument("--holdout", type=share, default=0.05, help="the share that is held out (default: %(default)s)")
    held.add_argument("--heldout", type=path, metavar="DATA", help="images of their own instead, of the same kind")
    run = parser.add_argument_group("the run")
    run.add_argument("--recipe", default="ns", help="a name from `recipes`, or a .toml file (default: %(default)s)")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a recipe's setting")
    length = run.add_mutually_exclusive_group()
    length.add_argument("--images", type=count, default=count("500k"), help="how many to train for: 500k (default), 1M")
    length.add_argument("--budget", type=duration, help="for how long: 60m, 1h30m; a probe chooses width and batch")
    run.add_argument("--seed", type=seed, default=0, help="of the whole run (default: %(default)s)")
    run.add_argument("--out", type=path, default=Path("runs"), help="where runs are kept (default: %(default)s)")
    run.add_argument("--every", type=count, help="images between checkpoints (default: a fortieth of the run)")
    run.add_argument(
        "--on-trouble", choices=("rollback", "stop", "report"), default="rollback",
        help="on collapse, divergence, memorisation, a dead discriminator: go back and learn slower (default), or stop",
    )  # fmt: skip
    add_distribution(parser)
    parser.set_defaults(run=run_fit)


def run_fit(options: argparse.Namespace) -> int:
    """Begin a run."""
    cluster = cluster_of(options)
    if options.budget and (options.workers or options.strategy != "one"):
        raise Failed("--budget times one device; with several give --images")
    overrides = options.set + (["flip=true"] if options.flip else [])
    recipe = load_recipe(options.recipe, overrides)
    source, cache = options.data.resolve(), (options.out / "cache").resolve()  # to be resumed from any folder
    data = load_data(source, options.resolution, options.channels, cache, options.labels)
    for line in quick_findings(data):
        complain(line)
    recipe, images, every = recipe.for_count(len(data)), options.images, options.every
    if options.budget:
        preset = _preset(options, recipe, len(data.class_names))
        recipe, images, every = preset.recipe, preset.images, every or preset.every
    settings = RunSettings(
        recipe=recipe,
        resolution=options.resolution,
        channels=options.channels,
        images=images,
        seed=options.seed,
        source=str(source),
        cache=str(cache),
        name=options.name or (source.name if source.is_dir() else source.stem),
        license=options.license,
        attribution=options.attribution,
        count=len(data),
        digest=data.digest,
        pixels=data.facts.digest,
        every=every,
        labels=options.labels,
        class_names=data.class_names,
        class_shares=data.class_shares,
        holdout=0.0 if options.heldout else options.holdout,
        heldout=str(options.heldout.resolve()) if options.heldout else None,
        on_trouble=options.on_trouble,
        started=datetime.now(UTC).replace(microsecond=0),
    )
    check_parts(settings.recipe, max(options.workers, len(cluster.workers)))
    _, heldout = split(Run(options.out, settings), data)  # what is wrong with it is said before there is a run
    if heldout is not None and settings.heldout and heldout.facts.digest == data.facts.digest:
        raise Failed(f"--heldout {options.heldout} is what is trained on; it must be images of its own")
    if not cluster.chief:  # the chief alone makes and writes the run's folder
        return train_run(Run(options.out, settings), data, every, resume=False, strategy=options.strategy)
    run = create_run(options.out, settings)
    shutil.copyfile(recipe_file(options.recipe), run.path / "recipe.toml")
    if options.workers:
        return supervise(run.path, options.workers, every, complain)
    with run.locked():
        return train_run(run, data, every, resume=False, strategy=options.strategy)


def _preset(options: argparse.Namespace, recipe: Recipe, classes: int) -> "Preset":
    """What fits into the time that was given, by a probe of this machine."""
    from training.budget import choose
    from training.device import prepare

    prepare()
    complain("trying networks for the time that is given: compiling, then about ten seconds of measuring")
    fixed = {setting.partition("=")[0].strip() for setting in options.set}
    preset = choose(recipe, options.resolution, options.channels, classes, options.budget, fixed)
    complain(preset.text)
    return preset
