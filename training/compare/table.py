"""`compare.md`: what came of a comparison, one line a recipe."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bundle.manifest import Measure
from training.compare.plan import Comparison, Entry, title
from training.report.words import duration, rough

FILE: Final = "compare.md"


@dataclass(frozen=True)
class Column:
    """A measure in the table: its key, its heading, and how its numbers are written."""

    key: str
    heading: str
    write: Callable[[float], str]


COLUMNS: Final = (
    Column("swd_mean", "SWD × 10³ ↓", "{:.1f}".format),
    Column("colour", "colour ↓", "{:.2f}".format),
    Column("precision", "precision ↑", "{:.2f}".format),
    Column("recall", "recall ↑", "{:.2f}".format),
    Column("coverage", "coverage ↑", "{:.2f}".format),
)


@dataclass(frozen=True)
class Table:
    """Headings and cells; the last row is that of real images."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and its standard error s / √n with s of n − 1; None of a single value."""
    array = np.asarray(values, np.float64)
    return float(array.mean()), float(array.std(ddof=1) / math.sqrt(len(array))) if len(array) > 1 else None


def table(comparison: Comparison) -> Table:
    """One row a recipe that was begun, in the order of the comparison, over its runs that are done."""
    classes = comparison.conditions.classes
    columns = (*COLUMNS, *([Column(f"{classes}_covered", f"{classes} covered ↑", "{:.1f}".format)] if classes else []))
    headings = ("recipe", "runs", "images", "images/s", "CPU time", *(c.heading for c in columns), "trouble")
    rows = [_row(comparison, recipe, columns) for recipe in comparison.images if comparison.of(recipe)]
    return Table(headings, (*rows, _floor(comparison, columns)))


def markdown(comparison: Comparison) -> str:
    """The page: conditions, the table, and what it says."""
    told, made = comparison.conditions, table(comparison)
    lines = [f"# {len(comparison.images)} recipes on {Path(told.data).name}", "", *_conditions(comparison), ""]
    lines += [_line(made.headings), _line(["---", *["---:"] * (len(made.headings) - 2), "---"])]
    lines += [_line(row) for row in made.rows]
    return "\n".join([*lines, "", "![The same seeds of every recipe](compare.png)", ""])


def write_page(out: Path, comparison: Comparison) -> Path:
    """Write the page, beside and then in place; returns its path."""
    path = out / FILE
    beside = path.with_suffix(".part")
    beside.write_text(markdown(comparison), encoding="utf-8")
    beside.replace(path)
    return path


def _conditions(comparison: Comparison) -> list[str]:
    told = comparison.conditions
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[told.channels]
    length = (
        f"every discriminator sees {told.images:,} images" if told.images is not None
        else f"every run has {duration(told.budget or 0)} of steps: CPU time of all threads (on a GPU, wall time)"
    )  # fmt: skip
    against = told.heldout or f"{told.holdout:.0%} of the data that is held out of all runs"
    words = [f"{told.resolution} px, {kind}; {length}; measured against {against}, the same for all."]
    words += [f"Conditional on {told.labels!r}."] if told.labels else []
    words += [f"Settings of all: `{' '.join(told.settings)}`."] if told.settings else []
    words += [
        "Each number is the mean over the runs that are done, ± its standard error; the last line is what two halves "
        "of the held-out images get against each other. Two recipes whose errors overlap are not told apart by this."
    ]
    return [" ".join(words)]


def _row(comparison: Comparison, recipe: str, columns: Sequence[Column]) -> tuple[str, ...]:
    entries = comparison.of(recipe)
    done = [entry for entry in entries if entry.status == "done"]
    speeds = [entry.images_per_second for entry in entries if entry.images_per_second]
    cells = [title(recipe), f"{len(done)} of {len(entries)}", rough(comparison.images[recipe])]
    cells += [f"{np.median(speeds):,.0f}" if speeds else "–"]
    cells += [duration(float(np.mean([entry.cpu_seconds for entry in entries])))]
    for column in columns:
        cells.append(_cell(column, [e.measures[column.key].value for e in done if column.key in e.measures]))
    return (*cells, "; ".join(filter(None, map(_trouble, entries))) or "–")


def _floor(comparison: Comparison, columns: Sequence[Column]) -> tuple[str, ...]:
    taken = [entry.measures for entry in comparison.entries if entry.measures]
    floors = [_floor_of(taken[0].get(column.key), column) if taken else "–" for column in columns]
    return ("real images", "", "", "", "", *floors, "")


def _floor_of(measure: Measure | None, column: Column) -> str:
    return "–" if measure is None or measure.floor is None else column.write(measure.floor)


def _cell(column: Column, values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean, error = mean_and_error(values)
    return column.write(mean) if error is None else f"{column.write(mean)} ± {column.write(error)}"


def _trouble(entry: Entry) -> str:
    """ "seed 1: collapse at 120,000 images"; a run that failed without one says its last words."""
    told = list(entry.troubles)
    if entry.status == "failed" and not told:
        told = [f"failed: {entry.reason}"]
    if entry.status == "done" and entry.reason:
        told.append(entry.reason)
    if entry.status == "stopped":
        told.append(f"stopped at {entry.images:,} images")
    return f"seed {entry.seed}: {', '.join(told)}" if told else ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
