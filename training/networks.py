"""The generator and the discriminator, for square images of 32, 64 or 128 px.

`dcgan` is Radford 2016: transposed convolutions up, strided convolutions down. `resnet` is SNGAN's (Miyato 2018,
tables 3 and 4): residual blocks, nearest-neighbour doubling up, average pooling down.
Images are float32 in [−1, 1], [n, resolution, resolution, channels]; latents float32 [n, latent_dim].
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras

from training.convolution import Conv2D, Conv2DTranspose
from training.layers import (
    ClassCode,
    MinibatchStddev,
    Projection,
    SpectralConv2D,
    SpectralDense,
    SpectralProjection,
    SumPooling,
)
from training.recipe import DiscriminatorSettings, GeneratorSettings, Recipe

RESOLUTIONS = (32, 64, 128)
BASE = 4
"""Side of the smallest feature map, px; every layer doubles or halves it."""
WIDEST = 16
"""A resnet block has at most so many times `width` channels."""

BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


def build_generator(recipe: Recipe, resolution: int, channels: int, class_shares: Sequence[float] = ()) -> keras.Model:
    """Latents → images in [−1, 1]. With classes, the latent's first numbers choose one (`layers.ClassCode`)."""
    settings, doublings = recipe.generator, _doublings(resolution)
    with _policy(recipe.precision):
        latents = x = keras.Input([len(class_shares) + recipe.latent_dim], name="latents")
        if class_shares:
            x = ClassCode(class_shares)(x)
        x = (_dcgan_up if recipe.network == "dcgan" else _resnet_up)(x, settings, doublings, channels)
        images = keras.layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(latents, images, name="generator")


def build_discriminator(recipe: Recipe, resolution: int, channels: int, classes: int = 0) -> keras.Model:
    """Images → scores [n, 1], without a sigmoid; with classes, [images, one-hot classes [n, classes]] → scores."""
    settings, doublings = recipe.discriminator, _doublings(resolution)
    with _policy(recipe.precision):
        inputs = images = keras.Input([resolution, resolution, channels], name="images")
        x = (_dcgan_down if recipe.network == "dcgan" else _resnet_down)(images, settings, doublings)
        features = x
        if settings.minibatch_stddev:
            x = MinibatchStddev(settings.minibatch_stddev)(x)
        x = keras.layers.Flatten()(x) if recipe.network == "dcgan" else SumPooling()(x)
        scores = _dense(settings)(1, kernel_initializer=_normal(), dtype="float32", name="scores")(x)
        if classes:
            labels = keras.Input([classes], name="classes")
            kind = SpectralProjection if settings.norm == "spectral" else Projection
            projection = kind(dtype="float32", name="projection")
            inputs, scores = [images, labels], projection([scores, features, labels])
    return keras.Model(inputs, scores, name="discriminator")


def _dcgan_up(x: keras.KerasTensor, settings: GeneratorSettings, doublings: int, channels: int) -> keras.KerasTensor:
    """Dense to 4 × 4, then transposed convolutions 4 × 4 of stride 2."""
    plain = settings.norm == "none"
    filters = settings.width * 2 ** (doublings - 1)
    x = keras.layers.Dense(BASE * BASE * filters, use_bias=plain, kernel_initializer=_normal())(x)
    x = keras.layers.Reshape([BASE, BASE, filters])(x)
    x = _norm_relu(x, settings)
    for _ in range(doublings - 1):
        filters //= 2
        x = Conv2DTranspose(filters, 4, 2, "same", use_bias=plain, kernel_initializer=_normal())(x)
        x = _norm_relu(x, settings)
    return Conv2DTranspose(channels, 4, 2, "same", kernel_initializer=_normal())(x)


def _dcgan_down(x: keras.KerasTensor, settings: DiscriminatorSettings, doublings: int) -> keras.KerasTensor:
    """Convolutions 4 × 4 of stride 2 down to 4 × 4."""
    for i in range(doublings):
        x = _conv(settings)(settings.width * 2**i, 4, 2, "same", kernel_initializer=_normal())(x)
        if i > 0:  # Radford 2016: no norm at the discriminator's input
            x = _discriminator_norm(x, settings)
        x = keras.layers.LeakyReLU(0.2)(x)
    return x


def _resnet_up(x: keras.KerasTensor, settings: GeneratorSettings, doublings: int, channels: int) -> keras.KerasTensor:
    """Dense to 4 × 4, a block for each doubling, norm, ReLU, convolution 3 × 3; `frozen` knows the layers by name."""
    filters = settings.width * min(WIDEST, 2 ** (doublings - 1))
    x = keras.layers.Dense(BASE * BASE * filters, kernel_initializer="glorot_uniform", name="dense")(x)
    x = keras.layers.Reshape([BASE, BASE, filters])(x)
    for i in range(doublings):
        x = _block_up(x, settings, settings.width * min(WIDEST, 2 ** (doublings - 1 - i)), f"block{i}")
    x = _norm_relu(x, settings, "last_norm")
    return keras.layers.Conv2D(channels, 3, padding="same", kernel_initializer="glorot_uniform", name="last_conv")(x)


def _block_up(x: keras.KerasTensor, settings: GeneratorSettings, filters: int, name: str) -> keras.KerasTensor:
    shortcut = keras.layers.Conv2D(filters, 1, kernel_initializer="glorot_uniform", name=f"{name}_shortcut")(x)
    shortcut = keras.layers.UpSampling2D(2)(shortcut)  # 1 × 1 first and then doubled: the same, and cheaper
    x = keras.layers.UpSampling2D(2)(_norm_relu(x, settings, f"{name}_norm1"))
    x = keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform", name=f"{name}_conv1")(x)
    x = _norm_relu(x, settings, f"{name}_norm2")
    x = keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform", name=f"{name}_conv2")(x)
    return keras.layers.Add()([x, shortcut])


def _resnet_down(x: keras.KerasTensor, settings: DiscriminatorSettings, doublings: int) -> keras.KerasTensor:
    """A block for each halving down to 4 × 4, ReLU."""
    for i in range(doublings):
        x = _block_down(x, settings, settings.width * min(WIDEST, 2**i), first=i == 0)
    return keras.layers.ReLU()(x)


def _block_down(x: keras.KerasTensor, settings: DiscriminatorSettings, filters: int, first: bool) -> keras.KerasTensor:
    shortcut = keras.layers.AveragePooling2D(2)(x)  # 1 × 1: pooled before, cheaper
    shortcut = _conv(settings)(filters, 1, kernel_initializer="glorot_uniform")(shortcut)
    if not first:  # the images themselves go in as they are
        x = keras.layers.ReLU()(_discriminator_norm(x, settings))
    x = _conv(settings)(filters, 3, padding="same", kernel_initializer="he_uniform")(x)
    x = keras.layers.ReLU()(_discriminator_norm(x, settings))
    x = _conv(settings)(filters, 3, padding="same", kernel_initializer="he_uniform")(x)
    return keras.layers.Add()([keras.layers.AveragePooling2D(2)(x), shortcut])


def _doublings(resolution: int) -> int:
    if resolution not in RESOLUTIONS:
        raise ValueError(f"resolution is one of {', '.join(map(str, RESOLUTIONS))} px, got {resolution}")
    return (resolution // BASE).bit_length() - 1


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Layers made inside compute in that precision and keep float32 weights."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _normal() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(0.0, 0.02)  # Radford 2016


def _conv(settings: DiscriminatorSettings) -> type[keras.layers.Layer]:
    return SpectralConv2D if settings.norm == "spectral" else Conv2D


def _dense(settings: DiscriminatorSettings) -> type[keras.layers.Layer]:
    return SpectralDense if settings.norm == "spectral" else keras.layers.Dense


def _norm_relu(x: keras.KerasTensor, settings: GeneratorSettings, name: str | None = None) -> keras.KerasTensor:
    if settings.norm == "batch":
        norm = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=name)
        x = norm(x)
    return keras.layers.ReLU()(x)


def _discriminator_norm(x: keras.KerasTensor, settings: DiscriminatorSettings) -> keras.KerasTensor:
    match settings.norm:
        case "layer":
            return keras.layers.LayerNormalization(axis=[1, 2, 3])(x)
        case "batch":
            return keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON)(x)
        case _:
            return x
