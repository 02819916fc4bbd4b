"""Differentiable augmentation: the same kinds of change to real and generated images (Zhao 2020, DiffAugment).

The discriminator never sees an image as it is, so it cannot learn few images by heart; because the changes are
differentiable, the generator learns through them. Their cutout is left out: it leaks into the samples.
"""

import tensorflow as tf

from training.recipe import Augment

SHIFT = 0.125
"""The largest translation, as a share of the side (Zhao 2020)."""


def augment(images: tf.Tensor, kind: Augment, seed: tf.Tensor, part: int = 0, parts: int = 1) -> tf.Tensor:
    """Change each image at random, differently.

    Args:
        images: float32 [n, side, side, channels] in [−1, 1]; what is shifted in from outside is 0, mid-grey.
        kind: what is done; `auto` must have been decided (`Recipe.for_count`).
        seed: int64 [2]; the changes are a function of it.
        part: the images are that part of a batch; they are changed as they would be among the others.
        parts: of so many parts of n images.

    Returns:
        The same shape; colours may leave [−1, 1].
    """
    if "colour" in kind:
        images = _colour(images, tf.random.experimental.stateless_fold_in(seed, 0), part, parts)
    if "translation" in kind:
        images = _translated(images, tf.random.experimental.stateless_fold_in(seed, 1), part, parts)
    return images


def _colour(images: tf.Tensor, seed: tf.Tensor, part: int, parts: int) -> tf.Tensor:
    """Brightness ± 0.5, saturation × 0 … 2, contrast × 0.5 … 1.5, as published; an alpha channel stays."""
    random = tf.random.stateless_uniform([3, parts * tf.shape(images)[0], 1, 1, 1], seed, alg="philox")
    random = tf.split(random, parts, axis=1)[part]
    colours, alpha = images[..., :3], images[..., 3:]
    colours += random[0] - 0.5
    grey = tf.reduce_mean(colours, axis=3, keepdims=True)
    if images.shape[3] >= 3:
        colours = (colours - grey) * (2.0 * random[1]) + grey
    mean = tf.reduce_mean(colours, axis=[1, 2, 3], keepdims=True)
    colours = (colours - mean) * (random[2] + 0.5) + mean
    return tf.concat([colours, alpha], axis=3)


def _translated(images: tf.Tensor, seed: tf.Tensor, part: int, parts: int) -> tf.Tensor:
    """Shifted by whole pixels, up to an eighth of the side both ways.

    A shift of rows is a product with a matrix of zeros and ones: its gradient is one too, quick and repeatable,
    where that of a gather is a scatter.
    """
    count, side, channels = tf.shape(images)[0], images.shape[1], images.shape[3]
    most = round(side * SHIFT)
    shifts = tf.random.stateless_uniform([2, parts * count], seed, -most, most + 1, tf.int32, alg="philox")
    shifts = tf.split(shifts, parts, axis=1)[part]
    places = tf.range(side)[None, None, :] + shifts[:, :, None]
    moves = tf.one_hot(places, side, dtype=images.dtype)  # [2, n, side, side]; a row outside is all zeros
    rows = tf.matmul(moves[0], tf.reshape(images, [count, side, side * channels]))
    turned = tf.transpose(tf.reshape(rows, [count, side, side, channels]), [0, 2, 1, 3])
    columns = tf.matmul(moves[1], tf.reshape(turned, [count, side, side * channels]))
    return tf.transpose(tf.reshape(columns, [count, side, side, channels]), [0, 2, 1, 3])
