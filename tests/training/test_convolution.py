"""The matrix products against TensorFlow's own convolutions, to the second derivative."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from training import convolution
from training.convolution import Conv2D, Conv2DTranspose, Many, conv, correlation, transposed

pytestmark = pytest.mark.tensorflow


@pytest.fixture(params=[True, False], ids=["products", "TensorFlow"])
def everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small layers by matrix products, or by TensorFlow's kernels: the same either way."""
    monkeypatch.setattr(convolution, "many", lambda: Many(*[0.0 if request.param else float("inf")] * 3))
    monkeypatch.setattr(convolution, "FEW", 0)


def normal(seed: int, *shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def close(a: tf.Tensor, b: tf.Tensor) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-4 * float(tf.reduce_max(tf.abs(b)))))


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_three_functions(seed: int) -> None:
    x, y, w = normal(seed, 2, 8, 12, 3), normal(seed + 10, 2, 4, 6, 5), normal(seed + 20, 4, 4, 3, 5)
    assert close(conv(x, w), tf.nn.conv2d(x, w, 2, "SAME"))
    assert close(transposed(y, w), tf.nn.conv2d_transpose(y, w, x.shape, 2, "SAME"))
    reference = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=w.shape, out_backprop=y, strides=[1, 2, 2, 1], padding="SAME"
    )
    assert close(correlation(x, y), reference)


def penalised(function: Callable[..., tf.Tensor], x: tf.Tensor, w: tf.Tensor) -> list[tf.Tensor]:
    """The gradients of a gradient's norm: what R1 and the gradient penalty need."""
    with tf.GradientTape() as outer:
        outer.watch([x, w])
        with tf.GradientTape() as inner:
            inner.watch(x)
            scores = tf.reduce_sum(tf.tanh(function(x, w)))
        slopes = tf.reduce_sum(tf.square(inner.gradient(scores, x)))
    gradients: list[tf.Tensor] = outer.gradient(slopes, [x, w])
    return gradients


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_second_derivatives(seed: int) -> None:
    x, w = normal(seed, 2, 4, 4, 3), normal(seed + 1, 4, 4, 3, 5) * 0.1
    expected = penalised(lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), x, w)
    assert all(close(a, b) for a, b in zip(penalised(conv, x, w), expected, strict=True))
    y = normal(seed + 2, 2, 4, 4, 5)
    expected = penalised(lambda y, w: tf.nn.conv2d_transpose(y, w, [2, 8, 8, 3], 2, "SAME"), y, w)
    assert all(close(a, b) for a, b in zip(penalised(transposed, y, w), expected, strict=True))


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("ours", [Conv2D, Conv2DTranspose])
@pytest.mark.parametrize(
    "options", [{}, {"use_bias": False}, {"kernel_size": 3}, {"strides": 1}, {"activation": "relu"}]
)
def test_the_layers_are_kerass(ours: type[keras.layers.Layer], options: dict[str, object]) -> None:
    settings = {
        "filters": 5,
        "kernel_size": 4,
        "strides": 2,
        "padding": "same",
        "bias_initializer": "normal",
        **options,
    }
    theirs = getattr(keras.layers, ours.__name__)
    x = normal(0, 2, 8, 8, 3)
    mine, reference = ours(**settings), theirs(**settings)
    mine(x), reference(x)
    reference.set_weights(mine.get_weights())
    assert close(mine(x), reference(x))


def test_sizes_that_are_odd_or_unknown_are_kerass() -> None:
    layer, reference = Conv2D(4, 4, 2, "same"), keras.layers.Conv2D(4, 4, 2, "same")
    odd = normal(0, 1, 7, 7, 3)
    layer(odd), reference(odd)
    reference.set_weights(layer.get_weights())
    assert close(layer(odd), reference(odd))
    free = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec([None, None, None, 3])])
    assert close(free(normal(1, 2, 8, 8, 3)), reference(normal(1, 2, 8, 8, 3)))


def test_a_free_batch_size_is_fine() -> None:
    layer = Conv2DTranspose(2, 4, 2, "same")
    function = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec([None, 4, 4, 3])])
    assert [function(normal(0, n, 4, 4, 3)).shape[0] for n in (1, 3)] == [1, 3]


@pytest.mark.parametrize("channels", [(3, 16), (16, 16), (128, 256)])
def test_the_choice_is_the_same_for_every_batch(channels: tuple[int, int]) -> None:
    w, x = normal(0, 4, 4, *channels) * 0.02, normal(1, 4, 4, 4, channels[0])
    assert close(conv(x, w)[:2], conv(x[:2], w))
