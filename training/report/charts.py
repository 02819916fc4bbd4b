"""Which curves a report shows, and what is said of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.recipe import Recipe
from training.report.curves import Drawing, Line, Tick, draw, ticks
from training.report.record import Record, Taken
from training.report.words import duration, figure, label, short

AXES: Final = frozenset({"step", "images", "seconds", "cpu_seconds"})
"""Numbers of the log that are no curves."""
TICKS: Final = 4
"""Of the horizontal axis, about."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its key in the log, its name, its colour's class; `smooth` where it is noisy."""

    key: str
    name: str
    colour: str
    smooth: bool = True


@dataclass(frozen=True)
class Plan:
    """A chart that is drawn when the log has one of its curves."""

    title: str
    about: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Chart:
    """A chart of the page; `alt` tells it in words. `code` marks titles that are names of measures."""

    title: str
    about: str
    alt: str
    drawing: Drawing
    code: bool = False


@dataclass(frozen=True)
class Axis:
    """The horizontal axis of all charts, with images seen and the time of training at each tick."""

    ticks: tuple[Tick, ...]
    times: tuple[Tick, ...]


def critic_name(recipe: Recipe) -> str:
    """The field's name for the network that scores: a critic's scores are no probabilities."""
    return "critic" if recipe.loss == "wasserstein" else "discriminator"


def plans(recipe: Recipe) -> tuple[Plan, ...]:
    """What is drawn of the log, in order, where it is there."""
    critic = critic_name(recipe)
    trouble = f"Trouble is a {critic} whose loss goes to zero and stays there."
    if recipe.loss == "wasserstein":
        trouble = "The critic's is the distance above with its sign turned."
    return (
        Plan(
            "Earth mover's distance",
            "The critic's estimate of the earth mover's (Wasserstein-1) distance between real and generated images: "
            "how much further up it scores the real ones on average, which is that distance times the critic's "
            "Lipschitz constant once the critic is trained to its best (Arjovsky 2017, equation 2).",
            (Curve("earth_movers_distance", "estimate", "violet"),),
        ),
        Plan(
            "Losses",
            "What each network minimises. They play against each other: a falling loss says who is ahead, not whether "
            "images get better. " + trouble,
            (Curve("loss_d", critic, "blue"), Curve("loss_g", "generator", "orange")),
        ),
        Plan(
            f"The {critic}'s scores",
            "Mean scores of real and of generated images, before any sigmoid. Where the two meet it cannot tell them "
            "apart; where they part for good, the generator learns little.",
            (Curve("score_real", "real images", "teal"), Curve("score_fake", "generated images", "orange")),
        ),
        Plan(
            "Penalty",
            "The regulariser's value before its weight: how steep the scores are.",
            (
                Curve("r1", "R1, on real images", "teal"),
                Curve("r1+r2", "R1 + R2", "violet"),
                Curve("gradient-penalty", "gradient penalty", "violet"),
            ),
        ),
        Plan(
            "Clipped weights",
            "The share of the critic's weights that lie at their bound.",
            (Curve("clipped_share", "share", "violet"),),
        ),
        Plan(
            "Learning rate",
            "The factor of both optimizers' learning rates.",
            (Curve("learning_rate_factor", "factor", "grey", smooth=False),),
        ),
        Plan(
            "Speed",
            "Real images a second, by the intervals of the log.",
            (Curve("images_per_second", "images a second", "grey"),),
        ),
    )


def log_charts(record: Record, recipe: Recipe, images: int) -> Iterator[Chart]:
    """The charts of the log, and one for each of its numbers that has no place among the plans."""
    planned = plans(recipe)
    known = AXES | {curve.key for plan in planned for curve in plan.curves}
    names = sorted({name for point in record.points for name in point} - known)
    others = [Plan(label(name), "", (Curve(name, label(name).lower(), "grey"),)) for name in names]
    for plan in (*planned, *others):
        lines = [line for curve in plan.curves if (line := _line(record, curve))]
        if lines:
            yield Chart(plan.title, plan.about, _in_words(plan.title, lines), draw(lines, images))


def _line(record: Record, curve: Curve) -> Line | None:
    points = [(point["images"], point[curve.key]) for point in record.points if curve.key in point]
    if len(points) < 2:
        return None
    x, y = np.array(points, np.float64).T
    return Line(curve.name, curve.colour, x, y, smooth=curve.smooth)


def measure_charts(record: Record, images: int) -> Iterator[Chart]:
    """A chart for each held-out measure that was taken at least twice, with its floor and interval."""
    for name, taken in record.measures.items():
        if len(taken) >= 2:
            lines = list(_measure_lines(taken))
            yield Chart(name, taken[-1].about, _in_words(name, lines), draw(lines, images), code=True)


def _measure_lines(taken: tuple[Taken, ...]) -> Iterator[Line]:
    x = np.array([t.images for t in taken], np.float64)
    y = np.array([t.value for t in taken])
    low = np.array([t.value if t.low is None else t.low for t in taken])
    high = np.array([t.value if t.high is None else t.high for t in taken])
    band = not (np.array_equal(low, y) and np.array_equal(high, y))
    yield Line("generated", "orange", x, y, low if band else None, high if band else None, smooth=False)
    floors = [(t.images, t.floor) for t in taken if t.floor is not None]
    if floors:
        at, floor = np.array(floors, np.float64).T
        yield Line("floor: real against real", "teal", at, floor, dashed=True, smooth=False)


def axis(record: Record, images: int) -> Axis:
    """The axis 0 … `images`."""
    values = [value for value in ticks(0, max(images, 1), TICKS) if value]
    places = [100 * value / max(images, 1) for value in values]
    seconds = [record.seconds_at(value) for value in values]
    times = [Tick(at, duration(s)) for at, s in zip(places, seconds, strict=True) if s is not None]
    return Axis(tuple(Tick(at, short(value)) for at, value in zip(places, values, strict=True)), tuple(times))


def _in_words(title: str, lines: list[Line]) -> str:
    said = "; ".join(f"{line.name} from {figure(line.y[0])} to {figure(line.y[-1])}" for line in lines)
    return f"{title} over images seen: {said}."
