import numpy as np
import pytest

from training.measures.neighbours import Manifolds, squared_distances

SEEDS = range(3)


def cloud(count: int, seed: int, centre: float = 0.0, width: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, width, (count, 4)).astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_distances_are_those_between_all_pairs(seed: int) -> None:
    a, b = cloud(5, seed), cloud(7, seed + 10)
    expected = np.square(a[:, None] - b[None]).sum(-1)
    np.testing.assert_allclose(squared_distances(a, b), expected, rtol=1e-4, atol=1e-4)


def test_four_points_on_a_line_give_the_numbers_of_the_definition() -> None:
    real, fake = (np.array(x, np.float32)[:, None] for x in ([0, 1, 2, -40], [0.5, 1.5, 1.6, 30]))
    # with k = 1, real balls have radii 1, 1, 1, 40; generated ones 1, 0.1, 0.1, 28.4
    scores = Manifolds(real, fake).scores(k=1)
    assert scores["precision"] == 0.75
    assert scores["recall"] == 0.75
    assert scores["density"] == (2 + 2 + 2 + 0) / 4
    assert scores["coverage"] == 0.75


@pytest.mark.parametrize("seed", SEEDS)
def test_two_draws_of_one_distribution_score_high_and_far_ones_nothing(seed: int) -> None:
    same = Manifolds(cloud(200, seed), cloud(200, seed + 10)).scores()
    assert all(same[key] > 0.85 for key in ("precision", "recall", "coverage"))
    assert same["density"] == pytest.approx(1, abs=0.2)
    apart = Manifolds(cloud(200, seed), cloud(200, seed + 10, centre=50)).scores()
    assert set(apart.values()) == {0.0}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_narrow_generator_is_precise_and_covers_little(seed: int) -> None:
    scores = Manifolds(cloud(200, seed), cloud(200, seed + 10, width=0.2)).scores()
    assert scores["precision"] > 0.95
    assert scores["recall"] < 0.2
    assert scores["coverage"] < 0.5
    assert scores["density"] > 1.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wide_generator_recalls_and_is_not_precise(seed: int) -> None:
    scores = Manifolds(cloud(200, seed), cloud(200, seed + 10, width=4)).scores()
    assert scores["precision"] < 0.4
    assert scores["recall"] > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_that_are_left_out_do_not_count(seed: int) -> None:
    real, fake, keep = cloud(60, seed), cloud(60, seed + 10), np.arange(0, 60, 2)
    assert Manifolds(real, fake).scores(keep) == Manifolds(real[keep], fake[keep]).scores()


def test_too_few_for_k_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="5 images have no 5 neighbours"):
        Manifolds(cloud(5, 0), cloud(5, 1)).scores()
