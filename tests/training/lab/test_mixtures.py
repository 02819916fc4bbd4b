import math

import numpy as np
import pytest

from training.lab.mixtures import EVALUATED, coverage, grid, mixture, ring

NAMES = ["ring", "grid"]


def test_centres() -> None:
    assert ring().centres.shape == (8, 2)
    assert np.linalg.norm(ring().centres, axis=1) == pytest.approx(np.ones(8))
    assert grid().centres.shape == (25, 2)
    assert {tuple(centre) for centre in grid().centres} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_mixture_itself(name: str, seed: int) -> None:
    target = mixture(name)
    samples = target.draw(100_000, np.random.default_rng(seed))
    measured = coverage(samples, target)
    assert measured.modes == measured.held == len(target.centres)
    assert measured.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert measured.reverse_kl == pytest.approx(0.0, abs=1e-3)
    assert np.std(samples - target.centres[0], axis=0).shape == (2,)


@pytest.mark.parametrize("name", NAMES)
def test_one_mode_only(name: str) -> None:
    target = mixture(name)
    measured = coverage(np.repeat(target.centres[3:4], 50, axis=0), target)
    assert (measured.modes, measured.held, measured.high_quality) == (1, 1, 1.0)
    assert measured.reverse_kl == pytest.approx(math.log(len(target.centres)))


def test_three_sigma_is_a_radius() -> None:
    target = ring()
    inside = target.centres[0] + [0.0, 2.99 * target.sigma]
    outside = target.centres[0] + [2.2 * target.sigma, 2.2 * target.sigma]  # 3.1 σ away, though 2.2 along each axis
    measured = coverage(np.stack([inside, outside]), target)
    assert (measured.modes, measured.high_quality) == (1, 0.5)


def test_reverse_kl_counts_samples_of_any_quality() -> None:
    target = ring()
    samples = np.concatenate([np.repeat(target.centres[:1], 3, axis=0), target.centres[1:2] * 1.2])
    measured = coverage(samples, target)
    assert measured.modes == 1
    assert measured.reverse_kl == pytest.approx(0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8))


def test_held_needs_a_tenth_of_the_fair_share() -> None:
    target = grid()
    share = EVALUATED // 25  # 100, so ten are enough
    rest = np.repeat(target.centres[:1], EVALUATED - 10 - 9, axis=0)
    parts = [rest, np.repeat(target.centres[1:2], share // 10, axis=0), np.repeat(target.centres[2:3], 9, axis=0)]
    measured = coverage(np.concatenate(parts), target)
    assert (measured.modes, measured.held) == (3, 2)


def test_samples_that_are_not_finite() -> None:
    target = ring()
    measured = coverage(np.array([[np.nan, 0.0], [np.inf, 0.0], [1.0, 0.0], [0.5, 0.5]]), target)
    assert (measured.modes, measured.high_quality) == (1, 0.25)
    nothing = coverage(np.full((4, 2), np.nan), target)
    assert (nothing.modes, nothing.high_quality) == (0, 0.0)
    assert math.isnan(nothing.reverse_kl)
