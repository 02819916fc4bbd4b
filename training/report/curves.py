"""Curves as SVG paths over an axis of images seen; colours, text and width are the page's.

A chart's drawing area is 1000 × 1000 units and is stretched to the page (`preserveAspectRatio="none"`), so that
lines are as thin and text as large on a telephone as on a wall; labels are HTML, placed in percent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.report.words import tick_labels

Floats = NDArray[np.float64]

UNITS: Final = 1000
"""Width and height of the drawing area."""
POINTS: Final = 400
"""Of a line at most; longer logs are averaged."""
SMOOTHING: Final = 0.025
"""The standard deviation of the smoothing, as a part of the points."""
OUTLIERS: Final = 0.5
"""Per cent of the raw values at either end that may lie outside the drawing, so that one spike flattens nothing."""
HEADROOM: Final = 0.06
"""Part of the range that is left free above and below."""


@dataclass(frozen=True)
class Line:
    """A named series: `x` images seen, rising; `y` values; all finite. `colour` is a class of the style sheet.

    `low` and `high` bound a band about it; `dashed` lines are references, such as floors, and have no raw values.
    """

    name: str
    colour: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    dashed: bool = False
    smooth: bool = True


@dataclass(frozen=True)
class Tick:
    """A label at `at` per cent of the axis, from the left or from the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """A line as paths in the drawing area; `values` are (per cent from the left, value) for a reading by pointer."""

    name: str
    colour: str
    path: str
    raw: str
    band: str
    dots: str
    dashed: bool
    last: float
    values: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Drawing:
    """A chart: lines and the ticks of its vertical axis."""

    lines: tuple[Drawn, ...]
    ticks: tuple[Tick, ...]


def draw(lines: Sequence[Line], images: float) -> Drawing:
    """The lines in one drawing area whose horizontal axis is 0 … `images`."""
    low, high = _range(lines)
    values = ticks(low, high, 4)
    labelled = zip(values, tick_labels(values), strict=True)
    return Drawing(
        lines=tuple(_drawn(line, max(images, 1.0), low, high) for line in lines),
        ticks=tuple(Tick(100 * (high - value) / (high - low), text) for value, text in labelled),
    )


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between two, about so many: 0, 50, 100, …"""
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = min((m * size for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def smoothed(values: Floats) -> Floats:
    """A moving average with Gaussian weights, as wide at the ends as there are values."""
    sigma = SMOOTHING * len(values)
    if sigma < 0.75:
        return values
    reach = min(math.ceil(3 * sigma), len(values) - 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    full = slice(reach, reach + len(values))
    result: Floats = np.convolve(values, weights)[full] / np.convolve(np.ones(len(values)), weights)[full]
    return result


def thinned(values: Floats) -> Floats:
    """At most `POINTS` values, each the mean of neighbouring ones."""
    parts = np.array_split(values, min(POINTS, len(values)))
    return np.array([part.mean() for part in parts])


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """What the vertical axis shows: all smoothed values and bands, and nearly all raw ones."""
    low = min(float(np.percentile(line.y, OUTLIERS)) for line in lines)
    high = max(float(np.percentile(line.y, 100 - OUTLIERS)) for line in lines)
    for line in lines:
        shown = smoothed(line.y) if line.smooth else line.y
        for values in (shown, line.low, line.high):
            if values is not None:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
    room = HEADROOM * (high - low) or 0.1 * abs(high) or 1.0
    bottom = 0.0 if 0 <= low < 0.4 * high else low - room  # zero is shown where it is not far
    return bottom, high + room


def _drawn(line: Line, images: float, low: float, high: float) -> Drawn:
    def path(x: Floats, y: Floats) -> str:
        across = UNITS * x / images
        down = np.clip(UNITS * (high - y) / (high - low), -UNITS, 2 * UNITS)
        return "M" + "L".join(f"{a:.1f} {d:.1f}" for a, d in zip(across, down, strict=True))

    shown = smoothed(line.y) if line.smooth else line.y
    x, y = thinned(line.x), thinned(shown)
    noisy = line.smooth and not np.array_equal(shown, line.y)
    band = ""
    if line.low is not None and line.high is not None:
        band = path(np.concatenate([line.x, line.x[::-1]]), np.concatenate([line.high, line.low[::-1]])) + "Z"
    few = not line.dashed and not noisy and len(x) <= 60
    return Drawn(
        name=line.name,
        colour=line.colour,
        path=path(x, y),
        raw=path(x, thinned(line.y)) if noisy else "",
        band=band,
        dots="".join(path(x[i : i + 1], y[i : i + 1]) + "h0" for i in range(len(x))) if few else "",
        dashed=line.dashed,
        last=float(shown[-1]),
        values=tuple((round(100 * a / images, 2), float(f"{b:.4g}")) for a, b in zip(x, y, strict=True)),
    )
