"""Three ways to say how far two distributions on a line are apart, as one of them is moved away from the other.

A distribution is masses on cells of an axis that both share, so that every value below is a sum that is computed as
its definition says, with log(0) and a division by zero where the definition has them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG_2 = float(np.log(2.0))
"""The largest value of the Jensen-Shannon divergence, in nats."""

STEP = 1e-3
"""Of the central differences, in the unit of the axis."""

KINK = 0.01
"""Differences to the left and to the right that differ by more mean that there is no derivative."""

FLOORS = (1e-6, 1e-10, 1e-16)
"""What some programs add to a probability before its logarithm."""


def kl(p: Array, q: Array) -> float:
    """The Kullback-Leibler divergence Σ p log(p / q) of masses, in nats (Kullback & Leibler 1951, equation 2.5).

    A cell without p adds nothing, as x log x → 0; a cell with p and without q makes it infinite.
    """
    here = p > 0
    if np.any(q[here] == 0):
        return float("inf")
    return float(np.sum(p[here] * np.log(p[here] / q[here])))


def js(p: Array, q: Array) -> float:
    """The Jensen-Shannon divergence ½ KL(p, m) + ½ KL(q, m) at m = (p + q) / 2, in nats (Lin 1991): 0 … log 2."""
    middle = (p + q) / 2.0
    return 0.5 * kl(p, middle) + 0.5 * kl(q, middle)


def earth_mover(p: Array, q: Array, edges: Array) -> float:
    """The earth mover's distance on a line, ∫ |F_p − F_q| dx, in the axis' unit (Villani 2003, section 2.2).

    Mass is spread evenly over its cell, so between two edges the difference of the distribution functions is a
    straight line; where it changes its sign the two triangles are summed.

    Args:
        p, q: masses of the cells, float64 [n].
        edges: where the cells begin and end, ascending, float64 [n + 1]; a cell may be a point, of width 0.
    """
    difference = np.concatenate([[0.0], np.cumsum(p - q)])
    left, right, widths = difference[:-1], difference[1:], np.diff(edges)
    plain = (np.abs(left) + np.abs(right)) / 2.0
    total = np.abs(left) + np.abs(right)
    crossed = (left**2 + right**2) / (2.0 * np.where(total > 0, total, 1.0))
    return float(np.sum(widths * np.where(left * right < 0, crossed, plain)))


def kl_with_floor(p: Array, q: Array, floor: float) -> float:
    """Σ p log((p + ε) / (q + ε)), with ε = `floor`: what a program computes that is afraid of log(0)."""
    return float(np.sum(p * np.log((p + floor) / (q + floor))))


@dataclass(frozen=True)
class Pair:
    """Two distributions over the same cells: masses p and q, float64 [n], and the edges, float64 [n + 1]."""

    p: Array
    q: Array
    edges: Array


def points(distance: float) -> Pair:
    """All mass at 0, and all mass at `distance` (Arjovsky 2017, example 1, without the axis that stays as it is)."""
    if distance == 0:
        return Pair(np.ones(1), np.ones(1), np.zeros(2))
    low, high = sorted([0.0, distance])
    first = np.array([1.0, 0.0, 0.0]) if distance > 0 else np.array([0.0, 0.0, 1.0])
    return Pair(first, first[::-1].copy(), np.array([low, low, high, high]))


def intervals(distance: float) -> Pair:
    """The uniform distributions on [0, 1] and on [distance, distance + 1]."""
    edges = np.unique(np.array([0.0, 1.0, distance, distance + 1.0]))
    middles, widths = (edges[:-1] + edges[1:]) / 2.0, np.diff(edges)
    return Pair(
        np.where((middles > 0) & (middles < 1), widths, 0.0),
        np.where((middles > distance) & (middles < distance + 1), widths, 0.0),
        edges,
    )


def normals(distance: float, cells: int = 20_001) -> Pair:
    """N(0, 1) and N(distance, 1), on equal cells from 12 below the lower mean to 12 above the higher."""
    edges = np.linspace(min(0.0, distance) - 12.0, max(0.0, distance) + 12.0, cells + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2.0, edges[1] - edges[0]

    def masses(mean: float) -> Array:
        density = np.exp(-0.5 * (middles - mean) ** 2) * width
        return np.asarray(density / density.sum(), np.float64)

    return Pair(masses(0.0), masses(distance), edges)


FAMILIES: dict[str, Callable[[float], Pair]] = {"points": points, "intervals": intervals, "normals": normals}
MEASURES: dict[str, Callable[[Pair], float]] = {
    "kl": lambda pair: kl(pair.p, pair.q),
    "js": lambda pair: js(pair.p, pair.q),
    "em": lambda pair: earth_mover(pair.p, pair.q, pair.edges),
}


def gradient(measure: Callable[[Pair], float], family: Callable[[float], Pair], distance: float) -> float:
    """The derivative by the distance, as a central difference of `STEP`.

    Not a number where there is none: at infinite values, at a jump and at a kink.
    """
    below, here, above = (measure(family(at)) for at in (distance - STEP, distance, distance + STEP))
    if np.isinf([below, here, above]).any():
        return float("nan")
    left, right = (here - below) / STEP, (above - here) / STEP
    return (left + right) / 2.0 if abs(right - left) < KINK else float("nan")


def compute(distances: list[float]) -> dict[str, list[dict[str, float]]]:
    """Every measure and its gradient, for every family and distance.

    Returns:
        For each family, one row a distance: `distance`, then `kl`, `js`, `em` and `kl_gradient`, `js_gradient`,
        `em_gradient`.
    """
    return {name: [_row(family, distance) for distance in distances] for name, family in FAMILIES.items()}


def floors() -> list[dict[str, float]]:
    """What `kl_with_floor` answers in place of infinity for two points apart: one row a floor."""
    pair = points(1.0)
    return [{"floor": floor, "kl": kl_with_floor(pair.p, pair.q, floor)} for floor in FLOORS]


def _row(family: Callable[[float], Pair], distance: float) -> dict[str, float]:
    pair = family(distance)
    values = {name: measure(pair) for name, measure in MEASURES.items()}
    gradients = {f"{name}_gradient": gradient(measure, family, distance) for name, measure in MEASURES.items()}
    return {"distance": distance, **values, **gradients}
