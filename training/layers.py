"""Layers that Keras does not have: the class in a latent, projection, spectral norm, the spread of a minibatch."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from training.convolution import Conv2D

PHI_BOUND = 1e-6
"""Φ(z) is kept this far from 0 and 1; `bundle` bounds it alike."""
LANES = 16
"""float32 numbers that a processor computes at once, at most."""
TEMPERATURE = 0.02
"""Of the softmax that stands for the argmax in a generator that is served, so that a walk has no jump."""


class ClassCode(keras.layers.Layer):
    """Turns the first K numbers of a latent into the class, the rest stays: [n, K + m] → [n, K + m].

    g = −log(−log Φ(z)) is a Gumbel variate where z is normal, so argmax (g + log p) is class k with probability
    p_k (the Gumbel-max trick). In training the code is one-hot; else it is softmax((g + log p) / TEMPERATURE), the
    concrete distribution (Maddison 2017, Jang 2017). The code is × √K, so that its square is 1 on average.
    It computes in float32 whatever the networks do: the discriminator is told the classes of the same numbers.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        super().__init__(name="class_code", dtype="float32")
        self.shares = tuple(shares)

    def call(self, latents: tf.Tensor, training: bool = False) -> tf.Tensor:
        """One-hot classes (training) or nearly so, before the noise."""
        labels = tf.argmax(class_scores(latents, self.shares), axis=1) if training else None
        return class_code(latents, self.shares, labels)


def class_code(latents: tf.Tensor, shares: Sequence[float], labels: tf.Tensor | None = None) -> tf.Tensor:
    """The first K numbers as √K · softmax((g + log p) / TEMPERATURE).

    Where `labels` (whole numbers [n]) are 0 … K−1, the code is √K · one-hot of them instead.
    """
    classes = len(shares)
    code = tf.nn.softmax(_widened(class_scores(latents, shares) / TEMPERATURE, -math.inf))[:, :classes]
    if labels is not None:
        known = (labels >= 0) & (labels < classes)
        code = tf.where(known[:, None], tf.one_hot(labels, classes), code)
    return tf.concat([math.sqrt(classes) * code, latents[:, classes:]], axis=1)


def class_scores(latents: tf.Tensor, shares: Sequence[float]) -> tf.Tensor:
    """g + log p of every class: float32 [n, K + m] → [n, K]; the largest is the latent's class."""
    normal = 0.5 * tf.math.erfc(_widened(latents[:, : len(shares)], 0.0) * -math.sqrt(0.5))
    bounded = tf.clip_by_value(normal, PHI_BOUND, 1.0 - PHI_BOUND)
    gumbel = -tf.math.log(-tf.math.log(bounded))
    return gumbel[:, : len(shares)] + tf.math.log(tf.constant(shares, tf.float32))


def _widened(x: tf.Tensor, value: float) -> tf.Tensor:
    """Columns behind [n, K], so that a row has a multiple of `LANES` numbers.

    A processor computes erfc, log and exp for several numbers at once and the last few otherwise: so none is left over.
    """
    return tf.pad(x, [[0, 0], [0, -x.shape[1] % LANES]], constant_values=value)


class Projection(keras.layers.Layer):
    """The score of a conditional discriminator: ψ(φ) + ⟨v_y, φ⟩ (Miyato & Koyama 2018), with φ summed over places.

    Inputs: the linear score [n, 1], features [n, h, w, c], classes one-hot [n, K]; output [n, 1].
    """

    initializer: Any = "zeros"
    """Of the vectors: the discriminator begins unconditional."""

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """One vector a class."""
        _, features, classes = input_shape
        shape = (classes[-1], features[-1])
        self._kernel = self.add_weight(shape=shape, initializer=self.initializer, name="vectors")

    @property
    def kernel(self) -> tf.Tensor:
        """The vectors: [K, c]."""
        return self._kernel.value

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """The linear score plus the product of the class's vector and the features."""
        score, features, classes = inputs
        pooled = tf.reduce_sum(features, axis=[1, 2])
        vectors = tf.cast(classes, pooled.dtype) @ tf.cast(self.kernel, pooled.dtype)
        return score + tf.cast(tf.reduce_sum(pooled * vectors, axis=1, keepdims=True), score.dtype)


class SumPooling(keras.layers.Layer):
    """The sum over all places, before the score of a residual discriminator (Miyato 2018, table 3)."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """[n, h, w, c] → [n, c]."""
        return tf.reduce_sum(x, axis=[1, 2])


class MinibatchStddev(keras.layers.Layer):
    """Adds one feature map: the standard deviation over a group of images, averaged (Karras 2018, section 3).

    A group is `group` consecutive rows, so the batch size must be a multiple of it. The spread is computed in float32:
    in float16 the 1e-8 that keeps the root from zero would be zero itself.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """[n, h, w, c] → [n, h, w, c + 1]."""
        _, height, width, channels = x.shape
        grouped = tf.reshape(tf.cast(x, tf.float32), [-1, self.group, height, width, channels])
        deviation = tf.sqrt(tf.math.reduce_variance(grouped, axis=1) + 1e-8)
        spread = tf.cast(tf.reduce_mean(deviation, axis=[1, 2, 3]), x.dtype)
        maps = tf.repeat(spread, self.group)[:, None, None, None] * tf.ones_like(x[..., :1])
        return tf.concat([x, maps], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape with one channel more."""
        *space, channels = input_shape
        return (*space, None if channels is None else channels + 1)


class Spectral:
    """A kernel that is divided by its largest singular value σ (Miyato 2018, algorithm 1).

    The kernel is seen as a matrix [inputs, outputs], u and v are its singular vectors as known so far, without
    gradient, and σ = uᵀWv, with gradient. `iterate` makes one step of the power iteration.
    """

    _kernel: Any
    add_weight: Any

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The layer's own weights and the two singular vectors."""
        super().build(input_shape)  # type: ignore[misc]
        rows, columns = self._matrix().shape
        self.left = self.add_weight(shape=(rows,), initializer="zeros", trainable=False, name="left")
        unit = keras.initializers.Constant(1.0 / math.sqrt(columns))
        self.right = self.add_weight(shape=(columns,), initializer=unit, trainable=False, name="right")
        self.iterate()

    def _matrix(self) -> tf.Tensor:
        return tf.reshape(self._kernel.value, [-1, self._kernel.shape[-1]])

    def iterate(self) -> None:
        """One step of the power iteration: u ← Wv / |Wv|, v ← Wᵀu / |Wᵀu|."""
        matrix = self._matrix()
        left = tf.math.l2_normalize(tf.linalg.matvec(matrix, self.right.value))
        self.left.assign(left)
        self.right.assign(tf.math.l2_normalize(tf.linalg.matvec(matrix, left, transpose_a=True)))

    @property
    def kernel(self) -> tf.Tensor:
        """W / σ."""
        if not hasattr(self, "right"):  # while Keras builds the layer
            return self._kernel
        sigma = tf.tensordot(self.left.value, tf.linalg.matvec(self._matrix(), self.right.value), 1)
        return self._kernel.value / sigma


class SpectralConv2D(Spectral, Conv2D):
    """A convolution with spectral norm."""


class SpectralProjection(Spectral, Projection):  # type: ignore[misc]  # Projection.build has three inputs
    """A projection whose vectors, as one matrix, have spectral norm (Miyato & Koyama 2018, section 4)."""

    initializer = keras.initializers.RandomNormal(0.0, 0.02)  # zeros have no direction


class SpectralDense(Spectral, keras.layers.Dense):
    """A dense layer with spectral norm."""
