"""What a run has written about itself so far, read leniently: it may be in progress, cut off, or have failed."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.run import Run


@dataclass(frozen=True)
class Happening:
    """Something that the log tells beside numbers: `kind` is "collapse", "rollback", "best" and so on."""

    images: int
    kind: str
    text: str


@dataclass(frozen=True)
class Taken:
    """One measure at one time: `low` … `high` is its interval, `floor` what real images get against real ones."""

    images: int
    value: float
    floor: float | None
    low: float | None
    high: float | None
    about: str


@dataclass(frozen=True)
class Record:
    """Everything a run's files say, each part possibly empty.

    `points` are the log's lines with numbers, in the order of images seen; `measures` are by name.
    """

    points: tuple[dict[str, float], ...]
    happenings: tuple[Happening, ...]
    measures: dict[str, tuple[Taken, ...]]
    best_images: int | None
    last_written: datetime | None

    @property
    def images(self) -> int:
        """Images seen by the last line of the log, or when the last measures were taken."""
        logged = int(self.points[-1]["images"]) if self.points else 0
        return max([logged, *(series[-1].images for series in self.measures.values())])

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Seconds of training at each point, from the speeds: float64 [points]."""
        images = np.array([point["images"] for point in self.points], np.float64)
        speeds = np.array([point.get("images_per_second", math.nan) for point in self.points], np.float64)
        return np.cumsum(np.nan_to_num(np.diff(images, prepend=0.0) / speeds, posinf=0.0))

    def seconds_at(self, images: float) -> float | None:
        """Seconds of training when so many images had been seen; None without speeds in the log."""
        seconds = self.seconds
        if not len(seconds) or seconds[-1] <= 0:
            return None
        return float(np.interp(images, [0.0, *(point["images"] for point in self.points)], [0.0, *seconds]))


def read_record(run: Run) -> Record:
    """Read log.jsonl, measures.jsonl and best.json of a run; lines and files that make no sense are left out."""
    points: list[dict[str, float]] = []
    happenings: list[Happening] = []
    for line in _lines(run.log_file):
        images = _number(line.get("images"))
        if images is None:
            continue
        if "event" in line:
            happenings.append(Happening(int(images), str(line["event"]), str(line.get("text", ""))))
            continue
        while points and points[-1]["images"] >= images:
            points.pop()  # the run has fallen back, and goes on from here
        points.append({name: n for name, value in line.items() if (n := _number(value)) is not None})
    return Record(
        points=tuple(points),
        happenings=tuple(happenings),
        measures=_measures(run.path / "measures.jsonl"),
        best_images=_best(run.path / "best.json"),
        last_written=_written(run.log_file),
    )


def _measures(path: Path) -> dict[str, tuple[Taken, ...]]:
    found: dict[str, list[Taken]] = {}
    for line in _lines(path):
        images, values = _number(line.get("images")), line.get("values")
        if images is None or not isinstance(values, dict):
            continue
        for name, entry in values.items():
            value = _number(entry.get("value")) if isinstance(entry, dict) else None
            if value is None:
                continue
            floor, low, high = (_number(entry.get(key)) for key in ("floor", "low", "high"))
            series = found.setdefault(name, [])
            while series and series[-1].images >= images:
                series.pop()
            series.append(Taken(int(images), value, floor, low, high, str(entry.get("about") or "")))
    return {name: tuple(series) for name, series in found.items()}


def _best(path: Path) -> int | None:
    try:
        images = _number(json.loads(path.read_bytes())["images"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return None if images is None else int(images)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one a line; what is no object (a line cut off by a kill) is left out."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _number(value: object) -> float | None:
    """A finite number, or None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
