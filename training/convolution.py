"""Convolutions 4 × 4 of stride 2, and their transposes, as matrix products where that is faster on a CPU.

oneDNN's convolutions slow down where few pixels meet many channels, its matrix products do not; where the line lies
depends on the processor (docs/benchmarks.md). Three functions, each linear in both arguments, are each
other's gradients, so derivatives of any order, as gradient penalties take them, stay among them:

    y = conv(x, w)       x = transposed(y, w)       w = correlation(x, y)

x is float32 [n, 2h, 2w, c], y [n, h, w, k], the kernel w [4, 4, c, k]; padding is "same", one pixel on each side.
An image of 2 × 2 blocks turns the 4 × 4 kernel of stride 2 into four 1 × 1 ones, its quarters, on four shifted views.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from bundle.processor import cpu_flags


class Many(NamedTuple):
    """Channels in × channels out from which each of the functions is faster by matrix products."""

    conv: float
    transposed: float
    correlation: float


WITH_AVX512 = Many(2**15, 2**15, 2**15)
"""Measured on a Xeon of Intel's Ice Lake."""
WITHOUT_AVX512 = Many(float("inf"), 2**17, 2**17)
"""Measured on an EPYC of AMD's third generation."""
FEW = 4
"""Channels of images up to which they are faster for the transpose."""
SHIFTS = ((0, 0), (0, 1), (1, 0), (1, 1))

Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@functools.cache
def many() -> Many:
    """What holds on this processor."""
    return WITH_AVX512 if "avx512f" in cpu_flags() else WITHOUT_AVX512


@tf.custom_gradient
def conv(x: tf.Tensor, w: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The convolution of stride 2: [n, 2h, 2w, c], [4, 4, c, k] → [n, h, w, k]."""
    return _conv(x, w), lambda d: (transposed(d, w), correlation(x, d))


@tf.custom_gradient
def transposed(y: tf.Tensor, w: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """Its transpose: [n, h, w, k], [4, 4, c, k] → [n, 2h, 2w, c]."""
    return _transposed(y, w), lambda d: (conv(d, w), correlation(d, y))


@tf.custom_gradient
def correlation(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The gradient of the kernel: [n, 2h, 2w, c], [n, h, w, k] → [4, 4, c, k]."""
    return _correlation(x, y), lambda d: (transposed(y, d), conv(x, d))


def _conv(x: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    channels, filters = w.shape[2:]
    if channels * filters < many().conv:
        return tf.nn.conv2d(x, w, 2, "SAME")
    quarters, (height, width) = _quarters(w), x.shape[1:3]
    flat = tf.add_n([view @ quarters[i] for i, view in enumerate(_views(x))])
    return tf.reshape(flat, [-1, height // 2, width // 2, filters])


def _transposed(y: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    channels, filters = w.shape[2:]
    height, width = y.shape[1:3]
    if channels > FEW and channels * filters < many().transposed:
        return tf.nn.conv2d_transpose(y, w, [tf.shape(y)[0], 2 * height, 2 * width, channels], 2, "SAME")
    quarters, flat = _quarters(w), tf.reshape(y, [-1, filters])
    parts = (tf.matmul(flat, quarters[i], transpose_b=True) for i in range(4))
    blocks = (tf.reshape(part, [-1, height, width, 4 * channels]) for part in parts)
    shifted = [tf.pad(b, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]]) for b, (i, j) in zip(blocks, SHIFTS, strict=True)]
    return tf.nn.depth_to_space(tf.add_n(shifted), 2)[:, 1:-1, 1:-1]


def _correlation(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    channels, filters = x.shape[3], y.shape[3]
    if channels * filters < many().correlation:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=[4, 4, channels, filters], out_backprop=y, strides=[1, 2, 2, 1], padding="SAME"
        )
    flat = tf.reshape(y, [-1, filters])
    quarters = tf.concat([tf.matmul(flat, view, transpose_a=True) for view in _views(x)], axis=1)
    whole = tf.reshape(quarters, [filters, 2, 2, 2, 2, channels])
    return tf.reshape(tf.transpose(whole, [1, 3, 2, 4, 5, 0]), [4, 4, channels, filters])


def _views(x: tf.Tensor) -> list[tf.Tensor]:
    """The four shifted views of the 2 × 2 blocks: each [n · h · w, 4c]."""
    height, width = x.shape[1] // 2, x.shape[2] // 2
    blocks = tf.nn.space_to_depth(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2)
    return [tf.reshape(blocks[:, i : i + height, j : j + width], [-1, blocks.shape[3]]) for i, j in SHIFTS]


def _quarters(w: tf.Tensor) -> tf.Tensor:
    """The kernel's quarters as matrices: [4, 4c, k], in the order of `SHIFTS`."""
    channels, filters = w.shape[2:]
    split = tf.transpose(tf.reshape(w, [2, 2, 2, 2, channels, filters]), [0, 2, 1, 3, 4, 5])
    return tf.reshape(split, [4, 4 * channels, filters])


class Conv2D(keras.layers.Conv2D):
    """Keras's convolution, which takes the faster way where there is one."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[n, height, width, channels] → [n, height / 2, width / 2, filters], for kernel 4 and stride 2."""
        if not _applies(self, inputs):
            return super().call(inputs)
        return _with_bias(self, conv(inputs, tf.convert_to_tensor(self.kernel)))


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's transposed convolution, which takes the faster way where there is one."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[n, height, width, channels] → [n, 2 height, 2 width, filters], for kernel 4 and stride 2."""
        if not _applies(self, inputs):
            return super().call(inputs)
        return _with_bias(self, transposed(inputs, tf.convert_to_tensor(self.kernel)))


def _applies(layer: Any, inputs: Any) -> bool:  # noqa: ANN401 (Keras has no types)
    """Whether a layer is one that this module computes, here: in float32, without a GPU, not while Keras builds it."""
    kind = (layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate, layer.data_format)
    plain = kind == ((4, 4), (2, 2), "same", (1, 1), "channels_last") and layer.activation is keras.activations.linear
    if not plain or not tf.is_tensor(inputs) or None in inputs.shape[1:]:
        return False
    even = isinstance(layer, keras.layers.Conv2DTranspose) or not any(side % 2 for side in inputs.shape[1:3])
    return even and layer.compute_dtype == "float32" and not tf.config.list_logical_devices("GPU")


def _with_bias(layer: Any, outputs: tf.Tensor) -> tf.Tensor:  # noqa: ANN401
    return tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias)) if layer.use_bias else outputs
