"""`evaluate`: measure a bundle or a run against images that were not trained on."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from training.commands.arguments import count, seed
from training.commands.console import complain

if TYPE_CHECKING:
    from bundle.manifest import Measure
    from training.evaluate import Evaluation

ABOUT = "measure a bundle or a run against held-out images"
MOST_GENERATED = 1_000_000
WIDE = 160
"""Columns of a table that goes to a file."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("path", type=Path, metavar="BUNDLE|RUN", help="a folder: models/faces/1 or runs/00000-faces-ns")
    parser.add_argument("--data", type=Path, help="held-out images (default: those that the run itself holds out)")
    parser.add_argument("--train", type=Path, help="the images it was trained on (default: the run's own)")
    parser.add_argument("--count", type=_generated, help="generated images (default: as many as are held out)")
    parser.add_argument("--labels", type=keys, default=(), metavar="KEY,KEY", help="labels whose classes are counted")
    parser.add_argument("--inception", type=Path, metavar="FILE", help="classify_image_graph_def.pb, for FID")
    parser.add_argument("--cache", type=Path, help="of decoded images (default: the run's, or runs/cache)")
    parser.add_argument("--seed", type=seed, default=0, help="of all that is drawn (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the measures")
    parser.set_defaults(run=run_evaluate)


def keys(text: str) -> tuple[str, ...]:
    """Label keys with commas between them."""
    found = tuple(key.strip() for key in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of labels, such as hair,skin")
    return found


def run_evaluate(options: argparse.Namespace) -> int:
    """Measure, print a table, and write JSON."""
    from training.evaluate import Request, evaluate

    request = Request(
        options.path, options.data, options.train, options.count, options.labels, options.inception, options.cache,
        options.seed,
    )  # fmt: skip
    found = evaluate(request, complain)
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(table(found))
    for name, measure in found.measures.items():
        console.print(f"{name}: {measure.about}", soft_wrap=True, style="dim")
    if options.json is not None:
        found.save(options.json)
    return 0


def table(found: "Evaluation") -> Table:
    """The measures as a table."""
    train = f", trained on {found.train['count']:,}" if found.train else ""
    result = Table(
        title=f"{found.generator}, {found.resolution} px, against {found.heldout['count']:,} held-out images{train}",
        caption=f"{found.generated:,} generated images, seed {found.seed}, {found.seconds:.0f} s",
    )
    result.add_column("measure")
    for heading in ("value", "95 % interval", "real against real", "images a side"):
        result.add_column(heading, justify="right")
    for name, measure in found.measures.items():
        result.add_row(name, *cells(measure))
    return result


def cells(measure: "Measure") -> tuple[str, str, str, str]:
    """Value, interval, floor and count as text; a dash for what is not known."""
    low, high, floor = (None if x is None else number(x) for x in (measure.low, measure.high, measure.floor))
    interval = "–" if low is None else f"{low} … {high}"
    return number(measure.value), interval, floor or "–", "–" if measure.count is None else f"{measure.count:,}"


def number(value: float) -> str:
    """Four digits that count, without an exponent where there need be none."""
    return f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.4g}"


def _generated(text: str) -> int:
    number = count(text)
    if number > MOST_GENERATED:
        raise argparse.ArgumentTypeError(f"{text!r} are too many: at most {MOST_GENERATED:,} images are drawn")
    return number
