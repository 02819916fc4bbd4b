import numpy as np
import pytest

from bundle.classes import class_of
from bundle.latents import latents_of
from service.projection.space import CLASSES_TRIED, DRAWN, PENALTY, Space

SHARES = (0.5, 0.25, 0.125, 0.125)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_random_latents_are_those_of_a_seed_each_purely_of_its_class(seed: int) -> None:
    plain, latents = [space.random(np.random.RandomState(seed)) for space in (Space(16), Space(16, SHARES))]
    assert plain.shape == latents.shape == (DRAWN, 16)
    assert abs(float(plain.std()) - 1.0) < 0.05
    assert np.array_equal(class_of(latents, SHARES), class_of(plain, SHARES))
    assert np.array_equal(latents[:, 4:], plain[:, 4:])
    assert ((latents[:, :4] == 6.0).sum(axis=1) == 1).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_latent_becomes_each_class_and_stays_what_it_is_else(seed: int) -> None:
    latent = latents_of([seed], 16)[0]
    found = Space(16, SHARES).of_all_classes(latent, np.random.RandomState(0))
    assert np.array_equal(found[0], latent)
    assert sorted(class_of(found[1:], SHARES).tolist()) == [0, 1, 2, 3]
    assert (found[:, 4:] == latent[4:]).all()


def test_of_many_classes_some_are_tried() -> None:
    space = Space(300, (0.005,) * 200)
    latent = latents_of([1], 300)[0]
    first, second = [space.of_all_classes(latent, np.random.RandomState(seed)) for seed in (0, 1)]
    labels = class_of(first[1:], space.shares)
    assert len(set(labels.tolist())) == CLASSES_TRIED
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("length", [0.0, 0.5, 1.0, 2.0])
def test_a_latent_of_another_length_than_random_ones_is_penalised(length: float) -> None:
    latents = np.full((3, 16), length, np.float32)
    latents[:, :4] = 6.0
    expected = PENALTY * (length**2 - 1.0) ** 2
    assert Space(16, SHARES).penalties(latents) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_gradient_of_the_penalty_is_that_of_its_differences(seed: int) -> None:
    space, latents = Space(16, SHARES), 1.3 * latents_of([seed], 16).astype(np.float64)
    found = space.penalty_gradients(latents)[0]
    for i in range(12):
        moved = [latents.copy(), latents.copy()]
        moved[0][0, 4 + i] += 1e-2
        moved[1][0, 4 + i] -= 1e-2
        difference = float((space.penalties(moved[0]) - space.penalties(moved[1]))[0]) / 2e-2
        assert found[i] == pytest.approx(difference, abs=2e-5)


def test_a_latent_of_nothing_but_its_class_has_no_penalty() -> None:
    space = Space(4, SHARES)
    latents = space.random(np.random.RandomState(0))
    assert (space.penalties(latents) == 0).all()
    assert space.penalty_gradients(latents).shape == (DRAWN, 0)
