from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.gan import Gan, to_uint8  # noqa: E402
from training.loop import seconds_per_step  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
Values = list[NDArray[Any]]
RECIPES = ["ns", "wgan-gp"]


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Steps are not compiled: compiling takes longer than all that is tested."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def reals(recipe: Recipe, seed: int = 0, channels: int = 3) -> NDArray[np.uint8]:
    shape = (recipe.n_critic, recipe.batch_size, 32, 32, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


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


@contextmanager
def frozen_generator_step(gan: Gan, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the discriminator's steps are made."""
    with monkeypatch.context() as patch:
        patch.setattr(gan, "_generator_step", lambda *_: {})
        yield


@pytest.fixture(scope="module", params=RECIPES)
def stepped(request: pytest.FixtureRequest) -> tuple[Gan, dict[str, Values], dict[str, Values], dict[str, Any]]:
    """A GAN after its first step, its weights before and after, and what the step reported."""
    from training.recipe import load_recipe

    small = ["latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4"]
    group = ["discriminator.minibatch_stddev=4"] if request.param == "ns" else ["n_critic=2"]
    gan = Gan(load_recipe(request.param, small + group), 32, 3, seed=5)
    networks = {"generator": gan.generator, "ema": gan.ema, "discriminator": gan.discriminator}
    before = {name: trainable(network) for name, network in networks.items()}
    logs = gan.train(reals(gan.recipe), 0, 1.0)
    return gan, before, {name: trainable(network) for name, network in networks.items()}, logs


@pytest.mark.parametrize("network", ["generator", "discriminator", "ema"])
def test_a_step_changes_every_weight(stepped: Any, network: str) -> None:  # noqa: ANN401
    _, before, after, _ = stepped
    assert all_differ(before[network], after[network])


def test_a_step_reports_losses_scores_and_the_regulariser(stepped: Any) -> None:  # noqa: ANN401
    gan, _, _, logs = stepped
    assert set(logs) == {"loss_d", "loss_g", "score_real", "score_fake", gan.recipe.regulariser.kind}
    assert all(np.isfinite(float(value)) for value in logs.values())


def test_a_step_is_counted(stepped: Any) -> None:  # noqa: ANN401
    gan, *_ = stepped
    assert int(gan.step.numpy()) == 1
    assert int(gan.generator_optimizer.iterations.numpy()) == 1
    assert int(gan.discriminator_optimizer.iterations.numpy()) == gan.recipe.n_critic


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", RECIPES)
def test_the_discriminators_step_leaves_the_generators_weights_alone(
    small_recipe: Small, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    gan = Gan(small_recipe(name), 32, 3, seed=1)
    generator, ema, discriminator = trainable(gan.generator), values(gan.ema), trainable(gan.discriminator)
    with frozen_generator_step(gan, monkeypatch):
        gan.train(reals(gan.recipe), 0, 1.0)
    assert same(trainable(gan.generator), generator)
    assert same(values(gan.ema), ema)
    assert all_differ(trainable(gan.discriminator), discriminator)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", RECIPES)
def test_the_generators_step_leaves_the_discriminators_weights_alone(small_recipe: Small, name: str) -> None:
    gan = Gan(small_recipe(name), 32, 3, seed=1)
    generator, discriminator = trainable(gan.generator), trainable(gan.discriminator)
    gan._generator_step(tf.constant(0, tf.int64), tf.constant(0.5))
    assert all_differ(trainable(gan.generator), generator)
    assert same(trainable(gan.discriminator), discriminator)
    assert int(gan.discriminator_optimizer.iterations.numpy()) == 0


@pytest.mark.usefixtures("eagerly")
def test_the_first_step_of_the_discriminator_against_adam_by_hand(
    small_recipe: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adam's first step is rate · sign(gradient) wherever the gradient is far above ε."""
    gan = Gan(small_recipe("ns", "regulariser.kind=none"), 32, 3, seed=2)
    before = trainable(gan.discriminator)
    with frozen_generator_step(gan, monkeypatch):
        gan.train(reals(gan.recipe), 0, 0.5)
    for old, new in zip(before, trainable(gan.discriminator), strict=True):
        moved = np.abs(new - old)
        assert np.median(moved) == pytest.approx(2e-4 * 0.5, rel=0.02)
        assert moved.max() <= 2e-4 * 0.5 * 1.05


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_average_follows_its_formula_with_the_batch_norm_statistics(small_recipe: Small, seed: int) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=seed)
    expected = [v.astype(np.float64) for v in values(gan.ema)]
    images_a_step, half_life = 4, 100
    for step in range(3):
        gan.train(reals(gan.recipe, seed), step, 1.0)
        ramped = min(half_life, max(step, 1) * images_a_step * 0.05)  # a twentieth of what was seen
        decay = 0.5 ** (images_a_step / ramped)
        expected = [decay * e + (1 - decay) * v for e, v in zip(expected, values(gan.generator), strict=True)]
    assert len(expected) > len(gan.ema.trainable_variables)  # moving means and variances are among them
    for average, value in zip(values(gan.ema), expected, strict=True):
        np.testing.assert_allclose(average, value, rtol=1e-4, atol=1e-7)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
    ("step", "half_life"), [(0, 0.2), (1, 0.2), (10, 2.0), (400, 80.0), (500, 100.0), (10**6, 100.0)]
)
def test_the_averages_half_life_is_ramped_up(small_recipe: Small, step: int, half_life: float) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=0)
    assert gan._ema_decay(step) == pytest.approx(0.5 ** (4 / half_life))


@pytest.mark.usefixtures("eagerly")
def test_the_average_begins_as_the_generator(small_recipe: Small) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=3)
    assert same(values(gan.ema), values(gan.generator))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("name", "seed"), [("ns", 2**32 - 1), ("wgan-gp", 7)])
def test_a_step_is_a_function_of_seed_step_and_images(small_recipe: Small, name: str, seed: int) -> None:
    def run(of: int, images: int = 0) -> Values:
        gan = Gan(small_recipe(name), 32, 3, seed=of)
        gan.train(reals(gan.recipe, images), 0, 1.0)
        return gan.snapshot()

    once = run(seed)
    assert same(once, run(seed))
    assert not same(once, run(seed, images=1))
    assert not same(once, run(seed - 1 if seed else 1))


@pytest.mark.usefixtures("eagerly")
def test_every_step_and_purpose_has_random_numbers_of_its_own(small_recipe: Small) -> None:
    gans = [Gan(small_recipe(), 32, 3, seed=seed) for seed in (0, 1)]
    drawn = {
        gan._latents(tf.constant(step, tf.int64), stream).numpy().tobytes()
        for gan in gans for step in range(5) for stream in range(4)
    }  # fmt: skip
    assert len(drawn) == 40


@pytest.mark.usefixtures("eagerly")
def test_latents_in_training_are_standard_normal(small_recipe: Small) -> None:
    gan = Gan(small_recipe("ns", "latent_dim=64", "batch_size=256"), 32, 3, seed=0)
    latents = gan._latents(tf.constant(3, tf.int64), 0).numpy()
    assert latents.shape == (256, 64)
    assert abs(latents.mean()) < 0.03
    assert latents.std() == pytest.approx(1.0, abs=0.03)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("name", "steps_before"), [("ns", 2), ("wgan-gp", 0)])
def test_measuring_the_speed_leaves_everything_as_it_was(small_recipe: Small, name: str, steps_before: int) -> None:
    gan = Gan(small_recipe(name), 32, 3, seed=4)
    for step in range(steps_before):
        gan.train(reals(gan.recipe, step), step, 0.25)
    before = gan.snapshot()
    assert seconds_per_step(gan, reals(gan.recipe)) > 0
    after = gan.snapshot()
    assert same(before, after)
    assert len(after) == sum(
        len(h.variables)
        for h in (gan.generator, gan.ema, gan.discriminator, gan.generator_optimizer, gan.discriminator_optimizer)
    ) + 1  # fmt: skip


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("every", "expected"), [(1, [0, 1, 2, 3, 4]), (4, [0, 4])])
def test_the_regulariser_is_added_at_every_so_many_steps(small_recipe: Small, every: int, expected: list[int]) -> None:
    gan = Gan(small_recipe("ns", f"regulariser.every={every}"), 32, 3, seed=0)
    found = [step for step in range(5) if "r1" in gan.train(reals(gan.recipe), step, 1.0)]
    assert found == expected


@pytest.mark.usefixtures("eagerly")
def test_a_lazy_regulariser_weighs_as_much_as_its_steps(small_recipe: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """weight 2 at every 3rd step pulls, at that step, as hard as weight 6 at every step."""

    def first_step(*settings: str) -> Values:
        gan = Gan(small_recipe("ns", *settings), 32, 3, seed=0)
        with frozen_generator_step(gan, monkeypatch):
            gan.train(reals(gan.recipe), 0, 1.0)
        return gan.snapshot()[-len(gan.discriminator_optimizer.variables) - 1 : -1]  # moments hold the gradient

    lazy = first_step("regulariser.weight=2", "regulariser.every=3")
    assert same(lazy, first_step("regulariser.weight=6", "regulariser.every=1"))
    assert not same(lazy, first_step("regulariser.weight=2", "regulariser.every=1"))


@pytest.mark.usefixtures("eagerly")
def test_images_are_mirrored_only_when_asked(small_recipe: Small) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8)
    scaled = images.astype(np.float32) / 127.5 - 1
    plain = Gan(small_recipe("ns", "flip=false"), 32, 3, seed=0)._reals(images, tf.constant(0, tf.int64)).numpy()
    np.testing.assert_allclose(plain, scaled, atol=1e-6)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_about_half_of_the_images_are_mirrored_others_at_each_step(small_recipe: Small, seed: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8)
    scaled = images.astype(np.float32) / 127.5 - 1
    gan = Gan(small_recipe("ns", "flip=true"), 32, 3, seed=seed)
    chosen = []
    for step in (0, 1):
        flipped = gan._reals(images, tf.constant(step, tf.int64)).numpy()
        kept = np.isclose(flipped, scaled, atol=1e-6).all(axis=(1, 2, 3))
        mirrored = np.isclose(flipped, scaled[:, :, ::-1], atol=1e-6).all(axis=(1, 2, 3))
        assert (kept ^ mirrored).all()  # each is one or the other, left and right, never upside down
        assert 16 <= mirrored.sum() <= 48  # 4 standard deviations
        chosen.append(mirrored)
    assert (chosen[0] != chosen[1]).any()


@pytest.mark.usefixtures("eagerly")
def test_a_sample_comes_from_the_average_and_each_latent_has_its_own(small_recipe: Small) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=0)
    latents = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    before = gan.sample(latents)
    assert (before.shape, before.dtype) == ((6, 32, 32, 3), np.uint8)
    gan.generator.set_weights([w + 1 for w in gan.generator.get_weights()])
    np.testing.assert_array_equal(gan.sample(latents), before)
    alone = np.concatenate([gan.sample(latents[i : i + 1]) for i in range(6)])
    assert np.abs(alone.astype(int) - before).max() <= 1  # neighbours in a batch do not matter
    gan.ema.set_weights([w + 1 for w in gan.ema.get_weights()])
    assert (gan.sample(latents) != before).any()


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images_train_too(small_recipe: Small, channels: int) -> None:
    gan = Gan(small_recipe(), 32, channels, seed=0)
    logs = gan.train(reals(gan.recipe, channels=channels), 0, 1.0)
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert gan.sample(np.zeros((2, 8), np.float32)).shape == (2, 32, 32, channels)


@pytest.mark.parametrize(
    ("x", "pixel"), [(-1.0, 0), (1.0, 255), (0.0, 128), (-2.0, 0), (3.0, 255), (-0.9999, 0), (0.999, 255), (0.5, 191)]
)
def test_minus_one_to_one_becomes_0_to_255(x: float, pixel: int) -> None:
    assert int(to_uint8(tf.constant([x]))[0]) == pixel


@pytest.mark.usefixtures("eagerly")
def test_every_pixel_value_survives_scaling_and_back(small_recipe: Small) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    gan = Gan(small_recipe("ns", "flip=false"), 32, 1, seed=0)
    np.testing.assert_array_equal(to_uint8(gan._reals(pixels, tf.constant(0, tf.int64))).numpy(), pixels)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("network", ["generator", "ema", "discriminator"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_norms_show_a_weight_that_is_no_longer_finite(small_recipe: Small, network: str, bad: float) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=0)
    assert all(np.isfinite(norm) for norm in gan.norms().values())
    model = getattr(gan, network)
    weights = model.get_weights()
    weights[-1] = np.full_like(weights[-1], bad)
    model.set_weights(weights)
    assert [name for name, norm in gan.norms().items() if not np.isfinite(norm)] == [f"{network}_norm"]
