import numpy as np
import pytest

from bundle.latents import latents_of

HEADS = {  # the first four values, as published wherever RandomState(seed).randn is shown
    0: (1.7640524, 0.4001572, 0.978738, 2.2408931),
    1: (1.6243454, -0.6117564, -0.5281718, -1.0729686),
    42: (0.49671414, -0.1382643, 0.64768857, 1.5230298),
    4294967295: (0.64840865, 0.6693235, -1.0805438, 0.28450105),
}
TAILS = {  # (seed, latent_dim): the last value
    (0, 1): 1.764052391052246,
    (42, 1): 0.49671414494514465,
    (0, 7): 0.9500884413719177,
    (42, 7): 1.5792127847671509,
    (0, 128): 1.8492637872695923,
    (42, 128): -0.566297709941864,
    (4294967295, 128): -1.356748104095459,
    (0, 512): 1.3749641180038452,
    (42, 512): -0.05023811012506485,
    (4294967295, 512): -0.16334505379199982,
}


@pytest.mark.parametrize(("seed", "head"), HEADS.items())
def test_a_seed_keeps_its_latent_for_ever(seed: int, head: tuple[float, ...]) -> None:
    np.testing.assert_array_equal(latents_of([seed], 4)[0], np.float32(head))


@pytest.mark.parametrize(("case", "last"), TAILS.items())
def test_every_latent_size_keeps_its_values(case: tuple[int, int], last: float) -> None:
    seed, latent_dim = case
    latents = latents_of([seed], latent_dim)
    assert latents.shape == (1, latent_dim)
    assert latents[0, -1] == np.float32(last)


@pytest.mark.parametrize("latent_dim", [1, 5, 128])
def test_each_row_is_its_seed_alone(latent_dim: int) -> None:
    seeds = [3, 1, 4, 1, 5, 2**32 - 1]
    together = latents_of(seeds, latent_dim)
    assert together.dtype == np.float32
    for row, seed in zip(together, seeds, strict=True):
        np.testing.assert_array_equal(row, latents_of([seed], latent_dim)[0])


def test_no_seeds_are_no_rows() -> None:
    assert latents_of([], 16).shape == (0, 16)


@pytest.mark.parametrize("truncation", [0.0, 0.25, 0.5, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("seed", [0, 9, 4242])
def test_truncation_multiplies_the_latent(seed: int, truncation: float) -> None:
    whole = np.random.RandomState(seed).randn(32)
    np.testing.assert_array_equal(latents_of([seed], 32, truncation)[0], np.float32(whole * truncation))


@pytest.mark.parametrize("truncation", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("classes", [0, 1, 10, 32])
def test_truncation_leaves_the_numbers_of_the_class_alone(classes: int, truncation: float) -> None:
    whole = np.random.RandomState(9).randn(32)
    whole[classes:] *= truncation
    np.testing.assert_array_equal(latents_of([9], 32, truncation, classes)[0], np.float32(whole))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_what_is_no_seed_has_no_latent(seed: int) -> None:
    with pytest.raises(ValueError, match="Seed"):
        latents_of([seed], 4)


def test_making_latents_leaves_the_global_random_state_alone() -> None:
    np.random.seed(123)
    expected = np.random.random()
    np.random.seed(123)
    latents_of(range(5), 8)
    assert np.random.random() == expected
