"""The `keras.Model.train_step` pattern of Keras's own GAN examples, run by `fit` on a `tf.data` pipeline."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.training.data import SIDE, Batches
from bench.training.peers import Networks, to_float
from training.recipe import Recipe


class KerasGan(keras.Model):
    """A model of two networks whose `train_step` moves D `n_critic` times, then G and the average."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.networks = networks
        self.index = tf.Variable(0, dtype=tf.int64, trainable=False)

    def train_step(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        nets = self.networks
        for i in range(nets.recipe.n_critic):
            reals = to_float(images[i])
            fakes = nets.generator(nets.latents(), training=True)
            regularise = tf.equal(self.index % nets.recipe.regulariser.every, 0)
            with tf.GradientTape() as tape:
                scores = nets.discriminator(fakes, training=True)
                loss_d, loss = nets.discriminator_loss(reals, fakes, scores, regularise)
            variables = nets.discriminator.trainable_variables
            nets.discriminator_optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            self.index.assign_add(1)
        with tf.GradientTape() as tape:
            fakes = nets.generator(nets.latents(), training=True)
            loss_g = nets.generator_loss(nets.discriminator(fakes, training=True))
        variables = nets.generator.trainable_variables
        nets.generator_optimizer.apply_gradients(zip(tape.gradient(loss_g, variables), variables, strict=True))
        nets.move_average()
        return {"loss_d": loss_d, "loss_g": loss_g}


class Losses(keras.callbacks.Callback):
    """Keeps the losses of every step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.seen.append({key: float(value) for key, value in (logs or {}).items()})


class KerasPattern:
    """`fit`, a round at a time."""

    def __init__(self, recipe: Recipe) -> None:
        self._networks = Networks(recipe)
        self._model = KerasGan(self._networks)
        self._model.compile()

    def parameters(self) -> tuple[int, int]:
        return self._networks.parameters()

    def steps(self, batches: Batches, first: int, count: int) -> list[dict[str, float]]:
        def generate() -> Iterator[NDArray[np.uint8]]:
            yield from (batches.at(step) for step in range(first, first + count))

        recipe = self._networks.recipe
        spec = tf.TensorSpec([recipe.n_critic, recipe.batch_size, SIDE, SIDE, 3], tf.uint8)
        data = tf.data.Dataset.from_generator(generate, output_signature=spec).prefetch(1)
        losses = Losses()
        self._model.fit(data, epochs=1, steps_per_epoch=count, shuffle=False, verbose=0, callbacks=[losses])
        return losses.seen


def make(recipe: Recipe) -> KerasPattern:
    return KerasPattern(recipe)
