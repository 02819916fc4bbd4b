"""The generator and the discriminator: DCGAN (Radford 2016) for square images of 32, 64 or 128 px.

Images are float32 in [−1, 1], [n, resolution, resolution, channels]; latents float32 [n, latent_dim].
"""

import keras
import tensorflow as tf

from training.recipe import DiscriminatorSettings, GeneratorSettings

RESOLUTIONS = (32, 64, 128)
BASE = 4
"""Side of the smallest feature map, px; every layer doubles or halves it."""

BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


def build_generator(settings: GeneratorSettings, latent_dim: int, resolution: int, channels: int) -> keras.Model:
    """Latents → images: dense to 4 × 4, then transposed convolutions 4 × 4 of stride 2; tanh at the end."""
    doublings = _doublings(resolution)
    filters = settings.width * 2 ** (doublings - 1)
    latents = x = keras.Input([latent_dim], name="latents")
    x = keras.layers.Dense(BASE * BASE * filters, use_bias=settings.norm == "none", kernel_initializer=_normal())(x)
    x = keras.layers.Reshape([BASE, BASE, filters])(x)
    x = _norm_relu(x, settings)
    for _ in range(doublings - 1):
        filters //= 2
        x = _up(filters, use_bias=settings.norm == "none")(x)
        x = _norm_relu(x, settings)
    x = _up(channels, use_bias=True)(x)
    images = keras.layers.Activation("tanh", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(settings: DiscriminatorSettings, resolution: int, channels: int) -> keras.Model:
    """Images → scores [n, 1], without a sigmoid: convolutions 4 × 4 of stride 2 down to 4 × 4, then dense."""
    images = x = keras.Input([resolution, resolution, channels], name="images")
    for i in range(_doublings(resolution)):
        x = keras.layers.Conv2D(settings.width * 2**i, 4, 2, "same", kernel_initializer=_normal())(x)
        if i > 0:  # Radford 2016: no norm at the discriminator's input
            x = _discriminator_norm(x, settings)
        x = keras.layers.LeakyReLU(0.2)(x)
    if settings.minibatch_stddev:
        x = MinibatchStddev(settings.minibatch_stddev)(x)
    x = keras.layers.Flatten()(x)
    scores = keras.layers.Dense(1, kernel_initializer=_normal(), name="scores")(x)
    return keras.Model(images, scores, name="discriminator")


class MinibatchStddev(keras.layers.Layer):
    """Adds one feature map: the standard deviation over a group of images, averaged (Karras 2018, section 3).

    A group is `group` consecutive rows, so the batch size must be a multiple of it.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """[n, h, w, c] → [n, h, w, c + 1]."""
        _, height, width, channels = x.shape
        grouped = tf.reshape(x, [-1, self.group, height, width, channels])
        deviation = tf.sqrt(tf.math.reduce_variance(grouped, axis=1) + 1e-8)
        spread = tf.reduce_mean(deviation, axis=[1, 2, 3])
        maps = tf.repeat(spread, self.group)[:, None, None, None] * tf.ones_like(x[..., :1])
        return tf.concat([x, maps], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape with one channel more."""
        *space, channels = input_shape
        return (*space, None if channels is None else channels + 1)


def _doublings(resolution: int) -> int:
    if resolution not in RESOLUTIONS:
        raise ValueError(f"resolution is one of {', '.join(map(str, RESOLUTIONS))} px, got {resolution}")
    return (resolution // BASE).bit_length() - 1


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(0.0, 0.02)  # Radford 2016


def _up(filters: int, use_bias: bool) -> keras.layers.Layer:
    return keras.layers.Conv2DTranspose(filters, 4, 2, "same", use_bias=use_bias, kernel_initializer=_normal())


def _norm_relu(x: keras.KerasTensor, settings: GeneratorSettings) -> keras.KerasTensor:
    if settings.norm == "batch":
        x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON)(x)
    return keras.layers.ReLU()(x)


def _discriminator_norm(x: keras.KerasTensor, settings: DiscriminatorSettings) -> keras.KerasTensor:
    match settings.norm:
        case "layer":
            return keras.layers.LayerNormalization(axis=[1, 2, 3])(x)
        case "batch":
            return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON)(x)
        case _:
            return x
