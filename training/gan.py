"""A GAN in training: two networks, two optimizers, the averaged generator, and the step that moves them."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.augment import augment
from training.layers import Spectral, class_scores
from training.losses import discriminator_loss, generator_loss, gradient_penalty, scores_and_r1
from training.networks import build_discriminator, build_generator
from training.recipe import Adam, Optimizer, Recipe

LATENTS, AUGMENT_FAKES_FOR_G, ALPHA, FLIPS, AUGMENT_REALS, AUGMENT_FAKES = range(6)
"""The streams of random numbers of a step; each is a function of the run's seed, the step and the stream."""

Logs = dict[str, tf.Tensor]
Floats = NDArray[np.float32]


class Gan(tf.Module):
    """The whole state of a training run.

    All random numbers of step k are a function of (seed, k), so a run that was stopped and resumed draws
    what it would have drawn. With `class_shares` (the share of each class in the data, summing to 1) it is conditional:
    the first numbers of a latent choose the class, and the discriminator is told it.
    """

    def __init__(
        self, recipe: Recipe, resolution: int, channels: int, seed: int, class_shares: Sequence[float] = ()
    ) -> None:
        super().__init__()
        self.recipe, self.seed, self.class_shares = recipe, seed, tuple(class_shares)
        self.latent_dim = len(class_shares) + recipe.latent_dim
        keras.utils.set_random_seed(seed)
        shape = (resolution, channels)
        self.generator = build_generator(recipe, *shape, class_shares)
        self.ema = build_generator(recipe.model_copy(update={"precision": "float32"}), *shape, class_shares)
        self.discriminator = build_discriminator(recipe, *shape, len(class_shares))
        self.ema.set_weights(self.generator.get_weights())
        self.generator_optimizer = _optimizer(recipe.generator.optimizer, self.generator, recipe.precision)
        self.discriminator_optimizer = _optimizer(recipe.discriminator.optimizer, self.discriminator, recipe.precision)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")

    def train(self, reals: NDArray[np.uint8], step: int, rate: float, labels: NDArray[np.int32] | None = None) -> Logs:
        """One step: `n_critic` of the discriminator, then one of the generator and of the average.

        The generator learns from the images that it drew for the discriminator's last step.

        Args:
            reals: uint8 [n_critic, batch_size, height, width, channels].
            step: how many steps were made before this one.
            rate: what both learning rates are multiplied by, 0 … 1.
            labels: int32 [n_critic, batch_size], the classes of `reals`; None where there are none.

        Returns:
            Scalars float32: losses, mean scores and the regulariser's value where it was computed.
        """
        recipe = self.recipe
        self._set_rate(rate)
        logs: Logs = {}
        for i in range(recipe.n_critic):
            index = step * recipe.n_critic + i
            regularise = recipe.regulariser.kind != "none" and index % recipe.regulariser.every == 0
            classes = None if labels is None else tf.constant(labels[i])
            inputs = (tf.constant(reals[i]), classes, tf.constant(index, tf.int64))
            if i < recipe.n_critic - 1:
                logs |= self._discriminator_step(*inputs, regularise)
            else:
                logs |= self._joint_step(*inputs, regularise, tf.constant(self._ema_decay(step), tf.float32))
        self.step.assign(step + 1)
        return logs

    def sample(self, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
        """What the averaged generator draws: float32 [n, latent_dim] → uint8 [n, height, width, channels]."""
        images: NDArray[np.uint8] = to_uint8(self.ema(latents, training=False)).numpy()
        return images

    def scores(self, images: NDArray[np.uint8], labels: NDArray[np.int32] | None, step: int) -> dict[str, Floats]:
        """The discriminator's scores of real images, uint8 [batch_size, …], and of as many generated ones; float32."""
        index = tf.constant(step, tf.int64)
        latents = self._latents(index)
        real = [self._reals(tf.constant(images), index), None if labels is None else self._one_hot(tf.constant(labels))]
        fake = [
            self._augmented(self.generator(latents, training=False), index, AUGMENT_FAKES),
            self._classes_of(latents),
        ]
        scored = (self.discriminator(x if self.class_shares else x[0], training=False) for x in (real, fake))
        return dict(zip(("real", "fake"), (scores.numpy() for scores in scored), strict=True))

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

    def _part(self) -> tuple[int, int]:
        """Which part of a batch is computed here, of how many equal ones (`distribute.Replica` has others)."""
        return 0, 1

    def _own(self, rows: tf.Tensor) -> tf.Tensor:
        """That part of the rows of a whole batch."""
        part, parts = self._part()
        return rows if parts == 1 else tf.split(rows, parts)[part]

    def _gathered(self, rows: tf.Tensor) -> tf.Tensor:
        """The rows of all parts."""
        return rows

    def _apply(self, optimizer: keras.optimizers.Optimizer, gradients: list[tf.Tensor], network: keras.Model) -> None:
        """One step of the optimizer, with the mean of all parts' gradients."""
        optimizer.apply(gradients, network.trainable_variables)

    def _stream(self, index: tf.Tensor, stream: int) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed * 8 + stream, tf.int64), index])

    def _latents(self, index: tf.Tensor) -> tf.Tensor:
        shape = [self.recipe.batch_size, self.latent_dim]
        return self._own(tf.random.stateless_normal(shape, self._stream(index, LATENTS), alg="philox"))

    def _classes_of(self, latents: tf.Tensor) -> tf.Tensor | None:
        if not self.class_shares:
            return None
        return tf.one_hot(tf.argmax(class_scores(latents, self.class_shares), axis=1), len(self.class_shares))

    def _reals(self, images: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        reals = tf.cast(self._own(images), tf.float32) / 127.5 - 1.0
        if self.recipe.flip:
            coins = self._uniform(images.shape[0], index, FLIPS)
            reals = tf.where(coins < 0.5, reals, tf.reverse(reals, axis=[2]))
        return self._augmented(reals, index, AUGMENT_REALS)

    def _augmented(self, images: tf.Tensor, index: tf.Tensor, stream: int) -> tf.Tensor:
        return augment(images, self.recipe.augment, self._stream(index, stream), *self._part())

    def _uniform(self, count: int, index: tf.Tensor, stream: int) -> tf.Tensor:
        """A number 0 … 1 for each image of a batch of `count`: those of the part that is computed here."""
        return self._own(tf.random.stateless_uniform([count, 1, 1, 1], self._stream(index, stream), alg="philox"))

    def _scores(self, images: tf.Tensor, classes: tf.Tensor | None) -> tf.Tensor:
        return self.discriminator(images if classes is None else [images, classes], training=True)

    @tf.function
    def _discriminator_step(self, images: tf.Tensor, labels: tf.Tensor, index: tf.Tensor, regularise: bool) -> Logs:
        latents = self._latents(index)
        fakes = self.generator(latents, training=True)
        return self._update_discriminator(images, labels, fakes, self._classes_of(latents), index, regularise)

    @tf.function
    def _joint_step(
        self, images: tf.Tensor, labels: tf.Tensor, index: tf.Tensor, regularise: bool, ema_decay: tf.Tensor
    ) -> Logs:
        latents = self._latents(index)
        classes, reals = self._classes_of(latents), None
        with tf.GradientTape() as tape:
            fakes = self.generator(latents, training=True)
            with tape.stop_recording():
                logs = self._update_discriminator(images, labels, fakes, classes, index, regularise)
                if self.recipe.loss == "relativistic":
                    reals = self._scores(self._reals(images, index), self._one_hot(labels))
            scores = self._scores(self._augmented(fakes, index, AUGMENT_FAKES_FOR_G), classes)
            loss = logs["loss_g"] = generator_loss(self.recipe.loss, scores, reals)
            scaled = self.generator_optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.generator.trainable_variables)
        self._apply(self.generator_optimizer, gradients, self.generator)
        for average, value in zip(self.ema.variables, self.generator.variables, strict=True):
            average.assign(ema_decay * average + (1.0 - ema_decay) * value)  # batch-norm statistics too
        return logs

    def _one_hot(self, labels: tf.Tensor) -> tf.Tensor | None:
        return tf.one_hot(self._own(labels), len(self.class_shares)) if self.class_shares else None

    def _update_discriminator(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        fakes: tf.Tensor,
        classes: tf.Tensor | None,
        index: tf.Tensor,
        regularise: bool,
    ) -> Logs:
        recipe, discriminator = self.recipe, self.discriminator
        for layer in discriminator.layers:
            if isinstance(layer, Spectral):
                layer.iterate()
        reals, real_classes = self._reals(images, index), self._one_hot(labels)
        fakes = self._augmented(fakes, index, AUGMENT_FAKES)
        logs, kind = {}, recipe.regulariser.kind if regularise else "none"
        with tf.GradientTape() as tape:
            real_scores, penalty = self._scores_and_r1(reals, real_classes, kind in ("r1", "r1+r2"))
            fake_scores, r2 = self._scores_and_r1(fakes, classes, kind == "r1+r2")
            loss = logs["loss_d"] = discriminator_loss(recipe.loss, real_scores, fake_scores)
            if kind == "gradient-penalty":
                penalty = self._gradient_penalty(reals, real_classes, fakes, index)
            if kind != "none":
                logs[kind] = penalty + r2
                loss += logs[kind] * recipe.regulariser.weight * recipe.regulariser.every
            loss = self.discriminator_optimizer.scale_loss(loss)
        variables = discriminator.trainable_variables
        self._apply(self.discriminator_optimizer, tape.gradient(loss, variables), discriminator)
        if recipe.discriminator.clip:
            logs["clipped_share"] = clip(variables, recipe.discriminator.clip)
        if recipe.loss == "wasserstein":
            logs["earth_movers_distance"] = -logs["loss_d"]
        return logs | {
            "score_real": tf.reduce_mean(real_scores),
            "score_fake": tf.reduce_mean(fake_scores),
            "score_spread": tf.math.reduce_std(self._gathered(tf.concat([real_scores, fake_scores], axis=0))),
        }

    def _scores_and_r1(
        self, images: tf.Tensor, classes: tf.Tensor | None, sloped: bool
    ) -> tuple[tf.Tensor, tf.Tensor | float]:
        """The scores, and where asked for, half the mean square of their slopes, else 0."""
        if not sloped:
            return self._scores(images, classes), 0.0
        return scores_and_r1(lambda x: self._scores(x, classes), images)

    def _gradient_penalty(
        self, reals: tf.Tensor, real_classes: tf.Tensor | None, fakes: tf.Tensor, index: tf.Tensor
    ) -> tf.Tensor:
        alpha = self._uniform(self.recipe.batch_size, index, ALPHA)
        return gradient_penalty(lambda x: self._scores(x, real_classes), reals, fakes, alpha)


def clip(variables: list[keras.Variable], bound: float) -> tf.Tensor:
    """Keep every number within ± bound (Arjovsky 2017, algorithm 1); returns the share of those at the bound."""
    at_bound, count = tf.constant(0.0), 0
    for variable in variables:
        at_bound += tf.reduce_sum(tf.cast(tf.abs(variable.value) >= bound, tf.float32))
        count += math.prod(variable.shape)
        variable.assign(tf.clip_by_value(variable.value, -bound, bound))
    return at_bound / count


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """[−1, 1] → 0 … 255, rounded to the nearest: round((x + 1) · 127.5), clipped."""
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def _optimizer(settings: Optimizer, network: keras.Model, precision: str) -> keras.optimizers.Optimizer:
    if isinstance(settings, Adam):
        optimizer = keras.optimizers.Adam(settings.learning_rate, settings.beta_1, settings.beta_2, epsilon=1e-8)
    else:
        optimizer = keras.optimizers.RMSprop(settings.learning_rate, settings.rho)
    if precision == "float16":  # small gradients would be 0
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer
