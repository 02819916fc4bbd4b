"""Losses and regularisers: pure functions of scores (float32 [n, 1], before any sigmoid) and images in [−1, 1].

D is the discriminator's score, σ the logistic function, x a real and G(z) a generated image; −log σ(s) = softplus(−s).
"""

from collections.abc import Callable

import tensorflow as tf

from training.recipe import Loss

Critic = Callable[[tf.Tensor], tf.Tensor]

EPSILON = 1e-12
"""Inside the square root of a norm: its gradient at zero is not a number."""


def discriminator_loss(kind: Loss, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """What the discriminator minimises, a scalar.

    `minimax`, `non-saturating`: −E log σ(D(x)) − E log(1 − σ(D(G(z)))), the cross entropy (Goodfellow 2014).
    `least-squares`: ½ E (D(x) − 1)² + ½ E D(G(z))² (Mao 2017, equation 9).
    `wasserstein`: E D(G(z)) − E D(x), minus the estimate of the earth mover's distance (Arjovsky 2017).
    `hinge`: E max(0, 1 − D(x)) + E max(0, 1 + D(G(z))) (Miyato 2018, equation 16).
    `relativistic`: −E log σ(D(x) − D(G(z))), each real image against one generated (Huang 2024, equation 2).
    """
    if kind == "least-squares":
        return 0.5 * tf.reduce_mean(tf.square(real - 1.0)) + 0.5 * tf.reduce_mean(tf.square(fake))
    if kind == "wasserstein":
        return tf.reduce_mean(fake) - tf.reduce_mean(real)
    if kind == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))
    if kind == "relativistic":
        return tf.reduce_mean(tf.nn.softplus(fake - real))
    return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))


def generator_loss(kind: Loss, fake: tf.Tensor, real: tf.Tensor | None = None) -> tf.Tensor:
    """What the generator minimises, a scalar; `real` scores are asked for by the relativistic loss alone.

    `minimax`: E log(1 − σ(D(G(z)))) = −E softplus(D(G(z))), which saturates where D is sure (Goodfellow 2014).
    `non-saturating`: −E log σ(D(G(z))).
    `least-squares`: ½ E (D(G(z)) − 1)².
    `wasserstein`, `hinge`: −E D(G(z)).
    `relativistic`: −E log σ(D(G(z)) − D(x)).

    Raises:
        ValueError: a relativistic loss without real scores.
    """
    if kind == "minimax":
        return -tf.reduce_mean(tf.nn.softplus(fake))
    if kind == "least-squares":
        return 0.5 * tf.reduce_mean(tf.square(fake - 1.0))
    if kind in ("wasserstein", "hinge"):
        return -tf.reduce_mean(fake)
    if kind == "relativistic":
        if real is None:
            raise ValueError("the relativistic loss compares generated with real scores; it was given no real ones")
        return tf.reduce_mean(tf.nn.softplus(real - fake))
    return tf.reduce_mean(tf.nn.softplus(-fake))


def r1(discriminator: Critic, real: tf.Tensor) -> tf.Tensor:
    """½ E |∇D(x)|² over real images (Mescheder 2018, equation 9, without its γ); over generated ones it is R2."""
    return scores_and_r1(discriminator, real)[1]


def scores_and_r1(discriminator: Critic, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The scores that the loss needs and `r1`, by one pass for both."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = discriminator(images)
        summed = tf.reduce_sum(scores)
    gradients = tape.gradient(summed, images)
    return scores, 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))


def gradient_penalty(discriminator: Critic, real: tf.Tensor, fake: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """E (|∇D(x̂)| − 1)² at x̂ = αx + (1 − α)G(z), α uniform, one a pair (Gulrajani 2017), float32 [n, 1, 1, 1]."""
    between = alpha * real + (1.0 - alpha) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = tf.reduce_sum(discriminator(between))
    gradients = tape.gradient(scores, between)
    norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + EPSILON)
    return tf.reduce_mean(tf.square(norms - 1.0))
