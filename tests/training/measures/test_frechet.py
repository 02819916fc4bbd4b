import numpy as np
import pytest

from training.measures.frechet import frechet_distance, gaussian

SEEDS = range(3)


def covariance(seed: int, size: int, rank: int | None = None) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(size, rank or 2 * size))
    return x @ x.T / x.shape[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_covariances_leave_the_distance_of_the_means(seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, 8))
    same = covariance(seed, 8)
    assert frechet_distance((a, same), (b, same)) == pytest.approx(np.square(a - b).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_of_diagonal_covariances_it_is_that_of_the_deviations(seed: int) -> None:
    a, b = np.random.default_rng(seed).uniform(0, 3, (2, 8))
    nought = np.zeros(8)
    distance = frechet_distance((nought, np.diag(a**2)), (nought, np.diag(b**2)))
    assert distance == pytest.approx(np.square(a - b).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_scipys_matrix_root_that_the_definition_names(seed: int) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    mean = np.zeros(6)
    a, b = covariance(seed, 6), covariance(seed + 10, 6)
    expected = np.trace(a + b - 2 * np.real(linalg.sqrtm(a @ b)))
    assert frechet_distance((mean, a), (mean, b)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_symmetric_also_where_covariances_are_singular(seed: int) -> None:
    mean = np.ones(10)
    a, b = (mean, covariance(seed, 10, 3)), (0 * mean, covariance(seed + 10, 10, 4))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_in_one_dimension_it_is_the_known_formula() -> None:
    a, b = (np.array([1.0]), np.array([[4.0]])), (np.array([4.0]), np.array([[25.0]]))
    assert frechet_distance(a, b) == pytest.approx((1 - 4) ** 2 + (2 - 5) ** 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gaussian_has_the_unbiased_covariance(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(30, 4)).astype(np.float32)
    mean, found = gaussian(x)
    centred = x - x.mean(0)
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found, centred.T @ centred / 29, rtol=1e-4, atol=1e-6)
