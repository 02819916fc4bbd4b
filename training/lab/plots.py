"""The lab's pictures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from training.lab.divergences import LOG_2
from training.lab.mixtures import Mixture
from training.lab.modes import PUBLISHED, Clouds

INK, FAINT = "#22252b", "#c9ccd3"
COLOURS = {"points": "#d1495b", "intervals": "#edae49", "normals": "#00798c"}
DASHES = {"points": (), "intervals": (5, 2), "normals": (1.5, 2)}
NAMES = {"points": "two points", "intervals": "two intervals", "normals": "two normals"}
CLOUD, TRUTH = "#00798c", "#edae49"

STYLE: dict[Any, Any] = {
    "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.grid": True, "grid.color": "#eceef2", "legend.frameon": False,
    "lines.linewidth": 2.0, "svg.hashsalt": "figment",
}  # fmt: skip

FRAME_MS, LAST_MS = 90, 2500
"""How long a frame is shown, and the last of them."""


def plot_divergences(families: Mapping[str, list[dict[str, Any]]], path: Path) -> None:
    """KL, JS and EM over the distance (above), and their gradients (below), as an SVG.

    An infinite value leaves the picture through its top as an arrow.
    """
    titles = {"kl": "KL", "js": "Jensen-Shannon", "em": "earth mover's"}
    tops = {"kl": 10.5, "js": 0.8, "em": 4.2, "kl_gradient": 4.2, "js_gradient": 0.8, "em_gradient": 1.15}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 5.6), layout="constrained")
        axes = figure.subplots(2, 3, sharex=True)
        for column, (measure, title) in enumerate(titles.items()):
            for row, key in enumerate((measure, f"{measure}_gradient")):
                axis = axes[row][column]
                for family, rows in families.items():
                    _line(axis, rows, key, family, tops[key])
                axis.set_ylim(-0.04 * tops[key], tops[key])
            axes[0][column].set_title(title)
            axes[1][column].set_xlabel("distance")
        axes[0][1].axhline(LOG_2, color=INK, linewidth=0.8, linestyle=":")
        axes[0][1].text(4.0, LOG_2 + 0.015, "log 2", ha="right", va="bottom", fontsize=9)
        axes[0][0].set_ylabel("value")
        axes[1][0].set_ylabel("gradient")
        axes[0][2].legend(loc="upper left")
        figure.savefig(path, metadata={"Date": None})


def _line(axis: Axes, rows: list[dict[str, Any]], key: str, family: str, top: float) -> None:
    distances = np.array([row["distance"] for row in rows])
    values = np.array([np.inf if row[key] == "inf" else np.nan if row[key] is None else row[key] for row in rows])
    finite = np.where(np.isfinite(values), values, np.nan)
    axis.plot(distances, finite, color=COLOURS[family], label=NAMES[family], dashes=DASHES[family])
    infinite = distances[np.isinf(values)][::10]
    height = top * (0.97 if family == "points" else 0.90)
    axis.plot(infinite, np.full(len(infinite), height), "^", color=COLOURS[family], markersize=6)
    if len(infinite) and family == "points":
        axis.text(0.02, top * 0.79, "▲ infinite, as soon as they differ", fontsize=9)


def plot_modes(results: Mapping[str, Any], path: Path) -> None:
    """Modes of each row with standard errors, and the share of samples of high quality, as an SVG."""
    with mpl.rc_context(STYLE):
        data = list(results.items())
        height = 1.4 + 0.33 * max(len(one["rows"]) + len(PUBLISHED) for _, one in data)
        figure = Figure(figsize=(10, height), layout="constrained")
        for axis, (name, one) in zip(np.atleast_1d(figure.subplots(1, len(data))), data, strict=True):
            labels = [*one["rows"], *[f"{row}, published" for row in PUBLISHED]]
            for i, row in enumerate(one["rows"].values()):
                quality = row["high_quality"]["mean"]
                axis.barh(i, row["modes"]["mean"], color=CLOUD, alpha=0.25 + 0.7 * quality, height=0.65)
                axis.errorbar(row["modes"]["mean"], i, xerr=row["modes"]["error"], color=INK, linewidth=1, capsize=2)
                axis.text(one["modes"] * 1.03, i, f"{quality:.0%}", va="center", fontsize=9)
            for i, modes in enumerate(PUBLISHED.values(), start=len(one["rows"])):
                axis.barh(i, modes[name], color=TRUTH, height=0.65)
            axis.set_yticks(range(len(labels)), labels)
            axis.invert_yaxis()
            axis.set_xlim(0, one["modes"] * 1.18)
            axis.set_title(f"{name}: modes of {one['modes']}, and % of high quality")
            axis.grid(axis="y", visible=False)
        figure.savefig(path, metadata={"Date": None})


def animate(rows: Mapping[str, Clouds], target: Mixture, path: Path) -> None:
    """The clouds of all rows side by side over training, as an animated WebP that runs for ever."""
    frames = list(_frames(rows, target))
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=30, method=4)


def _frames(rows: Mapping[str, Clouds], target: Mixture) -> Iterator[Image.Image]:
    columns = min(len(rows), 5)
    lines = -(-len(rows) // columns)
    reach = 1.3 * target.scale
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.0 * columns, 2.25 * lines + 0.3), dpi=90, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
        axes = figure.subplots(lines, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
            axis.set_axis_off()
        drawn = []
        for axis, (name, clouds) in zip(axes, rows.items(), strict=False):
            axis.set_title(name)
            axis.scatter(*target.centres.T, s=55, facecolors="none", edgecolors=TRUTH, linewidths=1.2)
            drawn.append(axis.scatter(*clouds.points[0].T, s=3, color=CLOUD, alpha=0.5, linewidths=0))
        text = figure.suptitle("")
        for i in range(min(len(clouds.marks) for clouds in rows.values())):
            for cloud, clouds in zip(drawn, rows.values(), strict=True):
                cloud.set_offsets(np.nan_to_num(clouds.points[i]))
            text.set_text(_progress([clouds.marks[i] / max(clouds.marks[-1], 1) for clouds in rows.values()]))
            canvas.draw()
            yield Image.fromarray(np.array(canvas.buffer_rgba())).convert("RGB")


def _progress(parts: list[float]) -> str:
    return f"{np.mean(parts):.0%} of each run"
