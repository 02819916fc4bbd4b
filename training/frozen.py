"""The generator as it is served: a `tf.Module` of plain operations, batch norm folded in, uint8 at the end.

A SavedModel of it needs no Keras to be loaded, and has one signature with stable names; that of a conditional
generator has a second one, `labelled`, for readers that name the class instead of finding a latent that has it.
"""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.gan import to_uint8
from training.layers import ClassCode, class_code
from training.networks import BASE

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel and bias of one layer, or scale and shift of a norm that cannot be folded."""


class FrozenGenerator(tf.Module):
    """The averaged generator of a run, from its Keras model as `networks.build_generator` makes it."""

    def __init__(self, generator: keras.Model) -> None:
        super().__init__()
        self.latent_dim = int(generator.input_shape[-1])
        codes = [layer.shares for layer in generator.layers if isinstance(layer, ClassCode)]
        self.class_shares: tuple[float, ...] = codes[0] if codes else ()
        self._residual = any(isinstance(layer, keras.layers.Add) for layer in generator.layers)
        self._layers = [
            tuple(tf.Variable(weight, trainable=False) for weight in weights)
            for weights in (residual_layers if self._residual else folded_layers)(generator)
        ]
        latents = tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")
        self.serving_default = tf.function(self._generate, input_signature=[latents])
        labels = tf.TensorSpec([None], tf.int32, name="labels")
        self.labelled = tf.function(self._generate, input_signature=[latents, labels]) if self.class_shares else None

    def _generate(self, latents: tf.Tensor, labels: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Images of latents, and of classes if they are given.

        Args:
            latents: float32 [n, latent_dim].
            labels: int32 [n]; one that is no class, such as −1, leaves the choice to the latent.

        Returns:
            {"images": uint8 [n, height, width, channels]}.
        """
        if self.class_shares:
            latents = class_code(latents, self.class_shares, labels)
        images = (self._residual_images if self._residual else self._images)(latents)
        return {"images": to_uint8(tf.tanh(images))}

    def _images(self, latents: tf.Tensor) -> tf.Tensor:
        (kernel, bias), *convolutions = self._layers
        x = tf.reshape(latents @ kernel + bias, [-1, BASE, BASE, kernel.shape[1] // BASE**2])
        for kernel, bias in convolutions:
            side = 2 * x.shape[1]
            shape = [tf.shape(x)[0], side, side, kernel.shape[2]]
            x = tf.nn.conv2d_transpose(tf.nn.relu(x), kernel, shape, strides=2, padding="SAME") + bias
        return x

    def _residual_images(self, latents: tf.Tensor) -> tf.Tensor:
        (kernel, bias), *rest = self._layers
        x = tf.reshape(latents @ kernel + bias, [-1, BASE, BASE, kernel.shape[1] // BASE**2])
        *blocks, last_norm, last = rest
        for shortcut, norm, first, second in zip(*(blocks[i::4] for i in range(4)), strict=True):
            inner = _doubled(tf.nn.relu(x * norm[0] + norm[1]))
            inner = _convolved(tf.nn.relu(_convolved(inner, first)), second)
            x = inner + _doubled(_convolved(x, shortcut))
        return _convolved(tf.nn.relu(x * last_norm[0] + last_norm[1]), last)

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        signatures = {"serving_default": self.serving_default}
        if self.labelled is not None:
            signatures["labelled"] = self.labelled
        tf.saved_model.save(self, str(folder), signatures=signatures)


def _doubled(x: tf.Tensor) -> tf.Tensor:
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


def _convolved(x: tf.Tensor, weights: tuple[tf.Variable, tf.Variable]) -> tf.Tensor:
    return tf.nn.conv2d(x, weights[0], strides=1, padding="SAME") + weights[1]


def folded_layers(generator: keras.Model) -> Iterator[Weights]:
    """Every dense and transposed convolution of a `dcgan`, with the batch norm after it folded into it.

    Batch norm in inference is (y − μ)·s + β with s = γ / √(σ² + ε) for each channel, so the kernel is multiplied
    by s and the bias becomes (b − μ)·s + β (Jacob 2018, section 3.2).
    """
    layers = [layer for layer in generator.layers if layer.weights]
    for i, layer in enumerate(layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            continue
        following = layers[i + 1] if i + 1 < len(layers) else None
        norm = following if isinstance(following, keras.layers.BatchNormalization) else None
        yield _folded(layer, norm)


def residual_layers(generator: keras.Model) -> Iterator[Weights]:
    """The layers of a `resnet`: dense; of each block shortcut, norm, first and second convolution; norm, convolution.

    The norm between a block's convolutions is folded into the first; the one before them cannot be, because the
    shortcut leaves before it, and is a scale and a shift.
    """
    layers = {layer.name: layer for layer in generator.layers}
    channels = layers["block0_shortcut"].kernel.shape[2]
    yield _folded(layers["dense"], None)
    for i in range(sum(name.endswith("_shortcut") for name in layers)):
        yield _folded(layers[f"block{i}_shortcut"], None)
        yield _scale_and_shift(layers.get(f"block{i}_norm1"), channels)
        yield _folded(layers[f"block{i}_conv1"], layers.get(f"block{i}_norm2"))
        yield _folded(layers[f"block{i}_conv2"], None)
        channels = layers[f"block{i}_conv2"].filters
    yield _scale_and_shift(layers.get("last_norm"), channels)
    yield _folded(layers["last_conv"], None)


def _scale_and_shift(norm: keras.layers.BatchNormalization | None, channels: int) -> Weights:
    if norm is None:
        return np.ones(channels, np.float32), np.zeros(channels, np.float32)
    gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _folded(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization | None) -> Weights:
    kernel = layer.kernel.numpy().astype(np.float64)
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)  # [h, w, out, in]
    units = kernel.shape[2] if transposed else kernel.shape[-1]
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(units)
    if norm is not None:
        scale, shift = (w.astype(np.float64) for w in _scale_and_shift(norm, units))
        repeats = units // len(scale)  # the dense layer's units are BASE² positions of the norm's channels
        scale, shift = np.tile(scale, repeats), np.tile(shift, repeats)
        kernel, bias = kernel * (scale[:, None] if transposed else scale), bias * scale + shift
    return kernel.astype(np.float32), bias.astype(np.float32)
