"""`resume`: go on with a run that was stopped."""

import argparse
from pathlib import Path

from training.commands.arguments import count
from training.commands.shared import load_data, train_run
from training.run import RunError, open_run

ABOUT = "go on with a run that was stopped"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--images", type=count, help="train to another number of images than the run began with")
    parser.add_argument("--every", type=count, help="images between sample sheets")
    parser.set_defaults(run=run_resume)


def run_resume(options: argparse.Namespace) -> int:
    """Go on with a run."""
    run = open_run(options.path)
    with run.locked():
        if options.images:
            run = run.with_images(options.images)
        settings = run.settings
        data = load_data(
            Path(settings.source), settings.resolution, settings.channels, Path(settings.cache), settings.labels
        )
        if data.facts.digest != settings.digest:
            raise RunError(f"{settings.source} is not what the run began with: its images have changed")
        return train_run(run, data, options.every, resume=True)
