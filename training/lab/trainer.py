"""Many repetitions of one recipe on a mixture in the plane, trained in one graph.

What is trained is the recipe's loss, regulariser, optimizers and steps, by the functions of `training.losses`
themselves; the networks are small and fully connected, and what belongs to the plane is in `Settings`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.lab.mixtures import Mixture
from training.lab.networks import Stacked
from training.losses import discriminator_loss, generator_loss, gradient_penalty, r1
from training.recipe import Adam, Optimizer, Recipe

DATA, SPREAD, LATENTS, ALPHA, EVALUATION, BLUR_REALS, BLUR_FAKES, STREAMS = range(8)
"""The streams of random numbers of a step."""


@dataclass(frozen=True)
class Settings:
    """What the lab sets itself, for all recipes and repetitions alike.

    Attributes:
        latent_dim: numbers of a latent, standard normal.
        width, layers: of both networks' hidden layers.
        critic_octaves, latent_octaves: waves of points and of latents that the networks see (`networks.Stacked`).
        batch_size: points of a step, of each repetition.
        steps: of the generator.
        rate: what the recipe's learning rates are multiplied by. They fall linearly to zero over the run.
        half_life: of the averaged generator, as a part of the run.
        smoothing: what the weight of R1 and R2 is multiplied by, at the start and at the end; between, it falls
            geometrically (Huang 2024 let it fall too). The penalty is on the gradient over points: a discriminator
            that tells apart neighbouring modes has gradients of about 1 over their distance, one that sees a mode of
            width σ of about 1 / σ.
        pack: points that are judged together (PacGAN: Lin et al. 2018).
        blur: the standard deviation of noise that is added to real and generated points alike before the critic
            sees them (instance noise: Sønderby et al. 2017), at the start and, falling geometrically, at the end, in
            the unit of the networks; None for none.
    """

    latent_dim: int = 2
    width: int = 64
    layers: int = 3
    critic_octaves: int = 6
    latent_octaves: int = 2
    batch_size: int = 128
    steps: int = 3_000
    rate: float = 10.0
    half_life: float = 0.01
    smoothing: tuple[float, float] = (0.03, 2e-5)
    pack: int = 1
    blur: tuple[float, float] | None = None


class Repetitions:
    """`count` independent repetitions; repetition i is the same at any count of steps at a time."""

    def __init__(self, recipe: Recipe, mixture: Mixture, settings: Settings, count: int, seed: int) -> None:
        self.recipe, self.mixture, self.settings, self.count, self.seed = recipe, mixture, settings, count, seed
        hidden = [settings.width] * settings.layers
        critic = recipe.discriminator
        sizes = [settings.latent_dim, *hidden, 2]
        self.generator, self.average = (
            Stacked(sizes, count, 2 * seed, octaves=settings.latent_octaves, residual=True) for _ in range(2)
        )
        self.critic = Stacked(
            [2 * settings.pack, *hidden, 1], count, 2 * seed + 1,
            octaves=settings.critic_octaves, norm=critic.norm, spread=critic.minibatch_stddev,
        )  # fmt: skip
        self.generator_optimizer = _optimizer(recipe.generator.optimizer, self.generator)
        self.critic_optimizer = _optimizer(critic.optimizer, self.critic)
        self.step = tf.Variable(0, dtype=tf.int64)

    def train(self, marks: Sequence[int]) -> Iterator[int]:
        """Train on, yielding the number of steps made at each of the ascending `marks`."""
        for mark in marks:
            self._run(tf.constant(mark - int(self.step), tf.int64))
            yield mark

    def samples(self, count: int) -> NDArray[np.float32]:
        """What the averaged generators draw, in the mixture's unit: float32 [repetitions, count, 2]."""
        shape, seeds = [self.count, count, self.settings.latent_dim], self._stream(EVALUATION, self.step)
        latents = tf.random.stateless_normal(shape, seeds, alg="philox")
        points: NDArray[np.float32] = (self.average(latents) * self.mixture.scale).numpy()
        return points

    @tf.function(autograph=False)
    def _run(self, steps: tf.Tensor) -> None:
        tf.while_loop(lambda i: i < steps, self._step, [tf.constant(0, tf.int64)])

    def _step(self, i: tf.Tensor) -> tf.Tensor:
        """`n_critic` steps of the critic, and one of the generator on the points of the last of them."""
        self._set_rates()
        first = self.step * self.recipe.n_critic
        for k in range(self.recipe.n_critic - 1):
            self._critic_step(self._reals(first + k), self.generator(self._latents(first + k)), first + k)
        index = first + self.recipe.n_critic - 1
        reals, latents, real = self._reals(index), self._latents(index), None
        with tf.GradientTape() as tape:
            fakes = self.generator(latents)
            with tape.stop_recording():
                self._critic_step(reals, fakes, index)
                if self.recipe.loss == "relativistic":
                    real = self._score(self._images(reals, BLUR_REALS, index))
            fake = self._score(self._images(fakes, BLUR_FAKES, index))
            loss = generator_loss(self.recipe.loss, fake, real) * self.count
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)
        decay = 0.5 ** (1.0 / (self.settings.half_life * self.settings.steps))
        for average, value in zip(self.average.variables, self.generator.variables, strict=True):
            average.assign(decay * average + (1.0 - decay) * value)
        self.step.assign_add(1)
        return i + 1

    def _critic_step(self, reals: tf.Tensor, fakes: tf.Tensor, index: tf.Tensor) -> None:
        recipe = self.recipe
        real, fake = self._images(reals, BLUR_REALS, index), self._images(fakes, BLUR_FAKES, index)
        self.critic.iterate()
        with tf.GradientTape() as tape:
            loss = discriminator_loss(recipe.loss, self._score(real), self._score(fake))
            if recipe.regulariser.kind != "none":
                due = tf.equal(index % recipe.regulariser.every, 0)
                penalty = tf.cond(due, lambda: self._penalty(real, fake, index), lambda: tf.constant(0.0))
                loss += penalty * self._weight() * recipe.regulariser.every
            loss *= self.count  # a mean over repetitions becomes a sum: each has the gradient of its own mean
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, variables), variables)
        if bound := recipe.discriminator.clip:
            for variable in variables:
                variable.assign(tf.clip_by_value(variable, -bound, bound))

    def _penalty(self, real: tf.Tensor, fake: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        match self.recipe.regulariser.kind:
            case "r1":
                return r1(self._score, real)
            case "r1+r2":
                return r1(self._score, real) + r1(self._score, fake)
        alpha = tf.random.stateless_uniform([real.shape[0], 1, 1, 1], self._stream(ALPHA, index), alg="philox")
        return gradient_penalty(self._score, real, fake, alpha)

    def _weight(self) -> tf.Tensor:
        regulariser = self.recipe.regulariser
        plane = 1.0 if regulariser.kind == "gradient-penalty" else self._falling(self.settings.smoothing)
        return regulariser.weight * plane

    def _falling(self, ends: tuple[float, float]) -> tf.Tensor:
        first, last = ends
        return first * (last / first) ** self._part()

    def _part(self) -> tf.Tensor:
        """The part of the run that is done, 0 … 1."""
        return tf.cast(self.step, tf.float32) / self.settings.steps

    def _images(self, points: tf.Tensor, stream: int, index: tf.Tensor) -> tf.Tensor:
        """Points [repetitions, rows, 2], blurred, as the images that losses know: [repetitions · packs, 1, pack, 2]."""
        if self.settings.blur:
            noise = tf.random.stateless_normal(points.shape, self._stream(stream, index), alg="philox")
            points += self._falling(self.settings.blur) * noise
        return tf.reshape(points, [-1, 1, self.settings.pack, 2])

    def _score(self, images: tf.Tensor) -> tf.Tensor:
        """Scores [n, 1] of such images."""
        return tf.reshape(self.critic(tf.reshape(images, [self.count, -1, 2 * self.settings.pack])), [-1, 1])

    def _reals(self, index: tf.Tensor) -> tf.Tensor:
        """New points of the mixture, as the networks see them: float32 [repetitions, rows, 2]."""
        rows, centres = self.settings.batch_size, tf.constant(self.mixture.centres / self.mixture.scale, tf.float32)
        chosen = tf.random.stateless_uniform(
            [self.count, rows], self._stream(DATA, index), 0, len(self.mixture.centres), tf.int32, alg="philox"
        )
        noise = tf.random.stateless_normal([self.count, rows, 2], self._stream(SPREAD, index), alg="philox")
        return tf.gather(centres, chosen) + noise * (self.mixture.sigma / self.mixture.scale)

    def _latents(self, index: tf.Tensor) -> tf.Tensor:
        shape = [self.count, self.settings.batch_size, self.settings.latent_dim]
        return tf.random.stateless_normal(shape, self._stream(LATENTS, index), alg="philox")

    def _stream(self, stream: int, index: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed * STREAMS + stream, tf.int64), index])

    def _set_rates(self) -> None:
        rate = self.settings.rate * (1.0 - self._part())
        for optimizer, own in (
            (self.generator_optimizer, self.recipe.generator.optimizer),
            (self.critic_optimizer, self.recipe.discriminator.optimizer),
        ):
            optimizer.learning_rate.assign(own.learning_rate * rate)


def _optimizer(settings: Optimizer, network: Stacked) -> keras.optimizers.Optimizer:
    """An optimizer of stacked variables: both kinds work on each number by itself, so repetitions do not meet."""
    if isinstance(settings, Adam):
        optimizer = keras.optimizers.Adam(settings.learning_rate, settings.beta_1, settings.beta_2, epsilon=1e-8)
    else:
        optimizer = keras.optimizers.RMSprop(settings.learning_rate, settings.rho)
    optimizer.build(network.trainable_variables)
    return optimizer
