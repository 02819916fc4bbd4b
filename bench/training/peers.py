"""What the two TensorFlow peers share: our networks of Keras's layers, losses and optimizers."""

import keras
import numpy as np
import tensorflow as tf

from bench.training.data import SIDE
from training import convolution
from training.losses import discriminator_loss, generator_loss, gradient_penalty, r1
from training.networks import build_discriminator, build_generator
from training.recipe import Recipe


class Networks:
    """Two networks, an average, two optimizers."""

    def __init__(self, recipe: Recipe) -> None:
        convolution._applies = lambda layer, inputs: False  # Keras's convolutions, as they are
        keras.utils.set_random_seed(0)
        self.recipe = recipe
        self.generator, self.average = (build_generator(recipe, SIDE, 3) for _ in range(2))
        self.discriminator = build_discriminator(recipe, SIDE, 3)
        self.average.set_weights(self.generator.get_weights())
        self.generator_optimizer = _adam(recipe.generator.optimizer)
        self.discriminator_optimizer = _adam(recipe.discriminator.optimizer)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def parameters(self) -> tuple[int, int]:
        generator, discriminator = (
            sum(int(np.prod(v.shape)) for v in network.trainable_variables)
            for network in (self.generator, self.discriminator)
        )
        return generator, discriminator

    def latents(self) -> tf.Tensor:
        return tf.random.normal([self.recipe.batch_size, self.recipe.latent_dim])

    def discriminator_loss(
        self, reals: tf.Tensor, fakes: tf.Tensor, fake_scores: tf.Tensor, regularise: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss without and with the regulariser, which is computed where `regularise` is true."""
        real_scores = self.discriminator(reals, training=True)
        loss = discriminator_loss(self.recipe.loss, real_scores, fake_scores)
        regulariser = self.recipe.regulariser
        penalty = tf.cond(regularise, lambda: self._penalty(reals, fakes), lambda: tf.constant(0.0))
        return loss, loss + penalty * regulariser.weight * regulariser.every

    def _penalty(self, reals: tf.Tensor, fakes: tf.Tensor) -> tf.Tensor:
        def scores(images: tf.Tensor) -> tf.Tensor:
            return self.discriminator(images, training=True)

        if self.recipe.regulariser.kind == "r1":
            return r1(scores, reals)
        alpha = tf.random.uniform([self.recipe.batch_size, 1, 1, 1])
        return gradient_penalty(scores, reals, fakes, alpha)

    def generator_loss(self, fake_scores: tf.Tensor) -> tf.Tensor:
        return generator_loss(self.recipe.loss, fake_scores)

    def move_average(self) -> None:
        for average, value in zip(self.average.variables, self.generator.variables, strict=True):
            average.assign(0.99 * average + 0.01 * value)


def to_float(images: tf.Tensor) -> tf.Tensor:
    """uint8 → float32 in [−1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _adam(settings: object) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(settings.learning_rate, settings.beta_1, settings.beta_2, epsilon=1e-8)  # type: ignore[attr-defined]
