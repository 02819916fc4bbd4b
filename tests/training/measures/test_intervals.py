import numpy as np
import pytest

from training.measures.intervals import GROUPS, bootstrap, jackknife, kept, wilson

SEEDS = range(3)


@pytest.mark.parametrize("count", [20, 23, 100])
def test_each_image_is_left_out_once(count: int) -> None:
    left_out = [np.setdiff1d(np.arange(count), kept(count, group)) for group in range(GROUPS)]
    assert sorted(np.concatenate(left_out)) == list(range(count))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_jackknife_of_a_mean_is_about_the_textbook_interval(seed: int) -> None:
    widths, textbook = [], []
    for draw in range(200):
        x = np.random.default_rng([seed, draw]).normal(5, 2, 400)
        low, high = jackknife(x.mean(), [x[kept(400, group)].mean() for group in range(GROUPS)])
        widths.append(high - low)
        textbook.append(2 * 1.96 * x.std(ddof=1) / np.sqrt(400))
        assert low < x.mean() < high
    assert np.mean(widths) == pytest.approx(np.mean(textbook) * 2.262 / 1.96, rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_intervals_hold_the_truth_about_95_times_in_100(seed: int) -> None:
    jack = shares = boot = 0
    for draw in range(200):
        x = np.random.default_rng([seed, draw]).random(200)
        low, high = jackknife(x.mean(), [x[kept(200, group)].mean() for group in range(GROUPS)])
        jack += low <= 0.5 <= high
        low, high = wilson(float((x < 0.1).sum()), 200)
        shares += low <= 0.1 <= high
        if draw < 100:
            low, high = bootstrap(x.mean(), lambda index, x=x: float(x[index].mean()), 200, draw)
            boot += low <= 0.5 <= high
    assert 180 <= jack <= 199
    assert 180 <= shares <= 199
    assert 87 <= boot <= 100


def test_an_interval_ends_where_the_number_does() -> None:
    assert jackknife(0.95, [0.8, 1.0] * 5, 0, 1)[1] == 1
    assert jackknife(0.05, [0.0, 0.2] * 5, 0, 1)[0] == 0


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0, 0.2775), (10, 0.7225, 1), (5, 0.2366, 0.7634)])
def test_wilsons_interval_is_the_published_one(hits: int, low: float, high: float) -> None:
    """Newcombe 1998's tables of n = 10."""
    assert wilson(hits, 10) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_the_bootstrap_repeats() -> None:
    values = np.arange(50.0)
    first, again, other = (bootstrap(24.5, lambda i: float(values[i].mean()), 50, seed) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bootstrap_holds_the_value_of_a_biased_statistic(seed: int) -> None:
    """How many different numbers there are is less in every draw with replacement."""
    x = np.random.default_rng(seed).random(100)
    low, high = bootstrap(100, lambda i: float(len(np.unique(x[i]))), 100, seed, 0, 100)
    assert 90 < low <= 100 == high
