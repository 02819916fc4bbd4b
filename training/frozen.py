"""The generator as it is served: a `tf.Module` of plain operations, batch norm folded in, uint8 at the end.

A SavedModel of it needs no Keras to be loaded, and has one signature with stable names.
"""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.gan import to_uint8
from training.networks import BASE

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Kernel and bias of one layer."""


class FrozenGenerator(tf.Module):
    """The averaged generator of a run, from its Keras model as `networks.build_generator` makes it."""

    def __init__(self, generator: keras.Model) -> None:
        super().__init__()
        self.latent_dim = int(generator.input_shape[-1])
        self._layers = [
            (tf.Variable(kernel, trainable=False), tf.Variable(bias, trainable=False))
            for kernel, bias in folded_layers(generator)
        ]
        self.serving_default = tf.function(
            self._generate, input_signature=[tf.TensorSpec([None, self.latent_dim], tf.float32, name="latents")]
        )

    def _generate(self, latents: tf.Tensor) -> dict[str, tf.Tensor]:
        """float32 [n, latent_dim] → {"images": uint8 [n, height, width, channels]}."""
        (kernel, bias), *convolutions = self._layers
        x = tf.reshape(latents @ kernel + bias, [-1, BASE, BASE, kernel.shape[1] // BASE**2])
        for kernel, bias in convolutions:
            side = 2 * x.shape[1]
            shape = [tf.shape(x)[0], side, side, kernel.shape[2]]
            x = tf.nn.conv2d_transpose(tf.nn.relu(x), kernel, shape, strides=2, padding="SAME") + bias
        return {"images": to_uint8(tf.tanh(x))}

    def save(self, folder: Path) -> None:
        """Write the SavedModel."""
        tf.saved_model.save(self, str(folder), signatures={"serving_default": self.serving_default})


def folded_layers(generator: keras.Model) -> Iterator[Weights]:
    """Every dense and transposed convolution of a generator, with the batch norm after it folded into it.

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


def _folded(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization | None) -> Weights:
    kernel = layer.kernel.numpy().astype(np.float64)
    dense = kernel.ndim == 2
    units = kernel.shape[1] if dense else kernel.shape[2]
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(units)
    if norm is not None:
        gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
        repeats = units // len(gamma)  # the dense layer's units are BASE² positions of the norm's channels
        scale = np.tile(gamma / np.sqrt(variance + norm.epsilon), repeats)
        kernel = kernel * (scale if dense else scale[:, None])
        bias = (bias - np.tile(mean, repeats)) * scale + np.tile(beta, repeats)
    return kernel.astype(np.float32), bias.astype(np.float32)
