"""A GAN in training: two networks, two optimizers, the averaged generator, and the step that moves them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.losses import discriminator_loss, generator_loss, gradient_penalty, r1
from training.networks import build_discriminator, build_generator
from training.recipe import Optimizer, Recipe

LATENTS, FAKES_FOR_D, ALPHA, FLIPS = range(4)
"""The streams of random numbers of a step; each is a function of the run's seed, the step and the stream."""


class Gan(tf.Module):
    """The whole state of a training run.

    All random numbers of step k are a function of (seed, k), so a run that was stopped and resumed draws
    what it would have drawn.
    """

    def __init__(self, recipe: Recipe, resolution: int, channels: int, seed: int) -> None:
        super().__init__()
        self.recipe, self.seed = recipe, seed
        keras.utils.set_random_seed(seed)
        shape = (resolution, channels)
        self.generator = build_generator(recipe.generator, recipe.latent_dim, *shape)
        self.ema = build_generator(recipe.generator, recipe.latent_dim, *shape)
        self.discriminator = build_discriminator(recipe.discriminator, *shape)
        self.ema.set_weights(self.generator.get_weights())
        self.generator_optimizer = _adam(recipe.generator.optimizer, self.generator)
        self.discriminator_optimizer = _adam(recipe.discriminator.optimizer, self.discriminator)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")

    def train(self, reals: NDArray[np.uint8], step: int, rate: float) -> dict[str, tf.Tensor]:
        """One step: `n_critic` of the discriminator, then one of the generator and of the average.

        Args:
            reals: uint8 [n_critic, batch_size, height, width, channels].
            step: how many steps were made before this one.
            rate: what both learning rates are multiplied by, 0 … 1.

        Returns:
            Scalars float32: losses, mean scores and the regulariser's value where it was computed.
        """
        recipe = self.recipe
        self._set_rate(rate)
        logs: dict[str, tf.Tensor] = {}
        for i in range(recipe.n_critic):
            index = step * recipe.n_critic + i
            regularise = recipe.regulariser.kind != "none" and index % recipe.regulariser.every == 0
            logs |= self._discriminator_step(tf.constant(reals[i]), tf.constant(index, tf.int64), regularise)
        logs |= self._generator_step(tf.constant(step, tf.int64), tf.constant(self._ema_decay(step), tf.float32))
        self.step.assign(step + 1)
        return logs

    def sample(self, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
        """What the averaged generator draws: float32 [n, latent_dim] → uint8 [n, height, width, channels]."""
        images: NDArray[np.uint8] = to_uint8(self.ema(latents, training=False)).numpy()
        return images

    def state(self) -> tf.train.Checkpoint:
        """Everything that must be kept to go on as if nothing had happened."""
        return tf.train.Checkpoint(
            generator=self.generator,
            ema=self.ema,
            discriminator=self.discriminator,
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            step=self.step,
        )

    def norms(self) -> dict[str, float]:
        """The Euclidean norms of each network's variables; not finite if one of its values is not."""
        networks = (self.generator, self.ema, self.discriminator)
        names = ("generator_norm", "ema_norm", "discriminator_norm")
        norms = (tf.linalg.global_norm([v.value for v in network.variables]) for network in networks)
        return {name: float(norm) for name, norm in zip(names, norms, strict=True)}

    def snapshot(self) -> list[NDArray[Any]]:
        """The values of all variables; `restore` takes them back."""
        return [variable.numpy() for variable in self._all_variables()]

    def restore(self, values: list[NDArray[Any]]) -> None:
        """Set all variables to a snapshot's values."""
        for variable, value in zip(self._all_variables(), values, strict=True):
            variable.assign(value)

    def _all_variables(self) -> list[tf.Variable]:
        holders = (self.generator, self.ema, self.discriminator)
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        return [v.value for h in (*holders, *optimizers) for v in h.variables] + [self.step]

    def _set_rate(self, rate: float) -> None:
        self.generator_optimizer.learning_rate.assign(self.recipe.generator.optimizer.learning_rate * rate)
        self.discriminator_optimizer.learning_rate.assign(self.recipe.discriminator.optimizer.learning_rate * rate)

    def _ema_decay(self, step: int) -> float:
        """Ramped up: the half-life is never longer than a twentieth of what was seen (Karras 2020)."""
        images = self.recipe.batch_size * self.recipe.n_critic
        half_life = min(self.recipe.ema_half_life, max(step, 1) * images * 0.05)
        return float(0.5 ** (images / half_life))

    def _stream(self, index: tf.Tensor, stream: int) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed * 8 + stream, tf.int64), index])

    def _latents(self, index: tf.Tensor, stream: int) -> tf.Tensor:
        shape = [self.recipe.batch_size, self.recipe.latent_dim]
        return tf.random.stateless_normal(shape, self._stream(index, stream), alg="philox")

    def _reals(self, images: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        reals = tf.cast(images, tf.float32) / 127.5 - 1.0
        if not self.recipe.flip:
            return reals
        coins = tf.random.stateless_uniform([tf.shape(reals)[0], 1, 1, 1], self._stream(index, FLIPS), alg="philox")
        return tf.where(coins < 0.5, reals, tf.reverse(reals, axis=[2]))

    @tf.function
    def _discriminator_step(self, images: tf.Tensor, index: tf.Tensor, regularise: bool) -> Mapping[str, tf.Tensor]:
        recipe, discriminator = self.recipe, self.discriminator
        reals = self._reals(images, index)
        fakes = self.generator(self._latents(index, FAKES_FOR_D), training=True)
        logs = {}
        with tf.GradientTape() as tape:
            real_scores, fake_scores = discriminator(reals, training=True), discriminator(fakes, training=True)
            loss = logs["loss_d"] = discriminator_loss(recipe.loss, real_scores, fake_scores)
            if regularise:
                penalty = logs[recipe.regulariser.kind] = self._penalty(reals, fakes, index)
                loss += penalty * recipe.regulariser.weight * recipe.regulariser.every
        variables = discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)
        return logs | {"score_real": tf.reduce_mean(real_scores), "score_fake": tf.reduce_mean(fake_scores)}

    def _penalty(self, reals: tf.Tensor, fakes: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        def scores(images: tf.Tensor) -> tf.Tensor:
            return self.discriminator(images, training=True)

        if self.recipe.regulariser.kind == "r1":
            return r1(scores, reals)
        shape = [self.recipe.batch_size, 1, 1, 1]
        alpha = tf.random.stateless_uniform(shape, self._stream(index, ALPHA), alg="philox")
        return gradient_penalty(scores, reals, fakes, alpha)

    @tf.function
    def _generator_step(self, step: tf.Tensor, ema_decay: tf.Tensor) -> Mapping[str, tf.Tensor]:
        latents = self._latents(step, LATENTS)
        with tf.GradientTape() as tape:
            fakes = self.generator(latents, training=True)
            loss = generator_loss(self.recipe.loss, self.discriminator(fakes, training=True))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)
        for average, value in zip(self.ema.variables, self.generator.variables, strict=True):
            average.assign(ema_decay * average + (1.0 - ema_decay) * value)  # batch-norm statistics too
        return {"loss_g": loss}


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """[−1, 1] → 0 … 255, rounded to the nearest: round((x + 1) · 127.5), clipped."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def _adam(settings: Optimizer, network: keras.Model) -> keras.optimizers.Optimizer:
    optimizer = keras.optimizers.Adam(settings.learning_rate, settings.beta_1, settings.beta_2, epsilon=1e-8)
    optimizer.build(network.trainable_variables)
    return optimizer
