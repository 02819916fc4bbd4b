"""Neighbours and sums of latents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.latents import latents_of
from bundle.neighbours import mix, neighbours


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 2.0), st.integers(2, 64))
def test_neighbours_are_at_the_distance_and_as_long(seed: int, distance: float, latent_dim: int) -> None:
    (latent,), noise = latents_of([seed], latent_dim), latents_of([seed ^ 1, seed ^ 2, seed ^ 3], latent_dim)
    length = float(np.linalg.norm(latent))
    for found in neighbours(latent, noise, distance):
        assert np.linalg.norm(found - latent) == pytest.approx(distance * length, rel=1e-4, abs=1e-4 * length)
        assert np.linalg.norm(found) == pytest.approx(length, rel=1e-4)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("seed", [0, 7])
def test_neighbours_keep_the_class(seed: int, classes: int) -> None:
    (latent,) = latents_of([seed], 16)
    found = neighbours(latent, latents_of([1, 2], 16), 1.0, classes)
    np.testing.assert_array_equal(found[:, :classes], np.repeat(latent[None, :classes], 2, axis=0))
    rest = np.linalg.norm(latent[classes:])
    np.testing.assert_allclose(np.linalg.norm(found[:, classes:] - latent[classes:], axis=1), rest, rtol=1e-5)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_where_there_is_no_direction_neighbours_are_finite(distance: float) -> None:
    zero, (latent,) = np.zeros(8, np.float32), latents_of([1], 8)
    np.testing.assert_array_equal(neighbours(zero, latents_of([1, 2], 8), distance), np.zeros((2, 8)))
    assert np.isfinite(neighbours(latent, latent[None], distance)).all()
    assert neighbours(latent, latents_of([5], 8), 0.0)[0] == pytest.approx(latent)


@pytest.mark.parametrize("seed", [0, 3, 9])
@pytest.mark.parametrize("weights", [[1.0, -1.0, 1.0], [0.5, 0.25, 0.25], [4.0, -4.0, 0.1]])
def test_a_mix_is_the_sum_as_long_as_the_latents_are(seed: int, weights: list[float]) -> None:
    latents = latents_of(range(seed, seed + 3), 32)
    plain = sum(weight * row for weight, row in zip(weights, latents.astype(np.float64), strict=True))
    np.testing.assert_allclose(mix(latents, weights, rescale=False), plain, rtol=1e-5, atol=1e-5)
    rescaled = mix(latents, weights)
    assert np.linalg.norm(rescaled) == pytest.approx(np.linalg.norm(latents, axis=1).mean(), rel=1e-5)
    np.testing.assert_allclose(rescaled / np.linalg.norm(rescaled), plain / np.linalg.norm(plain), atol=1e-5)


def test_a_mix_of_nothing_is_zero() -> None:
    latents = latents_of([1, 1], 8)
    np.testing.assert_array_equal(mix(latents, [1.0, -1.0]), np.zeros(8))
