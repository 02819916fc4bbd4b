"""What one step does to the networks and their optimizers; see also test_gan_images, _recipes and _precision."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.gan import Gan, clip  # noqa: E402
from training.losses import generator_loss, r1  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
Reals = Callable[..., NDArray[np.uint8]]
Values = list[NDArray[Any]]


def trainable(model: keras.Model) -> Values:
    return [v.numpy() for v in model.trainable_variables]


def values(model: keras.Model) -> Values:
    return [v.numpy() for v in model.variables]


def same(one: Values, two: Values) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def all_differ(one: Values, two: Values) -> bool:
    """Whether every variable has changed, but for a last bias, which cancels in a Wasserstein loss."""
    changed = [bool((a != b).any()) for a, b in zip(one, two, strict=True)]
    return all(changed[:-1]) and (changed[-1] or one[-1].shape == (1,))


def discriminator_step(gan: Gan, images: NDArray[np.uint8], index: int = 0, regularise: bool = False) -> dict[str, Any]:
    logs: dict[str, Any] = gan._discriminator_step(tf.constant(images), None, tf.constant(index, tf.int64), regularise)
    return logs


@pytest.fixture(scope="module")
def plain(small_recipe: Small) -> Gan:
    """A GAN that no test changes."""
    return Gan(small_recipe(), 32, 3, seed=3)


@pytest.fixture(scope="module")
def stepped(small_recipe: Small, reals_of: Reals) -> tuple[Gan, dict[str, Values], dict[str, Values], dict[str, Any]]:
    """A GAN after its first step, compiled, its weights before and after, and what the step reported."""
    gan = Gan(small_recipe(), 32, 3, seed=5)
    networks = {"generator": gan.generator, "ema": gan.ema, "discriminator": gan.discriminator}
    before = {name: trainable(network) for name, network in networks.items()}
    logs = gan.train(reals_of(gan.recipe), 0, 1.0)
    return gan, before, {name: trainable(network) for name, network in networks.items()}, logs


@pytest.mark.parametrize("network", ["generator", "discriminator", "ema"])
def test_a_step_changes_every_weight(stepped: Any, network: str) -> None:  # noqa: ANN401
    _, before, after, _ = stepped
    assert all_differ(before[network], after[network])


def test_a_step_reports_losses_scores_and_the_regulariser(stepped: Any) -> None:  # noqa: ANN401
    *_, logs = stepped
    assert set(logs) == {"loss_d", "loss_g", "score_real", "score_fake", "score_spread", "r1"}
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_a_step_is_counted(stepped: Any) -> None:  # noqa: ANN401
    gan, *_ = stepped
    assert int(gan.step.numpy()) == 1
    assert int(gan.generator_optimizer.iterations.numpy()) == 1
    assert int(gan.discriminator_optimizer.iterations.numpy()) == 1


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", ["ns", "wgan-gp"])
def test_the_discriminators_step_leaves_the_generators_weights_alone(
    small_recipe: Small, reals_of: Reals, name: str
) -> None:
    gan = Gan(small_recipe(name), 32, 3, seed=1)
    generator, ema, discriminator = trainable(gan.generator), values(gan.ema), trainable(gan.discriminator)
    discriminator_step(gan, reals_of(gan.recipe)[0], regularise=True)
    assert same(trainable(gan.generator), generator)
    assert same(values(gan.ema), ema)
    assert all_differ(trainable(gan.discriminator), discriminator)
    assert int(gan.generator_optimizer.iterations.numpy()) == 0


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", ["ns", "r3", "minimax", "hinge"])
def test_the_generator_learns_from_the_moved_discriminator_by_the_images_that_it_drew(
    small_recipe: Small, reals_of: Reals, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Loss and first Adam step by hand: D as it is after its own step, G as it was before; one drawing for both."""
    gan = Gan(small_recipe(name, "discriminator.optimizer.learning_rate=0.01"), 32, 3, seed=1)
    before, drawn = gan.generator.get_weights(), []
    draw = gan.generator.call
    monkeypatch.setattr(gan.generator, "call", lambda *args, **settings: drawn.append(1) or draw(*args, **settings))
    images = reals_of(gan.recipe)
    logs = gan.train(images, 0, 1.0)
    assert len(drawn) == gan.recipe.n_critic
    after = trainable(gan.generator)
    gan.generator.set_weights(before)
    index = tf.constant(gan.recipe.n_critic - 1, tf.int64)
    with tf.GradientTape() as tape:
        fake = gan.discriminator(gan.generator(gan._latents(index), training=True), training=True)
        real = gan.discriminator(gan._reals(tf.constant(images[-1]), index), training=True)
        loss = generator_loss(gan.recipe.loss, fake, real)
    assert float(logs["loss_g"]) == pytest.approx(float(loss), rel=1e-4, abs=1e-6)
    gradients = tape.gradient(loss, gan.generator.trainable_variables)
    settings = gan.recipe.generator.optimizer
    for old, new, gradient in zip(trainable(gan.generator), after, gradients, strict=True):
        g = gradient.numpy().astype(np.float64)
        expected = -settings.learning_rate * g / (np.abs(g) + 1e-8 / np.sqrt(1 - settings.beta_2))
        clear = np.abs(g) > 1e-3 * np.abs(g).max() + 1e-6  # rounding is not in the way
        np.testing.assert_allclose((new - old)[clear], expected[clear], rtol=0.05)


@pytest.mark.usefixtures("eagerly")
def test_the_first_step_of_the_discriminator_against_adam_by_hand(small_recipe: Small, reals_of: Reals) -> None:
    """Adam's first step is rate · sign(gradient) wherever the gradient is far above ε."""
    gan = Gan(small_recipe(), 32, 3, seed=2)
    before = trainable(gan.discriminator)
    gan._set_rate(0.5)
    discriminator_step(gan, reals_of(gan.recipe)[0])
    for old, new in zip(before, trainable(gan.discriminator), strict=True):
        moved = np.abs(new - old)
        assert np.median(moved) == pytest.approx(2e-4 * 0.5, rel=0.02)
        assert moved.max() <= 2e-4 * 0.5 * 1.05


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_average_follows_its_formula_with_the_batch_norm_statistics(
    small_recipe: Small, reals_of: Reals, seed: int
) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=seed)
    expected = [v.astype(np.float64) for v in values(gan.ema)]
    assert same(values(gan.ema), values(gan.generator))  # at first
    images_a_step, half_life = 4, 100
    for step in range(4):
        gan.train(reals_of(gan.recipe, step), step, 1.0)
        ramped = min(half_life, max(step, 1) * images_a_step * 0.05)  # at most a twentieth of what was seen
        decay = 0.5 ** (images_a_step / ramped)
        expected = [decay * e + (1 - decay) * v for e, v in zip(expected, values(gan.generator), strict=True)]
    assert len(expected) > len(gan.ema.trainable_variables)  # moving means and variances are among them
    for average, value in zip(values(gan.ema), expected, strict=True):
        np.testing.assert_allclose(average, value, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("step", "half_life"), [(0, 0.2), (1, 0.2), (10, 2.0), (400, 80.0), (500, 100.0), (10**6, 100.0)]
)
def test_the_averages_half_life_is_ramped_up(plain: Gan, step: int, half_life: float) -> None:
    assert plain._ema_decay(step) == pytest.approx(0.5 ** (4 / half_life))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("every", "expected"), [(1, [0, 1, 2, 3, 4]), (4, [0, 4])])
def test_the_regulariser_is_added_at_every_so_many_steps(
    small_recipe: Small, reals_of: Reals, every: int, expected: list[int]
) -> None:
    gan = Gan(small_recipe("ns", f"regulariser.every={every}"), 32, 3, seed=0)
    found = [step for step in range(5) if "r1" in gan.train(reals_of(gan.recipe), step, 1.0)]
    assert found == expected


@pytest.mark.usefixtures("eagerly")
def test_a_lazy_regulariser_weighs_as_much_as_its_steps(small_recipe: Small, reals_of: Reals) -> None:
    """weight 2 at every 3rd step pulls, at that step, as hard as weight 6 at every step."""

    def first_step(*settings: str) -> Values:
        gan = Gan(small_recipe("ns", *settings), 32, 3, seed=0)
        discriminator_step(gan, reals_of(gan.recipe)[0], regularise=True)
        return [v.numpy() for v in gan.discriminator_optimizer.variables]  # moments hold the gradient

    lazy = first_step("regulariser.weight=2", "regulariser.every=3")
    assert same(lazy, first_step("regulariser.weight=6", "regulariser.every=1"))
    assert not same(lazy, first_step("regulariser.weight=2", "regulariser.every=1"))


@pytest.mark.usefixtures("eagerly")
def test_r2_is_r1_of_generated_images(small_recipe: Small, reals_of: Reals) -> None:
    gan = Gan(small_recipe("r3"), 32, 3, seed=0)
    images, fakes = (
        reals_of(gan.recipe)[0],
        tf.constant(np.random.default_rng(0).normal(size=(4, 32, 32, 3)), tf.float32),
    )
    expected = sum(r1(gan.discriminator, x) for x in (tf.cast(images, tf.float32) / 127.5 - 1.0, fakes))
    logs = gan._update_discriminator(tf.constant(images), None, fakes, None, tf.constant(0, tf.int64), True)
    assert float(logs["r1+r2"]) == pytest.approx(float(expected), rel=1e-4)
    assert float(expected) > 0


@pytest.mark.parametrize(("bound", "share"), [(0.01, 5 / 6), (0.5, 3 / 6), (2.0, 1 / 6), (3.0, 0.0)])
def test_clip_keeps_every_number_in_bounds_and_answers_the_share_at_the_bound(bound: float, share: float) -> None:
    before = [np.array([0.001, -0.3, 0.5]), np.array([[-2.0], [0.02], [1.5]])]
    variables = [keras.Variable(x, dtype="float32") for x in before]
    assert float(clip(variables, bound)) == pytest.approx(share)
    for variable, x in zip(variables, before, strict=True):
        np.testing.assert_allclose(variable.numpy(), np.clip(x, -bound, bound), rtol=1e-6)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("bound", [0.01, 0.3])
def test_every_weight_of_a_clipped_critic_is_within_the_bound_after_a_step(
    small_recipe: Small, reals_of: Reals, bound: float
) -> None:
    gan = Gan(small_recipe("wgan", f"discriminator.clip={bound}"), 32, 3, seed=0)
    assert max(np.abs(w).max() for w in trainable(gan.discriminator)) == 1.0  # the scales of batch norm
    logs = gan.train(reals_of(gan.recipe), 0, 1.0)
    weights = np.concatenate([w.ravel() for w in trainable(gan.discriminator)])
    assert np.abs(weights).max() == np.float32(bound)
    assert float(logs["clipped_share"]) == pytest.approx((np.abs(weights) >= np.float32(bound)).mean(), abs=1e-6)
    assert max(np.abs(w).max() for w in trainable(gan.generator)) > bound  # only the critic


@pytest.mark.parametrize("network", ["generator", "ema", "discriminator"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_norms_show_a_weight_that_is_no_longer_finite(plain: Gan, network: str, bad: float) -> None:
    before = plain.snapshot()
    assert all(np.isfinite(norm) for norm in plain.norms().values())
    model = getattr(plain, network)
    weights = model.get_weights()
    model.set_weights([*weights[:-1], np.full_like(weights[-1], bad)])
    assert [name for name, norm in plain.norms().items() if not np.isfinite(norm)] == [f"{network}_norm"]
    plain.restore(before)


@pytest.mark.usefixtures("eagerly")
def test_a_snapshot_takes_everything_back(small_recipe: Small, reals_of: Reals) -> None:
    gan = Gan(small_recipe("hinge"), 32, 3, seed=4)
    before = gan.snapshot()
    gan.train(reals_of(gan.recipe), 0, 0.25)
    changed = gan.snapshot()
    assert not same(before, changed)
    gan.restore(before)
    assert same(before, gan.snapshot())
    gan.train(reals_of(gan.recipe), 0, 0.25)
    for one, two in zip(gan.snapshot(), changed, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
