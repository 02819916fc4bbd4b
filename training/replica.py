"""One replica of a run's state: it computes its part of every batch and learns from all."""

import keras
import tensorflow as tf

from training.gan import Gan
from training.run import RunSettings


class Replica(Gan):
    """The state on one device; inside `strategy.run` it computes part `rank` of `parts` of every batch."""

    def __init__(self, settings: RunSettings, rank: int, parts: int) -> None:
        super().__init__(settings.recipe, settings.resolution, settings.channels, settings.seed, settings.class_shares)
        self.rank, self.parts = rank, parts
        self._alone = tf.distribute.get_strategy()
        for network in (self.generator, self.discriminator):
            for layer in network.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True

    def _part(self) -> tuple[int, int]:
        return (self.rank, self.parts) if tf.distribute.has_strategy() else (0, 1)

    def _gathered(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(rows, axis=0)

    def mean(self, values: list[tf.Tensor]) -> list[tf.Tensor]:
        """The means over all replicas."""
        means: list[tf.Tensor] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)
        return means

    def _apply(self, optimizer: keras.optimizers.Optimizer, gradients: list[tf.Tensor], network: keras.Model) -> None:
        gradients = self.mean(gradients)
        with tf.distribute.ReplicaContext(self._alone, 0):  # or Keras would sum them over the replicas again
            super()._apply(optimizer, gradients, network)
