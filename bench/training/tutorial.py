"""The loop of TensorFlow's DCGAN tutorial (tensorflow.org/tutorials/generative/dcgan).

One `tf.function` with two tapes over one pass: generated images and their scores are made once, and both networks
move at the same time, so it has a pass of D less than the others. With `n_critic` above 1 the steps before
the last move D alone. The tutorial's own networks and lack of a regulariser and an average are replaced by ours.
"""

import tensorflow as tf

from bench.training.data import Batches
from bench.training.peers import Networks, to_float
from training.recipe import Recipe


class Tutorial(Networks):
    """The tutorial's `train_step`."""

    @tf.function
    def critic_step(self, images: tf.Tensor, regularise: tf.Tensor) -> None:
        reals = to_float(images)
        fakes = self.generator(self.latents(), training=True)
        with tf.GradientTape() as disc_tape:
            scores = self.discriminator(fakes, training=True)
            _, loss = self.discriminator_loss(reals, fakes, scores, regularise)
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply_gradients(zip(disc_tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def train_step(self, images: tf.Tensor, regularise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        reals = to_float(images)
        with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
            fakes = self.generator(self.latents(), training=True)
            scores = self.discriminator(fakes, training=True)
            loss_g = self.generator_loss(scores)
            with gen_tape.stop_recording():
                loss_d, regularised = self.discriminator_loss(reals, fakes, scores, regularise)
        generator, discriminator = self.generator.trainable_variables, self.discriminator.trainable_variables
        gradients_g = gen_tape.gradient(loss_g, generator)
        gradients_d = disc_tape.gradient(regularised, discriminator)
        self.generator_optimizer.apply_gradients(zip(gradients_g, generator, strict=True))
        self.discriminator_optimizer.apply_gradients(zip(gradients_d, discriminator, strict=True))
        self.move_average()
        return loss_d, loss_g

    def steps(self, batches: Batches, first: int, count: int) -> list[dict[str, float]]:
        return [self._step(batches, step) for step in range(first, first + count)]

    def _step(self, batches: Batches, step: int) -> dict[str, float]:
        n_critic, every = self.recipe.n_critic, self.recipe.regulariser.every
        *others, last = (tf.constant(images) for images in batches.at(step))
        regularise = [tf.constant((step * n_critic + i) % every == 0) for i in range(n_critic)]
        for i, images in enumerate(others):
            self.critic_step(images, regularise[i])
        loss_d, loss_g = self.train_step(last, regularise[-1])
        return {"loss_d": float(loss_d), "loss_g": float(loss_g)}


def make(recipe: Recipe) -> Tutorial:
    return Tutorial(recipe)
