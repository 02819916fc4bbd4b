"""The pictures of docs/benchmarks.md, from `bench/results/`: `python -m bench.plots`."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.machine import RESULTS

DOCS = Path(__file__).parents[1] / "docs"
INK, FAINT, OURS, THEIRS, GOAL = "#22252b", "#c9ccd3", "#d1495b", "#00798c", "#edae49"
STYLE: dict[Any, Any] = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.grid": True, "grid.color": "#eceef2", "legend.frameon": False,
    "lines.linewidth": 2.0, "svg.hashsalt": "figment",
}  # fmt: skip


def plot_rates(result: dict[str, Any], path: Path) -> None:
    """Latencies and goodput over the load."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        axes = figure.subplots(2, len(result["n"]), sharex=True)
        for column, (n, found) in enumerate(result["n"].items()):
            above, below = axes[0][column], axes[1][column]
            shares = [100 * row["share"] for row in found["rows"]]
            for key, colour, dash in (("p50", THEIRS, ()), ("p99", OURS, (4, 2))):
                values = [1e3 * row[key] for row in found["rows"]]
                above.plot(shares, values, color=colour, dashes=dash, marker="o", label=key)
            above.axhline(3e3 * found["idle"], color=GOAL, linewidth=1.2, label="3 × one alone")
            above.set_yscale("log")
            above.set_title(f"n={n}: {found['capacity']:.0f} requests/s at saturation")
            below.plot(
                shares, [100 * row["goodput"] for row in found["rows"]], color=THEIRS, marker="o", label="answered"
            )
            below.plot(shares, [100 * row["refused"] for row in found["rows"]], color=OURS, marker="o", dashes=(4, 2),
                       label="refused, of those sent")  # fmt: skip
            below.plot(shares, [min(100.0, share) for share in shares], color=FAINT, linewidth=1.2, label="ideal")
            below.set_xlabel("requests sent, % of capacity")
        axes[0][0].set_ylabel("latency, ms")
        axes[1][0].set_ylabel("% of capacity")
        axes[0][0].legend(loc="upper left")
        axes[1][0].legend(loc="upper left")
        figure.savefig(path, metadata={"Date": None})


def plot_peers(result: dict[str, Any], path: Path) -> None:
    """The share of the limit that each server reaches."""
    contenders = result["contenders"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        names = list(contenders)
        for axis, n in zip(axes, ("1", "16"), strict=True):
            values = [contenders[name][n]["share_of_limit"] for name in names]
            _bars(axis, names, values)
            axis.set_title(f"n={n}: images/s at saturation, of the limit")
            axis.axvline(1.0, color=GOAL, linewidth=1.2)
        figure.savefig(path, metadata={"Date": None})


def _bars(axis: Axes, names: list[str], values: list[float]) -> None:
    colours = [OURS if name.startswith("figment,") else THEIRS for name in names]
    labels = [name.replace(", ", " · PNG by ") for name in names]
    bars = axis.barh(labels, values, color=colours, height=0.66)
    axis.bar_label(bars, [f"{value:.2f}" for value in values], padding=4)
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.set_xlim(0, max(1.1, 1.15 * max(values)))


def plot_growth(result: dict[str, Any], path: Path) -> None:
    """Time over n and resolution, latency and throughput over clients, memory over models."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        axes = figure.subplots(2, 2)
        panels = [
            (axes[0][0], "n", "n", "ms an image, one request at a time", lambda row: 1e3 * row["p50"] / row["n"]),
            (axes[0][1], "resolution", "resolution, px", "images/s, n=16", lambda row: 16 * row["rate"]),
            (axes[1][0], "clients", "clients that wait, n=1", "images/s", lambda row: row["rate"]),
            (axes[1][1], "models", "models", "MiB", lambda row: row["mib"]),
        ]
        for axis, key, across, up, value in panels:
            rows = result[key]
            axis.plot([row[key] for row in rows], [value(row) for row in rows], color=THEIRS, marker="o")
            axis.set_xscale("log", base=2)
            axis.set_xticks([row[key] for row in rows], [str(row[key]) for row in rows])
            axis.set_ylim(bottom=0)
            axis.set_xlabel(across)
            axis.set_title(up)
        figure.savefig(path, metadata={"Date": None})


def plot_soak(result: dict[str, Any], path: Path) -> None:
    """Memory, threads, open files and latency over the minutes of a soak."""
    samples = result["samples"]
    minutes = [sample["at"] / 60 for sample in samples]
    panels = (("mib", "MiB", 1.0), ("threads", "threads", 1.0), ("files", "open files", 1.0), ("p50", "ms", 1e3))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        for axis, (key, title, scale) in zip(figure.subplots(2, 2, sharex=True).flat, panels, strict=True):
            axis.plot(minutes, [scale * sample[key] for sample in samples], color=THEIRS, linewidth=1.2, label=key)
            if key == "p50":
                worst = [scale * sample["p99"] for sample in samples]
                axis.plot(minutes, worst, color=OURS, linewidth=1.2, dashes=(4, 2), label="p99")
                axis.legend(loc="upper right")
            axis.set_ylim(bottom=0)
            axis.set_title(f"latency, {title}" if key == "p50" else title)
        for axis in figure.axes[2:]:
            axis.set_xlabel(f"minutes at {result['share']:.0%} of {result['capacity']:.0f} requests/s")
        figure.savefig(path, metadata={"Date": None})


PLOTS = {"rates": plot_rates, "peers": plot_peers, "growth": plot_growth, "soak": plot_soak}


def main() -> int:
    """Draw a picture of each result that is there."""
    for name, plot in PLOTS.items():
        source = RESULTS / f"{name}.json"
        if source.exists():
            target = DOCS / f"bench-{name}.svg"
            plot(json.loads(source.read_text()), target)
            print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
