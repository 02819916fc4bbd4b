"""Spectral norm: kernels over their largest singular value, by numpy's singular value decomposition."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.layers import Spectral, SpectralConv2D, SpectralDense  # noqa: E402

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float32]
SHAPES = [(4, 4, 3, 8), (4, 4, 8, 16), (3, 3, 16, 4), (1, 1, 5, 9), (48, 1), (7, 30)]
"""Kernels: of a convolution or a dense layer, wide and narrow, and the row of scores."""


def layer_of(shape: tuple[int, ...], seed: int = 0, scale: float = 0.02) -> Spectral:
    """A layer with a kernel of that shape, of normal numbers."""
    keras.utils.set_random_seed(seed)
    initial = keras.initializers.RandomNormal(0.0, scale)
    if len(shape) == 2:
        layer: Spectral = SpectralDense(shape[1], kernel_initializer=initial)
        layer.build((None, shape[0]))
    else:
        layer = SpectralConv2D(shape[3], shape[:2], padding="same", kernel_initializer=initial)
        layer.build((None, 8, 8, shape[2]))
    return layer


def largest_singular_value(kernel: Floats) -> float:
    return float(np.linalg.svd(np.reshape(kernel, [-1, kernel.shape[-1]]).astype(np.float64), compute_uv=False)[0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_after_enough_iterations_the_largest_singular_value_is_one(shape: tuple[int, ...], seed: int) -> None:
    layer = layer_of(shape, seed)
    iterate = tf.function(layer.iterate)
    for _ in range(150):
        iterate()
    assert largest_singular_value(layer.kernel.numpy()) == pytest.approx(1.0, abs=2e-3)
    raw = layer._kernel.numpy()
    np.testing.assert_allclose(layer.kernel, raw / largest_singular_value(raw), rtol=4e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [1e-4, 1.0, 100.0])
def test_the_scale_of_the_weights_does_not_matter(shape: tuple[int, ...], scale: float) -> None:
    small, large = layer_of(shape), layer_of(shape)
    large._kernel.assign(large._kernel.value * scale)
    np.testing.assert_allclose(small.kernel, large.kernel, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_begins_with_one_iteration_made(shape: tuple[int, ...]) -> None:
    layer = layer_of(shape)
    for vector in (layer.left.numpy(), layer.right.numpy()):
        assert np.linalg.norm(vector) == pytest.approx(1.0, rel=1e-5)
        assert np.count_nonzero(vector) == vector.size
    assert np.isfinite(layer.kernel.numpy()).all()
    assert 1.0 <= largest_singular_value(layer.kernel.numpy()) + 1e-5 < 5.0  # σ is never over-estimated


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_iteration_against_numpy(seed: int) -> None:
    layer = layer_of((3, 3, 4, 6), seed)
    matrix = layer._kernel.numpy().reshape(-1, 6).astype(np.float64)
    right = layer.right.numpy().astype(np.float64)
    layer.iterate()
    left = matrix @ right / np.linalg.norm(matrix @ right)
    np.testing.assert_allclose(layer.left, left, atol=1e-5)
    np.testing.assert_allclose(layer.right, matrix.T @ left / np.linalg.norm(matrix.T @ left), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_goes_through_sigma(shape: tuple[int, ...], seed: int) -> None:
    """d ⟨R, W/σ⟩ / dW = (R − ⟨R, W/σ⟩ u vᵀ) / σ with u and v held (Miyato 2018, equation 12)."""
    layer = layer_of(shape, seed)
    pulled = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(pulled * layer.kernel)
    found = tape.gradient(total, layer._kernel.value)
    left, right = layer.left.numpy().astype(float), layer.right.numpy().astype(float)
    matrix, pull = (np.reshape(x, [-1, shape[-1]]).astype(float) for x in (layer._kernel.numpy(), pulled))
    sigma = left @ matrix @ right
    expected = (pull - (pull * matrix).sum() / sigma * np.outer(left, right)) / sigma
    np.testing.assert_allclose(
        np.reshape(found, expected.shape), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max()
    )
    # growing the whole kernel changes nothing where u and v are its own, and so has no gradient
    assert abs((np.reshape(found, expected.shape) * matrix).sum()) < 1e-3 * np.abs(expected).max()


def test_the_vectors_move_in_an_iteration_alone() -> None:
    layer = layer_of((4, 4, 3, 8))
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    before = layer.left.numpy(), layer.right.numpy()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(images, training=True) ** 2)
    tape.gradient(total, layer.trainable_variables)
    np.testing.assert_array_equal(layer.left, before[0])
    np.testing.assert_array_equal(layer.right, before[1])
    layer.iterate()
    assert (layer.left.numpy() != before[0]).any()
    assert (layer.right.numpy() != before[1]).any()


def test_what_a_layer_gives_is_what_one_with_the_divided_kernel_gives() -> None:
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
    spectral, plain = layer_of((3, 3, 3, 5)), keras.layers.Conv2D(5, 3, padding="same")
    plain.build(images.shape)
    plain.kernel.assign(spectral.kernel)
    np.testing.assert_allclose(spectral(images), plain(images), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4, 3, 8), (48, 1)], ids=str)
def test_the_vectors_are_kept_in_checkpoints_and_not_trained(shape: tuple[int, ...], tmp_path: Path) -> None:
    layer, other = layer_of(shape, 0), layer_of(shape, 1)
    assert [variable.name for variable in layer.trainable_variables] == ["kernel", "bias"]
    assert [variable.name for variable in layer.non_trainable_variables] == ["left", "right"]
    layer.iterate()
    saved = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "state"))
    tf.train.Checkpoint(layer=other).read(saved).assert_consumed()
    for name in ("left", "right", "_kernel"):
        np.testing.assert_array_equal(getattr(other, name), getattr(layer, name))


@pytest.mark.parametrize(("policy", "close"), [("mixed_bfloat16", 0.02), ("mixed_float16", 0.003)])
def test_with_mixed_precision_the_weights_stay_float32_and_sigma_is_near(policy: str, close: float) -> None:
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 16)).astype(np.float32)
    layer = SpectralConv2D(32, 3, dtype=policy)
    exact = SpectralConv2D(32, 3)
    layer.build(images.shape)
    exact.build(images.shape)
    exact.set_weights(layer.get_weights())
    assert {str(variable.dtype) for variable in layer.variables} == {"float32"}
    found = tf.cast(layer(images), tf.float32).numpy()
    assert np.abs(found - exact(images)).max() < close * np.abs(exact(images)).max()
