"""Losses and regularisers: pure functions of scores (float32 [n, 1], before any sigmoid) and images in [−1, 1]."""

from collections.abc import Callable

import tensorflow as tf

Critic = Callable[[tf.Tensor], tf.Tensor]

EPSILON = 1e-12
"""Inside the square root of a norm: its gradient at zero is not a number."""


def discriminator_loss(kind: str, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """What the discriminator minimises, a scalar.

    `non-saturating`: softplus(−D(x)) + softplus(D(G(z))), the cross entropy of Goodfellow 2014.
    `wasserstein`: E D(G(z)) − E D(x), minus the estimate of the earth mover's distance (Arjovsky 2017).
    """
    if kind == "wasserstein":
        return tf.reduce_mean(fake) - tf.reduce_mean(real)
    return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))


def generator_loss(kind: str, fake: tf.Tensor) -> tf.Tensor:
    """What the generator minimises, a scalar: −log σ(D(G(z))) = softplus(−D(G(z))), or −E D(G(z))."""
    if kind == "wasserstein":
        return -tf.reduce_mean(fake)
    return tf.reduce_mean(tf.nn.softplus(-fake))


def r1(discriminator: Critic, real: tf.Tensor) -> tf.Tensor:
    """½ E |∇D(x)|² over real images (Mescheder 2018, equation 9, without its γ)."""
    with tf.GradientTape() as tape:
        tape.watch(real)
        scores = tf.reduce_sum(discriminator(real))
    gradients = tape.gradient(scores, real)
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))


def gradient_penalty(discriminator: Critic, real: tf.Tensor, fake: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """E (|∇D(x̂)| − 1)² at x̂ = αx + (1 − α)G(z), α uniform, one a pair (Gulrajani 2017), float32 [n, 1, 1, 1]."""
    between = alpha * real + (1.0 - alpha) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = tf.reduce_sum(discriminator(between))
    gradients = tape.gradient(scores, between)
    norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + EPSILON)
    return tf.reduce_mean(tf.square(norms - 1.0))
