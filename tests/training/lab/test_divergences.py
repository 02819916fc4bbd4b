import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from training.lab.divergences import (
    FAMILIES,
    LOG_2,
    MEASURES,
    STEP,
    compute,
    earth_mover,
    floors,
    gradient,
    intervals,
    js,
    kl,
    kl_with_floor,
    normals,
    points,
)

APART = [
    *[("points", distance) for distance in (0.01, 1.0, -3.0)],
    *[("intervals", distance) for distance in (1.01, 4.0, -2.0)],
]


@pytest.mark.parametrize(("family", "distance"), APART)
def test_disjoint_supports(family: str, distance: float) -> None:
    pair = FAMILIES[family](distance)
    assert kl(pair.p, pair.q) == math.inf
    assert kl(pair.q, pair.p) == math.inf
    assert js(pair.p, pair.q) == pytest.approx(math.log(2), abs=1e-12)
    assert earth_mover(pair.p, pair.q, pair.edges) == pytest.approx(abs(distance), abs=1e-12)


@pytest.mark.parametrize(("family", "distance"), APART)
def test_gradients_of_disjoint_supports(family: str, distance: float) -> None:
    assert math.isnan(gradient(MEASURES["kl"], FAMILIES[family], distance))
    assert gradient(MEASURES["js"], FAMILIES[family], distance) == pytest.approx(0.0, abs=1e-9)
    assert gradient(MEASURES["em"], FAMILIES[family], distance) == pytest.approx(math.copysign(1, distance), abs=1e-9)


@pytest.mark.parametrize("distance", [0.1, 0.5, 0.99, -0.3])
def test_overlapping_intervals(distance: float) -> None:
    """Each has `distance` of mass where the other has none, and there m is half of it: JS = distance · log 2."""
    pair = intervals(distance)
    assert js(pair.p, pair.q) == pytest.approx(abs(distance) * LOG_2, abs=1e-12)
    assert kl(pair.p, pair.q) == math.inf
    assert earth_mover(pair.p, pair.q, pair.edges) == pytest.approx(abs(distance), abs=1e-12)
    slope = gradient(MEASURES["js"], intervals, distance)
    assert slope == pytest.approx(math.copysign(LOG_2, distance), abs=1e-9)


@pytest.mark.parametrize("distance", [0.5, 2.0, -4.0])
def test_normals(distance: float) -> None:
    """KL of two normals of unit variance is half the squared distance."""
    pair = normals(distance)
    assert kl(pair.p, pair.q) == pytest.approx(distance**2 / 2, rel=1e-6)
    assert earth_mover(pair.p, pair.q, pair.edges) == pytest.approx(abs(distance), rel=1e-6)
    assert 0 < js(pair.p, pair.q) < LOG_2
    assert gradient(MEASURES["kl"], normals, distance) == pytest.approx(distance, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_same_distribution(family: str) -> None:
    pair = FAMILIES[family](0.0)
    assert [measure(pair) for measure in MEASURES.values()] == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert math.isnan(gradient(MEASURES["em"], FAMILIES[family], 0.0))  # a kink: |distance|


@pytest.mark.parametrize("seed", range(5))
def test_discrete_distributions_agree_with_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    p, q = random.dirichlet(np.ones(12)), random.dirichlet(np.ones(12))
    p[seed] = 0.0
    p /= p.sum()
    assert kl(p, q) == pytest.approx(entropy(p, q), rel=1e-12)
    assert kl(q, p) == entropy(q, p) == math.inf
    assert js(p, q) == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-12)
    places = np.sort(random.uniform(-3, 3, 12))
    edges = np.repeat(places, 2)
    atoms = [np.insert(m, range(1, 12), 0.0) for m in (p, q)]  # a cell of width 0 at each place, and the gaps
    assert earth_mover(*atoms, edges) == pytest.approx(wasserstein_distance(places, places, p, q), rel=1e-12)


def test_earth_mover_crosses_within_a_cell() -> None:
    """Mass 1 on [0, 1] against halves at its ends: |F − G| is two triangles of base and height a half."""
    p, q = np.array([0.0, 1.0, 0.0]), np.array([0.5, 0.0, 0.5])
    assert earth_mover(p, q, np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.25)


@pytest.mark.parametrize("floor", [1e-6, 1e-10])
def test_floor_hides_infinity(floor: float) -> None:
    near, far = points(0.1), points(100.0)
    assert kl_with_floor(near.p, near.q, floor) == kl_with_floor(far.p, far.q, floor)
    assert kl_with_floor(near.p, near.q, floor) == pytest.approx(-math.log(floor), rel=1e-4)
    assert [row["kl"] for row in floors()] == sorted(row["kl"] for row in floors())


def test_compute_has_all_rows() -> None:
    distances = [0.0, STEP, 1.5]
    rows = compute(distances)
    assert set(rows) == set(FAMILIES)
    assert [row["distance"] for row in rows["points"]] == distances
    assert rows["points"][2]["js_gradient"] == 0.0
