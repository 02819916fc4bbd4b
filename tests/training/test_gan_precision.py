"""Networks that compute in 16 bits; weights, scores, losses and the averaged generator stay float32."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.gan import Gan  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("eagerly")]

Small = Callable[..., Recipe]
Reals = Callable[..., NDArray[np.uint8]]
SHARES = (0.5, 0.5)


def gan_of(recipe: Recipe, conditional: bool = False) -> Gan:
    return Gan(recipe, 32, 3, seed=0, class_shares=SHARES if conditional else ())


def train(gan: Gan, reals: NDArray[np.uint8], step: int = 0) -> dict[str, float]:
    """One step; what it reports must be float32."""
    labels = np.arange(reals.shape[0] * reals.shape[1], dtype=np.int32).reshape(reals.shape[:2]) % 2
    logs = gan.train(reals, step, 1.0, labels if gan.class_shares else None)
    assert {value.dtype for value in logs.values()} == {tf.float32}
    return {name: float(value) for name, value in logs.items()}


def weights(gan: Gan) -> list[NDArray[np.float32]]:
    return [v.numpy() for net in (gan.generator, gan.discriminator) for v in net.trainable_variables]


@pytest.mark.parametrize(
    ("precision", "name", "network", "conditional"),
    [("bfloat16", "ns", "resnet", True), ("bfloat16", "hinge", "dcgan", True), ("bfloat16", "r3", "resnet", False),
     ("bfloat16", "wgan", "dcgan", False), ("float16", "ns", "dcgan", True), ("float16", "wgan-gp", "dcgan", False),
     ("float16", "hinge", "resnet", False)],
)  # fmt: skip
def test_two_steps_are_finite_and_near_those_of_float32(
    small_recipe: Small, reals_of: Reals, precision: str, name: str, network: str, conditional: bool
) -> None:
    recipe = small_recipe(name, f"network={network}", f"precision={precision}")
    gan, exact = gan_of(recipe, conditional), gan_of(small_recipe(name, f"network={network}"), conditional)
    logs, expected = train(gan, reals_of(recipe)), train(exact, reals_of(recipe))
    assert set(logs) == set(expected)
    if recipe.n_critic == 1:  # else the first step of D is in it, and may have been skipped
        assert logs["loss_d"] == pytest.approx(expected["loss_d"], rel=2**-6)
    assert np.isfinite(list(logs.values())).all()
    assert np.isfinite(list(train(gan, reals_of(recipe, 1), 1).values())).all()
    networks = (gan.generator, gan.ema, gan.discriminator)
    optimizers = (gan.generator_optimizer, gan.discriminator_optimizer)
    held = {str(v.dtype) for holder in (*networks, *optimizers) for v in holder.variables}
    assert {kind for kind in held if "float" in kind} == {"float32"}
    assert {layer.compute_dtype for layer in gan.ema.layers} == {"float32"}
    assert precision in {layer.compute_dtype for layer in gan.generator.layers}


def test_the_average_draws_in_float32(small_recipe: Small) -> None:
    gan, exact = gan_of(small_recipe("ns", "precision=bfloat16")), gan_of(small_recipe())
    exact.ema.set_weights(gan.ema.get_weights())
    latents = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    np.testing.assert_array_equal(gan.ema(latents), exact.ema(latents))
    assert (gan.generator(latents).numpy() != exact.ema(latents).numpy()).any()


@pytest.mark.parametrize(("precision", "scaled"), [("float32", False), ("bfloat16", False), ("float16", True)])
def test_only_float16_scales_its_losses(small_recipe: Small, precision: str, scaled: bool) -> None:
    gan = gan_of(small_recipe("ns", f"precision={precision}"))
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == scaled
        assert (float(optimizer.scale_loss(tf.constant(1.0))) > 1) == scaled
    gan._set_rate(0.5)
    assert float(gan.generator_optimizer.learning_rate.numpy()) == pytest.approx(1e-4)


def test_a_step_that_overflows_is_skipped_and_the_next_scale_is_half(small_recipe: Small, reals_of: Reals) -> None:
    gan = gan_of(small_recipe("ns", "precision=float16"))
    optimizers = (gan.generator_optimizer, gan.discriminator_optimizer)
    for optimizer in optimizers:
        optimizer.dynamic_scale.assign(2.0**127)
    before = weights(gan)
    logs = train(gan, reals_of(gan.recipe))
    assert np.isfinite(list(logs.values())).all()  # what is reported is not scaled
    for old, new in zip(before, weights(gan), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [float(optimizer.dynamic_scale.numpy()) for optimizer in optimizers] == [2.0**126, 2.0**126]
    assert [int(optimizer.iterations.numpy()) for optimizer in optimizers] == [0, 0]
    for optimizer in optimizers:
        optimizer.dynamic_scale.assign(2.0**8)
    train(gan, reals_of(gan.recipe))
    assert [int(optimizer.iterations.numpy()) for optimizer in optimizers] == [1, 1]
    assert any((old != new).any() for old, new in zip(before, weights(gan), strict=True))


def test_the_scale_cancels_in_the_step(small_recipe: Small, reals_of: Reals) -> None:
    """Adam's moments hold the gradient: one that was left scaled would show, though the first step would not."""
    moments = []
    for scale in (2.0**4, 2.0**8):
        gan = gan_of(small_recipe("hinge", "precision=float16"))
        gan.discriminator_optimizer.dynamic_scale.assign(scale)
        train(gan, reals_of(gan.recipe))
        moments.append([v.numpy() for v in gan.discriminator_optimizer.inner_optimizer.variables[2:]])
    for one, two in zip(*moments, strict=True):
        np.testing.assert_allclose(one, two, rtol=0.1, atol=0.02 * np.abs(one).max())


def test_the_scale_is_part_of_the_state(small_recipe: Small, reals_of: Reals, tmp_path: Path) -> None:
    gan, other = (gan_of(small_recipe("ns", "precision=float16")) for _ in range(2))
    gan.discriminator_optimizer.dynamic_scale.assign(256.0)
    gan.generator_optimizer.dynamic_scale.assign(512.0)
    train(gan, reals_of(gan.recipe))
    saved = gan.state().write(str(tmp_path / "state"))
    other.state().read(saved).assert_existing_objects_matched()
    for one, two in zip(gan.snapshot(), other.snapshot(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert float(other.discriminator_optimizer.dynamic_scale.numpy()) == 256.0
    assert int(other.discriminator_optimizer.step_counter.numpy()) == 1
    before = other.snapshot()
    other.restore(gan_of(gan.recipe).snapshot())
    assert float(other.discriminator_optimizer.dynamic_scale.numpy()) == 2.0**15
    other.restore(before)
    assert float(other.generator_optimizer.dynamic_scale.numpy()) == 512.0
