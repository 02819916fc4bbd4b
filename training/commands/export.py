"""`export`: write a run's generator as a bundle."""

import argparse
import sys
from pathlib import Path

from training.commands.arguments import model_name, version
from training.errors import Failed
from training.run import open_run

ABOUT = "write a run's generator as a bundle"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--name", type=model_name, required=True, help="the model's name in the store")
    parser.add_argument("--version", type=version, help="its version (default: one above the highest)")
    parser.add_argument("--models", type=Path, default=Path("models"), help="the store (default: %(default)s)")
    parser.add_argument("--heldout", type=Path, help="images that were not trained on, to measure against")
    parser.add_argument("--last", action="store_true", help="the last state, not the one with the best measures")
    parser.set_defaults(run=run_export)


def run_export(options: argparse.Namespace) -> int:
    """Write a bundle."""
    from training.export import ExportFailed, export

    try:
        bundle = export(
            open_run(options.path), options.models, options.name, options.version, options.heldout, options.last
        )
    except ExportFailed as error:
        raise Failed(str(error)) from error
    print(f"{bundle.path}: {bundle.digest}")
    seen, planned = bundle.manifest.images_seen, bundle.manifest.settings["images"]
    print(f"the generator as it was after {seen:,} of {planned:,} images", file=sys.stderr)
    return 0
