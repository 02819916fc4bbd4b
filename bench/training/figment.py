"""Figment's own step."""

import numpy as np

from bench.training.data import SIDE, Batches
from training.gan import Gan
from training.recipe import Recipe


class Figment:
    """`Gan.train`, as the training loop calls it."""

    def __init__(self, recipe: Recipe) -> None:
        self.gan = Gan(recipe, SIDE, 3, 0)

    def parameters(self) -> tuple[int, int]:
        generator, discriminator = (
            sum(int(np.prod(v.shape)) for v in network.trainable_variables)
            for network in (self.gan.generator, self.gan.discriminator)
        )
        return generator, discriminator

    def steps(self, batches: Batches, first: int, count: int) -> list[dict[str, float]]:
        logs = [self.gan.train(batches.at(step), step, 1.0) for step in range(first, first + count)]
        return [{"loss_d": float(log["loss_d"]), "loss_g": float(log["loss_g"])} for log in logs]


def make(recipe: Recipe) -> Figment:
    return Figment(recipe)
