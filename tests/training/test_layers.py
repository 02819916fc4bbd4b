"""The class in a latent, projection, the spread of a minibatch; spectral norm is in test_spectral.py."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from bundle.classes import class_of, with_class  # noqa: E402
from bundle.latents import latents_of  # noqa: E402
from bundle.walks import walk  # noqa: E402
from training.layers import PHI_BOUND, ClassCode, MinibatchStddev, Projection, class_code, class_scores  # noqa: E402

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float32]
SHARES = [(1.0,), (0.5, 0.5), (0.7, 0.2, 0.06, 0.03, 0.01), tuple(2 * (i + 1) / (20 * 21) for i in range(20))]
BOUND = {1: 0.1, 2: 10.8, 5: 18.5, 20: 43.8}
"""The 99.9 % quantiles of chi-square with K − 1 degrees of freedom, by K."""


def latents(seed: int, count: int, classes: int, noise: int = 3) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, classes + noise)).astype(np.float32)


def coded(z: Floats, shares: tuple[float, ...], training: bool) -> Floats:
    code: Floats = ClassCode(shares)(z, training=training).numpy()
    return code


@pytest.mark.parametrize("shares", SHARES, ids=len)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_are_as_frequent_as_their_shares(shares: tuple[float, ...], seed: int) -> None:
    chosen = coded(latents(seed, 20_000, len(shares)), shares, training=True)[:, : len(shares)].argmax(axis=1)
    expected = 20_000 * np.asarray(shares)
    counts = np.bincount(chosen, minlength=len(shares))
    assert ((counts - expected) ** 2 / expected).sum() < BOUND[len(shares)]


@pytest.mark.parametrize("shares", SHARES, ids=len)
def test_in_training_the_code_is_one_hot_of_mean_square_one_and_the_noise_stays(shares: tuple[float, ...]) -> None:
    z, classes = latents(0, 500, len(shares)), len(shares)
    code = coded(z, shares, training=True)
    assert code.shape == z.shape
    np.testing.assert_array_equal(code[:, classes:], z[:, classes:])
    ordered = np.sort(code[:, :classes], axis=1)
    np.testing.assert_allclose(ordered[:, -1], math.sqrt(classes), rtol=1e-6)
    assert (ordered[:, :-1] == 0).all()
    assert (code[:, :classes] ** 2).mean() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("shares", SHARES, ids=len)
@pytest.mark.parametrize("seed", [0, 1])
def test_otherwise_it_is_nearly_so_of_the_same_class(shares: tuple[float, ...], seed: int) -> None:
    z, classes = latents(seed, 2000, len(shares)), len(shares)
    hard, soft = coded(z, shares, training=True), coded(z, shares, training=False)
    np.testing.assert_array_equal(soft[:, classes:], z[:, classes:])
    np.testing.assert_allclose(soft[:, :classes].sum(axis=1), math.sqrt(classes), rtol=1e-5)
    np.testing.assert_array_equal(soft[:, :classes].argmax(axis=1), hard[:, :classes].argmax(axis=1))
    near = np.abs(soft - hard).max(axis=1) < 0.1 * math.sqrt(classes)
    assert near.mean() > 0.85


@pytest.mark.parametrize("seed", [1, 20, 300])
def test_along_a_walk_it_has_no_jump_where_training_jumps(seed: int) -> None:
    """Half the step, half the largest change: so it is continuous."""
    shares = (0.2,) * 5

    def largest_change(frames: int, training: bool) -> float:
        steps = walk(latents_of([seed, seed + 1, seed + 2], 8), frames // 3 + 1, loop=True)
        return float(np.abs(np.diff(coded(steps, shares, training), axis=0)[:, : len(shares)]).max())

    assert largest_change(4000, training=True) == pytest.approx(math.sqrt(5))
    coarse, fine = largest_change(4000, training=False), largest_change(8000, training=False)
    assert fine < 0.1 * math.sqrt(5)
    assert fine == pytest.approx(coarse / 2, rel=0.1)


@pytest.mark.parametrize("shares", SHARES, ids=len)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_bundle_reads_the_same_class_from_the_same_latent(shares: tuple[float, ...], seed: int) -> None:
    z = latents_of(range(seed * 1000, seed * 1000 + 2000), len(shares) + 4)
    scores = class_scores(tf.constant(z), shares).numpy()
    best = np.sort(scores, axis=1)
    clear = np.ones(len(z), bool) if len(shares) == 1 else best[:, -1] - best[:, -2] > 1e-4  # no tie within rounding
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(scores.argmax(axis=1)[clear], class_of(z, shares)[clear])
    for label in range(len(shares)):
        chosen = class_scores(tf.constant(with_class(z, label, shares)), shares).numpy()
        assert (chosen.argmax(axis=1) == label).all()
        margin = coded(with_class(z, label, shares), shares, training=False)[:, label]
        assert margin.min() > 0.999 * math.sqrt(len(shares))  # in the graph too it is that class alone


def test_scores_against_the_gumbel_max_formula() -> None:
    shares, z = (0.2, 0.3, 0.5), latents(4, 200, 3)
    normal = np.array([[0.5 * math.erfc(-x / math.sqrt(2)) for x in row] for row in z[:, :3].astype(float)])
    np.testing.assert_allclose(class_scores(z, shares), -np.log(-np.log(normal)) + np.log(shares), atol=2e-5)


@pytest.mark.parametrize("extreme", [-40.0, -8.0, 8.0, 40.0])
def test_extreme_latents_have_finite_scores_codes_and_gradients(extreme: float) -> None:
    z = tf.Variable(tf.fill([2, 5], extreme))
    with tf.GradientTape() as tape:
        code = class_code(z, (0.4, 0.6))
        total = tf.reduce_sum(code**2)
    bound = -math.log(-math.log(1 - PHI_BOUND))
    assert np.abs(class_scores(z, (0.4, 0.6)).numpy()).max() < bound + 1.0
    assert np.isfinite(code.numpy()).all()
    assert np.isfinite(tape.gradient(total, z).numpy()).all()


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_a_label_chooses_the_class_and_one_that_is_none_leaves_it_to_the_latent(dtype: tf.DType) -> None:
    shares, z = SHARES[2], latents(0, 7, 5)
    free = class_code(tf.constant(z), shares).numpy()
    code = class_code(tf.constant(z), shares, tf.constant([-1, 0, 1, 4, 5, 1000, -(2**31)], dtype)).numpy()
    np.testing.assert_array_equal(code[[0, 4, 5, 6]], free[[0, 4, 5, 6]])
    for row, label in ((1, 0), (2, 1), (3, 4)):
        np.testing.assert_allclose(code[row, :5], math.sqrt(5) * np.eye(5)[label], rtol=1e-6)
        np.testing.assert_array_equal(code[row, 5:], z[row, 5:])


def test_a_class_code_is_float32_whatever_the_networks_compute_in() -> None:
    z = latents(0, 500, 5)
    expected = coded(z, SHARES[2], training=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        np.testing.assert_array_equal(coded(z, SHARES[2], training=False), expected)
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_projection_begins_unconditional_and_then_follows_its_formula(seed: int) -> None:
    random = np.random.default_rng(seed)
    score, features = (random.normal(size=shape).astype(np.float32) for shape in [(6, 1), (6, 4, 4, 8)])
    labels = random.integers(0, 3, 6)
    classes = np.eye(3, dtype=np.float32)[labels]
    layer = Projection()
    np.testing.assert_array_equal(layer([score, features, classes]), score)
    vectors = random.normal(size=(3, 8)).astype(np.float32)
    layer._kernel.assign(vectors)
    expected = score[:, 0] + (features.astype(np.float64).sum(axis=(1, 2)) * vectors[labels]).sum(axis=1)
    found = layer([score, features, classes])
    assert found.shape == (6, 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_class_s_vector_learns_from_the_images_of_that_class_alone() -> None:
    features = np.ones((3, 2, 2, 4), np.float32) * np.array([1, 2, 3], np.float32)[:, None, None, None]
    layer = Projection()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer([np.zeros((3, 1), np.float32), features, np.eye(4, dtype=np.float32)[[0, 2, 2]]]))
    gradient = tape.gradient(total, layer._kernel.value).numpy()
    np.testing.assert_allclose(gradient, np.outer([4.0, 0.0, 20.0, 0.0], np.ones(4)))


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_minibatch_stddev_against_numpy(group: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(8, 3, 5, 6)).astype(np.float32)
    y = MinibatchStddev(group)(x).numpy()
    assert y.shape == (8, 3, 5, 7)
    np.testing.assert_array_equal(y[..., :6], x)
    for first in range(0, 8, group):
        expected = np.sqrt(x[first : first + group].astype(float).var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(y[first : first + group, ..., 6], expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_images_all_alike_show_no_spread_and_have_a_finite_gradient(policy: str) -> None:
    x = tf.Variable(tf.ones([4, 2, 2, 3]))
    with tf.GradientTape() as tape:
        layer = MinibatchStddev(4)
        layer.dtype_policy = policy
        spread = layer(x)[..., 3]
        total = tf.reduce_sum(spread)
    assert spread.dtype == layer.compute_dtype
    assert float(tf.reduce_max(spread)) < 1e-3
    assert np.isfinite(tape.gradient(total, x).numpy()).all()


def test_minibatch_stddev_says_its_shape() -> None:
    layer = MinibatchStddev(4)
    assert layer.compute_output_shape((None, 4, 4, 16)) == (None, 4, 4, 17)
    assert layer.compute_output_shape((8, 4, 4, None)) == (8, 4, 4, None)
