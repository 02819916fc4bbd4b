"""`resume`: go on with a run that was stopped."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from training.cluster import check_parts
from training.commands.arguments import count
from training.commands.console import complain
from training.commands.distribution import add_distribution, cluster_of
from training.commands.shared import load_data, train_run
from training.run import open_run
from training.supervisor import supervise

ABOUT = "go on with a run that was stopped"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--images", type=count, help="train to another number of images than the run began with")
    parser.add_argument("--every", type=count, help="images between checkpoints (default: as the run began)")
    add_distribution(parser)
    parser.set_defaults(run=run_resume)


def run_resume(options: argparse.Namespace) -> int:
    """Go on with a run."""
    cluster, run = cluster_of(options), open_run(options.path)
    with run.locked() if cluster.chief else nullcontext():  # the chief alone writes the run's folder
        settings = run.settings
        check_parts(settings.recipe, max(options.workers, len(cluster.workers)))
        data = load_data(
            Path(settings.source), settings.resolution, settings.channels, Path(settings.cache), settings.labels
        )
        run.check_unchanged(data)
        if options.images and cluster.chief:
            run = run.with_images(options.images)
        if not options.workers:
            return train_run(run, data, options.every, resume=run.begun, strategy=options.strategy)
    return supervise(run.path, options.workers, options.every, complain)  # whose chief has the lock
