import numpy as np
import pytest

from training.measures.two_sample import Kernels, classifier_accuracy

SEEDS = range(3)


def cloud(count: int, seed: int, centre: float = 0.0, width: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, width, (count, 6)).astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kernel_distance_is_the_sum_over_pairs_of_others(seed: int) -> None:
    x, y = cloud(5, seed), cloud(7, seed + 10)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 6 + 1) ** 3)

    within_x = np.mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    within_y = np.mean([kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert Kernels(x, y).distance() == pytest.approx(within_x + within_y - 2 * between, rel=1e-4)


def test_its_expectation_is_nought_for_one_distribution() -> None:
    found = [Kernels(cloud(20, seed), cloud(20, seed + 1000)).distance() for seed in range(300)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)
    assert min(found) < 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("other", [{"centre": 1.0}, {"width": 2.0}])
def test_it_sees_a_shift_and_a_width(seed: int, other: dict[str, float]) -> None:
    same = Kernels(cloud(100, seed), cloud(100, seed + 10)).distance()
    assert Kernels(cloud(100, seed), cloud(100, seed + 10, **other)).distance() > 5 * abs(same)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_that_are_left_out_do_not_count(seed: int) -> None:
    x, y, keep = cloud(30, seed), cloud(30, seed + 10), np.arange(5, 30)
    assert Kernels(x, y).distance(keep) == pytest.approx(Kernels(x[keep], y[keep]).distance())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_classifier_cannot_tell_two_draws_apart_and_tells_a_shift(seed: int) -> None:
    assert classifier_accuracy(cloud(400, seed), cloud(400, seed + 10)) == pytest.approx(0.5, abs=0.06)
    assert classifier_accuracy(cloud(400, seed), cloud(400, seed + 10, centre=1)) > 0.8
    assert classifier_accuracy(cloud(400, seed), cloud(400, seed + 10, centre=9)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_with_more_features_than_images_it_is_still_fair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(2, 300, 2000)).astype(np.float32)
    assert classifier_accuracy(real, fake) == pytest.approx(0.5, abs=0.08)
