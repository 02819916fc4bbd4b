from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from training.losses import discriminator_loss, generator_loss, gradient_penalty, r1  # noqa: E402
from training.recipe import Loss  # noqa: E402

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
SEEDS = [0, 1, 7]
KINDS: list[Loss] = ["minimax", "non-saturating", "least-squares", "wasserstein", "hinge", "relativistic"]


def scores(seed: int, scale: float = 2.0) -> tuple[Floats, Floats]:
    real, fake = np.random.default_rng(seed).normal(0, scale, (2, 16, 1)).astype(np.float32)
    return real, fake


def images(seed: int, count: int = 6) -> tuple[Floats, Floats]:
    real, fake = np.random.default_rng(seed).uniform(-1, 1, (2, count, 4, 4, 3)).astype(np.float32)
    return real, fake


def sigmoid(x: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-x))


def discriminators(kind: str, real: Doubles, fake: Doubles) -> Any:  # noqa: ANN401
    """What D minimises, by the formulas of the papers, in float64."""
    return {
        "minimax": -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean(),  # Goodfellow 2014, equation 1
        "non-saturating": -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake)).mean(),
        "least-squares": ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2,  # Mao 2017: targets 1 and 0
        "wasserstein": fake.mean() - real.mean(),
        "hinge": np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        "relativistic": -np.log(sigmoid(real - fake)).mean(),
    }[kind]


def generators(kind: str, real: Doubles, fake: Doubles) -> Any:  # noqa: ANN401
    """What G minimises, by the formulas of the papers, in float64."""
    return {
        "minimax": np.log(1 - sigmoid(fake)).mean(),
        "non-saturating": -np.log(sigmoid(fake)).mean(),
        "least-squares": ((fake - 1) ** 2).mean() / 2,
        "wasserstein": -fake.mean(),
        "hinge": -fake.mean(),
        "relativistic": -np.log(sigmoid(fake - real)).mean(),
    }[kind]


def numeric(function: Callable[[Doubles], Any], at: Doubles) -> Doubles:
    """Its gradient by central differences."""
    steps = 1e-6 * np.eye(at.size).reshape(-1, *at.shape)
    return np.array([function(at + step) - function(at - step) for step in steps]).reshape(at.shape) / 2e-6


def test_all_kinds_of_loss_are_tested() -> None:
    assert set(KINDS) == set(get_args(Loss))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_their_gradients_against_the_formulas(kind: Loss, seed: int) -> None:
    real, fake = (tf.constant(s) for s in scores(seed))
    x, y = real.numpy().astype(np.float64), fake.numpy().astype(np.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        loss_d, loss_g = discriminator_loss(kind, real, fake), generator_loss(kind, fake, real)
    assert (loss_d.shape, loss_g.shape) == ((), ())
    assert float(loss_d) == pytest.approx(discriminators(kind, x, y), rel=1e-5, abs=1e-6)
    assert float(loss_g) == pytest.approx(generators(kind, x, y), rel=1e-5, abs=1e-6)
    close = {"rtol": 1e-4, "atol": 1e-7}
    np.testing.assert_allclose(tape.gradient(loss_d, real), numeric(lambda s: discriminators(kind, s, y), x), **close)
    np.testing.assert_allclose(tape.gradient(loss_d, fake), numeric(lambda s: discriminators(kind, x, s), y), **close)
    np.testing.assert_allclose(tape.gradient(loss_g, fake), numeric(lambda s: generators(kind, x, s), y), **close)


@pytest.mark.parametrize("kind", KINDS)
def test_the_discriminator_wants_real_up_and_fake_down_and_the_generator_fake_up(kind: Loss) -> None:
    """Between the targets of every loss, real scores above fake ones or below."""
    real, fake = (tf.constant(s) for s in np.random.default_rng(3).uniform(0.05, 0.95, (2, 16, 1)).astype(np.float32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        loss_d, loss_g = discriminator_loss(kind, real, fake), generator_loss(kind, fake, real)
    assert (tape.gradient(loss_d, real).numpy() < 0).all()
    assert (tape.gradient(loss_d, fake).numpy() > 0).all()
    assert (tape.gradient(loss_g, fake).numpy() < 0).all()


@pytest.mark.parametrize("kind", ["minimax", "non-saturating", "relativistic"])
def test_an_undecided_discriminator_loses_log_two_for_each_comparison(kind: Loss) -> None:
    zero = np.zeros((4, 1), np.float32)
    comparisons = 1 if kind == "relativistic" else 2
    assert float(discriminator_loss(kind, zero, zero)) == pytest.approx(comparisons * np.log(2))
    assert float(generator_loss(kind, zero, zero)) == pytest.approx((-1 if kind == "minimax" else 1) * np.log(2))


def pull(kind: Loss, score: float) -> float:
    """How hard the generator is pulled where D gives its images that score, and 0 to real ones."""
    fake = tf.fill([4, 1], score)
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = generator_loss(kind, fake, tf.zeros([4, 1]))
    return float(-tf.reduce_sum(tape.gradient(loss, fake)))


def test_minimax_saturates_where_the_discriminator_is_sure_and_the_others_do_not() -> None:
    assert pull("minimax", 0.0) == pytest.approx(0.5)
    assert 0 < pull("minimax", -10.0) < 1e-4
    assert pull("minimax", -100.0) < 1e-30
    for kind in ("non-saturating", "wasserstein", "hinge", "relativistic"):
        assert pull(kind, -100.0) == pytest.approx(1.0), kind
    assert pull("least-squares", -100.0) == pytest.approx(101.0)


def test_hinge_forgets_scores_beyond_the_margin_and_least_squares_pulls_them_back() -> None:
    real, fake = tf.constant([[1.5], [0.5]]), tf.constant([[-1.5], [-0.5]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        hinge, squares = (discriminator_loss(kind, real, fake) for kind in ("hinge", "least-squares"))
    np.testing.assert_allclose(tape.gradient(hinge, real), [[0.0], [-0.5]])
    np.testing.assert_allclose(tape.gradient(hinge, fake), [[0.0], [0.5]])
    np.testing.assert_allclose(tape.gradient(squares, real), [[0.25], [-0.25]])
    np.testing.assert_allclose(tape.gradient(squares, fake), [[-0.75], [-0.25]])


def test_the_relativistic_loss_compares_and_no_other_does() -> None:
    real, fake = scores(5)
    with pytest.raises(ValueError, match="no real ones"):
        generator_loss("relativistic", fake)
    for kind in KINDS:
        if kind != "relativistic":
            assert float(generator_loss(kind, fake)) == float(generator_loss(kind, fake, real))
    moved = discriminator_loss("relativistic", real + 3, fake + 3)  # only the difference counts
    assert float(moved) == pytest.approx(float(discriminator_loss("relativistic", real, fake)), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", [-1e4, -100.0, 100.0, 1e4])
def test_extreme_scores_give_finite_losses_and_gradients(kind: Loss, score: float) -> None:
    fake = tf.fill([4, 1], score)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(fake)
        loss = discriminator_loss(kind, -fake, fake) + generator_loss(kind, fake, -fake)
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
