"""`report`: write the page that shows a run, also of one that is in progress or has failed."""

import argparse
from pathlib import Path

from training.run import open_run
from training.source import DataError

ABOUT = "write a run's report.html"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: report.html in the run's folder)")
    parser.add_argument("--heldout", type=Path, help="images that were not trained on, for the scale of distances")
    parser.set_defaults(run=run_report)


def run_report(options: argparse.Namespace) -> int:
    """Write a report."""
    from training.commands.console import complain
    from training.commands.shared import load_data
    from training.report.page import write_report

    run = open_run(options.path)
    settings = run.settings

    def images(source: Path):
        return load_data(source, settings.resolution, settings.channels, Path(settings.cache)).images

    try:
        data = images(Path(settings.source))
    except (DataError, OSError) as error:
        complain(f"left out, the nearest training images: {error}")
        data = None
    heldout = images(options.heldout) if options.heldout else None
    print(write_report(run, data, heldout, options.out))
    return 0
