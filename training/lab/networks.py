"""Fully connected networks of many repetitions at once: every variable has a leading axis, one row a repetition.

A repetition's rows meet only its own, so one graph trains them all as if each were alone.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

SLOPE = 0.2
"""Of the leaky ReLU."""

WAVE_FALL = 0.7
"""What each octave of the waves is smaller by than the one before."""

RESIDUAL_BEGIN = 0.1
"""What the last layer's weights are multiplied by at the start, where the output is added to the input."""

NORM_AXES = {"batch": [1], "layer": [2]}
NORM_EPSILON = 1e-5
SPREAD_EPSILON = 1e-8


class Stacked(tf.Module):
    """`repetitions` fully connected networks of the same shape, leaky ReLU between the layers.

    Weights are N(0, 2 / inputs) (He et al. 2015), biases zero.

    Args:
        sizes: the width of the input, of each hidden layer and of the output.
        octaves: how many sines and cosines of each input number the first layer sees beside the number itself, at
            π, 2π, 4π … (Fourier features, Tancik et al. 2020): they show a network small distances early.
        norm: of each hidden layer but the first (Radford 2016): `batch` over the rows, `layer` over the layer's
            numbers, `spectral` (of each weight, the first and the last too; Miyato et al. 2018), or `none`.
        spread: rows over whose spread the last layer also sees one number (minibatch standard deviation, Karras
            et al. 2018, section 3); 0 for none. The number of rows must be a multiple of it.
        residual: whether the first numbers of the input are added to the output, which begins as little more than them.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        repetitions: int,
        seed: int,
        octaves: int = 0,
        norm: str = "none",
        spread: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.octaves, self.norm, self.spread, self.residual = octaves, norm, spread, residual
        inputs = [sizes[0] * (1 + 2 * octaves), *sizes[1:-2], sizes[-2] + (spread > 0)]
        self.weights, self.biases, self.scales, self.singular = [], [], [], []
        for i, (width, outputs) in enumerate(zip(inputs, sizes[1:], strict=True)):
            normal = tf.random.stateless_normal([repetitions, width, outputs], [seed, 2 * i], alg="philox")
            begin = RESIDUAL_BEGIN if residual and i == len(inputs) - 1 else 1.0
            self.weights.append(tf.Variable(normal * begin * (2.0 / width) ** 0.5))
            self.biases.append(tf.Variable(tf.zeros([repetitions, 1, outputs])))
            if norm in NORM_AXES and 0 < i < len(inputs) - 1:
                self.scales.append(tf.Variable(tf.ones([repetitions, 1, outputs])))
            if norm == "spectral":
                vectors = tf.random.stateless_normal([repetitions, 1, outputs], [seed, 2 * i + 1], alg="philox")
                self.singular.append(tf.Variable(tf.math.l2_normalize(vectors, axis=-1), trainable=False))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """float32 [repetitions, n, inputs] → [repetitions, n, outputs]."""
        last = len(self.weights) - 1
        first, x = x, self._with_waves(x)
        for i, bias in enumerate(self.biases):
            if i == last and self.spread:
                x = self._with_spread(x)
            x = tf.matmul(x, self._weight(i))
            if self.norm in NORM_AXES and 0 < i < last:
                mean, variance = tf.nn.moments(x, axes=NORM_AXES[self.norm], keepdims=True)
                x = (x - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * self.scales[i - 1]
            x += bias
            x = tf.nn.leaky_relu(x, SLOPE) if i < last else x
        return first[..., : x.shape[-1]] + x if self.residual else x

    def iterate(self) -> None:
        """One power iteration for each weight's largest singular value (Miyato 2018, algorithm 1)."""
        for weight, vector in zip(self.weights, self.singular, strict=self.norm == "spectral"):
            left = tf.math.l2_normalize(tf.matmul(vector, weight, transpose_b=True), axis=-1)
            vector.assign(tf.math.l2_normalize(tf.matmul(left, weight), axis=-1))

    def _weight(self, i: int) -> tf.Tensor:
        weight = self.weights[i]
        if self.norm != "spectral":
            return weight
        vector = self.singular[i]
        left = tf.stop_gradient(tf.math.l2_normalize(tf.matmul(vector, weight, transpose_b=True), axis=-1))
        return weight / tf.matmul(tf.matmul(left, weight), vector, transpose_b=True)

    def _with_waves(self, x: tf.Tensor) -> tf.Tensor:
        waves = [x]
        for octave in range(self.octaves):
            angle = np.pi * 2.0**octave * x
            waves += [tf.sin(angle) * WAVE_FALL**octave, tf.cos(angle) * WAVE_FALL**octave]
        return tf.concat(waves, axis=-1)

    def _with_spread(self, x: tf.Tensor) -> tf.Tensor:
        repetitions, rows, width = x.shape
        grouped = tf.reshape(x, [repetitions, rows // self.spread, self.spread, width])
        deviations = tf.sqrt(tf.math.reduce_variance(grouped, axis=2) + SPREAD_EPSILON)
        numbers = tf.repeat(tf.reduce_mean(deviations, axis=-1), self.spread, axis=1)
        return tf.concat([x, numbers[..., None]], axis=-1)
