"""Tiny generators of other people, as SavedModels by the raw TensorFlow API and by Keras."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

LATENT_DIM, SIDE = 6, 8


class Raw(tf.Module):
    """A linear generator, `head` of z · w, of images `shape` in the layout they are in."""

    def __init__(
        self,
        shape: Sequence[int] = (SIDE, SIDE, 3),
        head: Callable[[tf.Tensor], tf.Tensor] = tf.tanh,
        latents: Sequence[int | None] = (None, LATENT_DIM),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.shape, self.head, self.latents = list(shape), head, latents
        random = np.random.default_rng(seed)
        self.w = tf.Variable(random.normal(size=(LATENT_DIM, int(np.prod(shape)))), dtype=tf.float32)

    def draw(self, z: tf.Tensor) -> tf.Tensor:
        return self.head(tf.reshape(tf.reshape(z, [-1, LATENT_DIM]) @ self.w, [-1, *self.shape]))


def save(
    folder: Path,
    module: Raw,
    extra: Sequence[tf.TensorSpec] = (),
    draw: Callable[..., Any] | None = None,
    names: Sequence[str] = ("serving_default",),
    dtype: tf.DType = tf.float32,
) -> Path:
    """Save `draw(z, *extra)`, or the module's own, under the names of signatures; input `z`, output `output_0`."""
    spec = tf.TensorSpec(module.latents, dtype, name="z")
    module.function = tf.function(draw or module.draw, input_signature=[spec, *extra])
    tf.saved_model.save(module, str(folder), signatures=dict.fromkeys(names, module.function.get_concrete_function()))
    return folder


def keras_generator(activation: str = "tanh", seed: int = 0) -> keras.Model:
    """A DCGAN in small, with batch norm whose statistics are not those of a new layer."""
    keras.utils.set_random_seed(seed)
    latents = x = keras.Input([LATENT_DIM], name="noise")
    x = keras.layers.Dense(4 * 4 * 8)(x)
    x = keras.layers.Reshape([4, 4, 8])(x)
    x = keras.layers.BatchNormalization(momentum=0.1)(x)
    x = keras.layers.LeakyReLU()(x)
    x = keras.layers.Conv2DTranspose(3, 4, 2, "same", activation=activation, kernel_initializer="he_normal")(x)
    model = keras.Model(latents, x)
    model(tf.random.stateless_normal([64, LATENT_DIM], [seed, 1]) * 2.0, training=True)
    return model
