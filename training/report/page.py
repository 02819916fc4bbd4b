"""The page: everything put together, and written beside and renamed."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from training.card import command
from training.recipe import RecipeError
from training.report import charts, cost, settings, sheets, words
from training.report.neighbours import Images, Neighbours, nearest
from training.report.record import Happening, Record, read_record
from training.run import Run
from training.sheet import SHEET_SIDE

HERE: Final = Path(__file__).parent
BAD: Final = frozenset({"collapse", "diverged", "memorisation", "dead-discriminator"})
"""Happenings that are drawn as warnings."""
GOOD: Final = frozenset({"best"})


@dataclass(frozen=True)
class Frame:
    """A sheet of the slider, or a moment of the strip: images seen, seconds of training, and the picture."""

    images: int
    time: str
    picture: str


@dataclass(frozen=True)
class Pictures:
    """What is shown of the sheets; `frames` end before `last`."""

    last: Frame
    side: int
    frames: tuple[Frame, ...]
    strip: str
    moments: tuple[Frame, ...]
    timelapse: str
    timelapse_still: str
    timelapse_side: int


@dataclass(frozen=True)
class Mark:
    """A happening on the timeline, at `at` per cent."""

    at: float
    tone: str
    happening: Happening


@dataclass(frozen=True)
class Copy:
    """A sample and its nearest training images, as pictures with distances."""

    seed: int
    picture: str
    nearest: tuple[tuple[str, float], ...]


def write_report(run: Run, data: Images | None, heldout: Images | None = None, out: Path | None = None) -> Path:
    """Write a run's report, of whatever the run has written so far.

    Args:
        run: the run; it may be in progress.
        data: the training images, uint8 [count, height, width, channels], to be searched for neighbours of the samples.
        heldout: uint8 [count, height, width, channels], images that were not trained on, for the scale of distances.
        out: the file; None for `report.html` in the run's folder.

    Returns:
        The file.

    Raises:
        OSError: the file cannot be written; an earlier one is left as it was.
    """
    path = out or run.path / "report.html"
    _replace(path, render(run, data, heldout))
    return path


def render(run: Run, data: Images | None, heldout: Images | None = None) -> str:
    """The report as HTML; see `write_report`."""
    record, found = read_record(run), sheets.read_sheets(run.samples)
    images = max(record.images, found[-1].images if found else 0)
    marks = _marks(record, images)
    neighbours = None
    if found and data is not None:
        neighbours = nearest(found[-1].tiles, data, run.settings.recipe.flip, heldout)
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "count": words.count, "figure": words.figure, "duration": words.duration, "label": words.label,
        "rough": words.rough,
    }  # fmt: skip
    return environment.get_template("report.html.j2").render(
        run=run,
        settings=run.settings,
        record=record,
        images=images,
        complete=images >= run.settings.images,
        pictures=_pictures(found, record) if found else None,
        axis=charts.axis(record, images),
        charts=list(charts.log_charts(record, run.settings.recipe, images)),
        measure_charts=list(charts.measure_charts(record, images)),
        marks=marks,
        listed=[mark for mark in marks if mark.happening.kind != "best" or mark is _last_best(marks)],
        neighbours=neighbours,
        copies=_copies(neighbours, found[-1].tiles, data) if neighbours and data is not None else [],
        groups=settings.groups(run.settings),
        cost=cost.cost_of(run, record),
        command=_command(run),
        written=datetime.now(UTC),
    )


def _pictures(found: Sequence[sheets.Sheet], record: Record) -> Pictures:
    def frame(images: int, content: bytes = b"") -> Frame:
        seconds = record.seconds_at(images)
        time = "" if seconds is None else words.duration(seconds)
        return Frame(images, time, sheets.data_uri(content) if content else "")

    last, shown = found[-1], sheets.moments(found)
    moving = sheets.timelapse(found)
    return Pictures(
        last=frame(last.images, sheets.webp(last.picture, quality=90)),
        side=last.picture.width,
        frames=tuple(frame(images, content) for images, content in sheets.encoded_over_time(found)),
        strip=sheets.data_uri(sheets.strip(shown)) if len(shown) > 1 else "",
        moments=tuple(frame(sheet.images) for sheet in shown),
        timelapse=sheets.data_uri(moving) if moving else "",
        timelapse_still=sheets.data_uri(sheets.timelapse_still(last)) if moving else "",
        timelapse_side=last.picture.width * sheets.TIMELAPSE_SIDE // SHEET_SIDE,
    )


def _marks(record: Record, images: int) -> list[Mark]:
    return [Mark(min(100.0, 100 * h.images / max(images, 1)), _tone(h.kind), h) for h in record.happenings]


def _last_best(marks: Sequence[Mark]) -> Mark | None:
    """Of the times a measure was the best so far, the last: the only one that still holds."""
    return next((mark for mark in reversed(marks) if mark.happening.kind == "best"), None)


def _tone(kind: str) -> str:
    return "bad" if kind in BAD else "good" if kind in GOOD else "plain"


def _copies(neighbours: Neighbours, samples: NDArray[np.uint8], data: Images) -> list[Copy]:
    return [
        Copy(seed, _tile(samples[seed]), tuple((_tile(data[n.index]), n.distance) for n in found))
        for seed, found in neighbours.samples
    ]


def _tile(image: NDArray[np.uint8]) -> str:
    return sheets.data_uri(sheets.webp(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), quality=85))


def _command(run: Run) -> str:
    """The command that makes the run again; empty where the recipe's file can no longer be read."""
    try:
        return command(run)
    except (RecipeError, OSError):
        return ""


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False) as file:
        beside = Path(file.name)
        try:
            file.write(text)
            file.close()
            beside.chmod(0o644)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
