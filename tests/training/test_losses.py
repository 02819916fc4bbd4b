from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from training.losses import discriminator_loss, generator_loss, gradient_penalty, r1  # noqa: E402

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float32]
SEEDS = [0, 1, 7]


def scores(seed: int, scale: float = 2.0) -> tuple[Floats, Floats]:
    real, fake = np.random.default_rng(seed).normal(0, scale, (2, 16, 1)).astype(np.float32)
    return real, fake


def images(seed: int, count: int = 6) -> tuple[Floats, Floats]:
    real, fake = np.random.default_rng(seed).uniform(-1, 1, (2, count, 4, 4, 3)).astype(np.float32)
    return real, fake


def sigmoid(x: NDArray[Any]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_non_saturating_losses_are_cross_entropies(seed: int) -> None:
    real, fake = scores(seed)
    expected_d = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean()
    assert float(discriminator_loss("non-saturating", real, fake)) == pytest.approx(expected_d, rel=1e-5)
    expected_g = -np.log(sigmoid(fake)).mean()
    assert float(generator_loss("non-saturating", fake)) == pytest.approx(expected_g, rel=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_wasserstein_losses_are_differences_of_means(seed: int) -> None:
    real, fake = scores(seed)
    expected = fake.astype(float).mean() - real.astype(float).mean()
    assert float(discriminator_loss("wasserstein", real, fake)) == pytest.approx(expected, abs=1e-6)
    assert float(generator_loss("wasserstein", fake)) == pytest.approx(-fake.astype(float).mean(), abs=1e-6)


def test_an_undecided_discriminator_loses_log_two_twice() -> None:
    zero = np.zeros((4, 1), np.float32)
    assert float(discriminator_loss("non-saturating", zero, zero)) == pytest.approx(2 * np.log(2))
    assert float(generator_loss("non-saturating", zero)) == pytest.approx(np.log(2))


@pytest.mark.parametrize("kind", ["non-saturating", "wasserstein"])
def test_the_discriminator_wants_real_up_and_fake_down_and_the_generator_fake_up(kind: str) -> None:
    real, fake = (tf.constant(s) for s in scores(3))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        loss_d, loss_g = discriminator_loss(kind, real, fake), generator_loss(kind, fake)
    assert (tape.gradient(loss_d, real).numpy() < 0).all()
    assert (tape.gradient(loss_d, fake).numpy() > 0).all()
    assert (tape.gradient(loss_g, fake).numpy() < 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradients_of_the_non_saturating_losses(seed: int) -> None:
    real, fake = (tf.constant(s) for s in scores(seed))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        loss_d, loss_g = discriminator_loss("non-saturating", real, fake), generator_loss("non-saturating", fake)
    n = len(real)  # d softplus(x) / dx = σ(x)
    np.testing.assert_allclose(tape.gradient(loss_d, real), -sigmoid(-real.numpy()) / n, rtol=1e-4)
    np.testing.assert_allclose(tape.gradient(loss_d, fake), sigmoid(fake.numpy()) / n, rtol=1e-4)
    np.testing.assert_allclose(tape.gradient(loss_g, fake), -sigmoid(-fake.numpy()) / n, rtol=1e-4)


@pytest.mark.parametrize("kind", ["non-saturating", "wasserstein"])
@pytest.mark.parametrize("score", [-1e4, -100.0, 100.0, 1e4])
def test_extreme_scores_give_finite_losses_and_gradients(kind: str, score: float) -> None:
    fake = tf.fill([4, 1], score)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fake)
        loss = discriminator_loss(kind, -fake, fake) + generator_loss(kind, fake)
    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, fake).numpy()).all()


def linear(weights: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """D(x) = w · x, of gradient w everywhere."""
    return lambda x: tf.reduce_sum(x * weights, axis=[1, 2, 3])[:, None]


def quadratic(scale: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """D(x) = s/2 |x|², of gradient s x."""
    return lambda x: 0.5 * scale * tf.reduce_sum(x * x, axis=[1, 2, 3])[:, None]


def weights(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0, 0.3, (4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("seed", SEEDS)
def test_r1_of_a_linear_critic_is_half_the_square_of_its_weights(seed: int) -> None:
    real, _ = images(seed)
    w = tf.Variable(weights(seed))
    with tf.GradientTape() as tape:
        penalty = r1(linear(w), tf.constant(real))
    assert float(penalty) == pytest.approx(0.5 * float((weights(seed).astype(float) ** 2).sum()), rel=1e-5)
    np.testing.assert_allclose(tape.gradient(penalty, w), weights(seed), rtol=1e-4)  # d ½|w|² / dw = w


@pytest.mark.parametrize("seed", SEEDS)
def test_r1_of_a_quadratic_critic_is_half_the_mean_square_of_the_images(seed: int) -> None:
    real, _ = images(seed)
    scale = tf.Variable(1.5)
    with tf.GradientTape() as tape:
        penalty = r1(quadratic(scale), tf.constant(real))
    squares = float((real.astype(float) ** 2).sum(axis=(1, 2, 3)).mean())
    assert float(penalty) == pytest.approx(0.5 * 1.5**2 * squares, rel=1e-5)
    assert float(tape.gradient(penalty, scale)) == pytest.approx(1.5 * squares, rel=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_penalty_of_a_linear_critic_is_its_norms_distance_from_one(seed: int) -> None:
    real, fake = images(seed)
    w = tf.Variable(weights(seed))
    alpha = np.random.default_rng(seed).uniform(0, 1, (6, 1, 1, 1)).astype(np.float32)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(linear(w), tf.constant(real), tf.constant(fake), tf.constant(alpha))
    norm = float(np.sqrt((weights(seed).astype(float) ** 2).sum()))
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-4)
    expected = 2 * (norm - 1) / norm * weights(seed)  # d (|w| − 1)² / dw
    np.testing.assert_allclose(tape.gradient(penalty, w), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_penalty_of_a_quadratic_critic_is_taken_between_the_images(seed: int) -> None:
    real, fake = images(seed)
    alpha = np.random.default_rng(seed).uniform(0, 1, (6, 1, 1, 1)).astype(np.float32)
    scale = tf.Variable(0.4)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(quadratic(scale), tf.constant(real), tf.constant(fake), tf.constant(alpha))
    between = alpha.astype(float) * real + (1 - alpha.astype(float)) * fake
    norms = np.sqrt((between**2).sum(axis=(1, 2, 3)))
    assert float(penalty) == pytest.approx(((0.4 * norms - 1) ** 2).mean(), rel=1e-4)
    assert float(tape.gradient(penalty, scale)) == pytest.approx((2 * (0.4 * norms - 1) * norms).mean(), rel=1e-3)


@pytest.mark.parametrize(("alpha", "which"), [(0.0, "fake"), (1.0, "real")])
def test_alpha_goes_from_fake_to_real(alpha: float, which: str) -> None:
    real, fake = images(11)
    penalty = gradient_penalty(
        quadratic(tf.constant(1.0)), tf.constant(real), tf.constant(fake), tf.fill([6, 1, 1, 1], alpha)
    )
    norms = np.sqrt(({"real": real, "fake": fake}[which].astype(float) ** 2).sum(axis=(1, 2, 3)))
    assert float(penalty) == pytest.approx(((norms - 1) ** 2).mean(), rel=1e-4)


def test_a_critic_of_no_gradient_has_a_finite_penalty_and_a_finite_gradient() -> None:
    real, fake = (tf.constant(i) for i in images(0))
    w = tf.Variable(tf.zeros([4, 4, 3]))
    with tf.GradientTape(persistent=True) as tape:
        penalty = gradient_penalty(linear(w), real, fake, tf.fill([6, 1, 1, 1], 0.5))
        smooth = r1(linear(w), real)
    assert float(penalty) == pytest.approx(1.0, abs=1e-5)
    assert float(smooth) == 0.0
    assert np.isfinite(tape.gradient(penalty, w).numpy()).all()
    assert np.isfinite(tape.gradient(smooth, w).numpy()).all()


def test_the_penalties_are_means_over_images_not_sums() -> None:
    real, fake = images(2)
    twice = [tf.constant(np.concatenate([i, i])) for i in (real, fake)]
    critic = quadratic(tf.constant(0.7))
    assert float(r1(critic, twice[0])) == pytest.approx(float(r1(critic, tf.constant(real))), rel=1e-5)
    once = gradient_penalty(critic, tf.constant(real), tf.constant(fake), tf.fill([6, 1, 1, 1], 0.3))
    both = gradient_penalty(critic, *twice, tf.fill([12, 1, 1, 1], 0.3))
    assert float(both) == pytest.approx(float(once), rel=1e-5)
