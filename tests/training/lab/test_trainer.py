import dataclasses

import numpy as np
import pytest

from training.lab.mixtures import ring
from training.lab.modes import VARIANTS, make_row
from training.recipe import recipe_names

pytestmark = pytest.mark.tensorflow

ROWS = [*VARIANTS, *recipe_names()]
TINY = {"width": 8, "layers": 1, "critic_octaves": 1, "latent_octaves": 0, "batch_size": 16, "steps": 12}


def repetitions(name: str, count: int = 2, seed: int = 0, **settings: object):  # noqa: ANN201
    from training.lab.trainer import Repetitions

    row = make_row(name)
    recipe = row.recipe.model_copy(update={"n_critic": min(row.recipe.n_critic, 2)})  # each is traced for seconds
    return Repetitions(recipe, ring(), dataclasses.replace(row.settings, **(TINY | settings)), count, seed)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_moves(name: str) -> None:
    trained = repetitions(name)
    networks = (trained.generator, trained.average, trained.critic)
    before = [[v.numpy() for v in network.trainable_variables] for network in networks]
    assert list(trained.train([0, 5, 12])) == [0, 5, 12]
    for network, values in zip(networks, before, strict=True):
        assert all(np.isfinite(variable.numpy()).all() for variable in network.trainable_variables)
        moved = [not np.array_equal(v, w) for v, w in zip(network.trainable_variables, values, strict=True)]
        assert sum(moved) >= len(moved) - 1  # a shift of all scores alike is nothing to some losses
    assert trained.samples(7).shape == (2, 7, 2)
    bound = trained.recipe.discriminator.clip
    if bound:
        assert max(np.abs(v.numpy()).max() for v in trained.critic.trainable_variables) <= bound


@pytest.mark.parametrize("name", ["r3"])
def test_steps_at_a_time_do_not_matter(name: str) -> None:
    one, other = repetitions(name), repetitions(name)
    list(one.train([12]))
    list(other.train([1, 4, 12]))
    np.testing.assert_array_equal(one.samples(5), other.samples(5))


def test_seeds_differ_and_repeat() -> None:
    found = [repetitions("ns", seed=seed).samples(5) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])
    assert not np.allclose(found[0][0], found[0][1])


def test_rates_fall_to_zero() -> None:
    trained = repetitions("lsgan")
    full = trained.recipe.generator.optimizer.learning_rate * trained.settings.rate
    rates = []
    for _ in trained.train([1, 6, 9, 12]):
        rates.append(float(trained.generator_optimizer.learning_rate) / full)
    assert rates == pytest.approx([1.0, 7 / 12, 4 / 12, 1 / 12])  # of the last step made: 0, 5, 8, 11 of 12


def test_one_mode_is_learned() -> None:
    """Generators of one wide Gaussian end nearer to it than they began, in each of three repetitions."""
    from training.lab.mixtures import Mixture
    from training.lab.trainer import Repetitions

    row = make_row("r3")
    settings = dataclasses.replace(row.settings, width=16, layers=1, batch_size=64, steps=400)
    target = Mixture("one", np.array([[0.6, -0.4]]), 0.7, 1.0)
    trained = Repetitions(row.recipe, target, settings, 3, seed=0)

    def far() -> np.ndarray:
        return np.linalg.norm(trained.samples(500).mean(axis=1) - target.centres[0], axis=1)

    before = far()
    list(trained.train([400]))
    assert (far() < 0.7 * before).all()
