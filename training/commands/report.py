"""`report`: write the page that shows a run, also of one that is in progress or has failed."""

import argparse
from pathlib import Path

from training.run import RunError, open_run
from training.source import DataError

ABOUT = "write a run's report.html"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: report.html in the run's folder)")
    parser.set_defaults(run=run_report)


def run_report(options: argparse.Namespace) -> int:
    """Write a report; without the run's images it lacks the nearest ones, and says so."""
    from training.commands.console import complain
    from training.commands.shared import load_data, split
    from training.report import write_report

    run = open_run(options.path)
    settings = run.settings
    shape = (settings.resolution, settings.channels, Path(settings.cache), settings.labels)
    images, heldout = None, None
    try:
        data = load_data(Path(settings.source), *shape)
        run.check_unchanged(data)
        part, held = split(run, data)
        images, heldout = part.images, held.images if held else None
    except (DataError, RunError, OSError) as error:
        complain(f"left out, the nearest training images: {error}")
    print(write_report(run, images, heldout, options.out))
    return 0
