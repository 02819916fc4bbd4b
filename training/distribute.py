"""One run on several devices: each has the whole state, computes a part of every batch, and makes the same update.

The numbers are those of one device with the same batch, within float tolerance: random numbers are drawn for the
whole batch, batch norm takes the statistics of the whole batch, and gradients are averaged over the parts before the
optimizers see them. `tf.distribute` brings the devices together: `MirroredStrategy` in one process,
`MultiWorkerMirroredStrategy` for a cluster. Variables are each replica's own, not mirrored ones: Keras 3 supports
those with `MirroredStrategy` only.

In a cluster the chief leads: before all that they do together it says what, so whatever its loop decides (rates,
measures, going back to a checkpoint) the others follow, and only the chief reads checkpoints and writes anything.
"""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.batches import Batches
from training.cluster import Cluster, Strategy, WorkerLost, check_parts, read_cluster
from training.errors import Failed
from training.gan import Gan, Logs
from training.replica import Replica
from training.run import RunSettings
from training.signals import stop_signals

DRIFT: Final = 1e-4
"""The replicas' norms may differ by that part: they are equal where the machines are of the same kind."""


class Order(IntEnum):
    """What the chief has all do next."""

    TRAIN = 1
    COPY = 2
    """Take the chief's variables."""
    COMPARE = 3
    """Compare the norms of the networks."""
    END = 4
    """End: the run is complete."""
    STOP = 5
    """End: somebody was asked to stop, and the run can be resumed."""
    FAIL = 6
    """End: the chief has failed."""


class Replicas(Replica):
    """All replicas of this process, and its part in the cluster. It is itself the first of them, and a `Gan` to others.

    Used in a `with` statement: the chief's end is that of the others.
    """

    def __init__(self, settings: RunSettings, strategy: tf.distribute.Strategy, cluster: Cluster) -> None:
        devices = strategy.extended.worker_devices
        parts, first = strategy.num_replicas_in_sync, cluster.index * len(devices)
        check_parts(settings.recipe, parts)
        self.strategy, self.cluster = strategy, cluster
        with tf.device(devices[0]):
            super().__init__(settings, first, parts)
        others = []
        for i, device in enumerate(devices[1:], 1):
            with tf.device(device):
                others.append(Replica(settings, first + i, parts))
        self._others = tuple(others)
        self._next: int | None = None  # the step before which all replicas are equal
        self._stopped: Sequence[int] = ()
        self.complete = False
        """Whether the run is; the chief says so before it ends."""
        self._check_settings(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self.cluster.chief and not isinstance(error, WorkerLost | KeyboardInterrupt):
            ending = Order.END if self.complete else Order.STOP
            self._say(ending if error is None else Order.FAIL)

    def train(self, reals: NDArray[np.uint8], step: int, rate: float, labels: NDArray[np.int32] | None = None) -> Logs:
        """One step of all replicas, the chief's; see `Gan.train`.

        Raises:
            WorkerLost: another process is gone.
        """
        if self._next != step:
            self._copy()
        if self._say(Order.TRAIN, step, rate):
            signal.raise_signal(signal.SIGTERM)  # another worker is to stop: all do, after this step
        return self._step(reals, step, rate, labels)

    def norms(self) -> dict[str, float]:
        """The norms of each network's variables, which are the same on all replicas.

        Raises:
            Failed: they are not; names the replicas.
            WorkerLost: another process is gone.
        """
        if self._next != int(self.step.numpy()):
            self._copy()
        self._say(Order.COMPARE)
        self._compare()
        return super().norms()

    def restore(self, values: list[NDArray[Any]]) -> None:
        """Set all variables to a snapshot's values; the other replicas follow."""
        super().restore(values)
        self._next = None

    def follow(self, batches: Batches) -> Order:
        """Do what the chief says, to its end; SIGTERM or Ctrl-C ask it to stop.

        Returns:
            How it ended: END, STOP or FAIL.

        Raises:
            WorkerLost: another process is gone.
            Failed: the replicas are no longer equal.
        """
        with stop_signals() as self._stopped:
            while True:
                order, step, rate, _ = self._exchange()
                match said := Order(int(order)):
                    case Order.TRAIN:
                        images, labels = batches.at(int(step))
                        self._step(images, int(step), rate, labels)
                    case Order.COPY:
                        self._take()
                    case Order.COMPARE:
                        self._compare()
                    case Order.END | Order.STOP | Order.FAIL:
                        return said

    def _step(self, reals: NDArray[np.uint8], step: int, rate: float, labels: NDArray[np.int32] | None) -> Logs:
        with _told_of_loss(self.cluster):
            logs = super().train(reals, step, rate, labels)
        self._next = step + 1
        return logs

    def _say(self, order: Order, step: int = 0, rate: float = 0.0) -> bool:
        """Tell all what is next; returns whether one of them was asked to stop."""
        return self._exchange(float(order), float(step), rate)[3] > 0

    def _exchange(self, order: float = 0.0, step: float = 0.0, rate: float = 0.0) -> list[float]:
        """What the chief says, and how many processes were asked to stop."""
        said = tf.constant([order, step, rate, float(bool(self._stopped))], tf.float64)
        heard: list[float] = self._over_workers(said)[0].numpy().tolist()
        return heard

    def _copy(self) -> None:
        self._say(Order.COPY)
        self._take()

    def _take(self) -> None:
        """All take the chief's variables."""
        own = (tf.cast(variable, tf.float64) for variable in self._all_variables())  # which holds all exactly
        values = self._over_workers(*(value if self.cluster.chief else tf.zeros_like(value) for value in own))
        for replica in (self, *self._others):
            for variable, value in zip(replica._all_variables(), values, strict=True):
                variable.assign(tf.cast(value, variable.dtype))
        self._next = int(self.step.numpy())

    def _compare(self) -> None:
        norms = np.zeros((self.parts, 3))
        for replica in (self, *self._others):
            norms[replica.rank] = list(Gan.norms(replica).values())
        norms = self._over_workers(tf.constant(norms))[0].numpy()
        spread = np.ptp(norms, axis=0)
        if (spread > DRIFT * norms.max(axis=0)).any():
            apart = ", ".join(f"{rank}: {row.tolist()}" for rank, row in enumerate(norms))
            raise Failed(
                f"the replicas are no longer equal at step {int(self.step.numpy())}; their norms of generator, average "
                f"and discriminator are {apart}. Take machines of the same kind, with the same TensorFlow"
            )

    def _check_settings(self, settings: RunSettings) -> None:
        asked = settings.model_dump_json(include={"recipe", "resolution", "channels", "seed", "digest", "holdout"})
        marks = np.zeros(len(self.cluster.workers))
        marks[self.cluster.index] = int.from_bytes(hashlib.sha256(asked.encode()).digest()[:6])
        marks = self._over_workers(tf.constant(marks))[0].numpy()
        strangers = [str(i) for i, mark in enumerate(marks) if mark != marks[0]]
        if strangers:
            raise Failed(
                f"worker {', '.join(strangers)} was started with other settings or other images than worker 0: "
                "recipe, resolution, channels, seed, images and what is held out must be the same"
            )

    @tf.function
    def _discriminator_step(self, *inputs: Any) -> Logs:  # noqa: ANN401
        return self._everywhere(Gan._discriminator_step.python_function, *inputs)

    @tf.function
    def _joint_step(self, *inputs: Any) -> Logs:  # noqa: ANN401
        return self._everywhere(Gan._joint_step.python_function, *inputs)

    def _everywhere(self, step: Callable[..., Logs], *inputs: Any) -> Logs:  # noqa: ANN401
        """Run a step on all replicas; the means of what they report."""

        def run() -> Logs:
            replica = self._here()
            logs = step(replica, *inputs)
            return dict(zip(logs, replica.mean(list(logs.values())), strict=True))

        return {name: self._first(value) for name, value in self.strategy.run(run).items()}

    def _over_workers(self, *values: tf.Tensor) -> Sequence[tf.Tensor]:
        """The sums over the processes."""
        if len(self.cluster.workers) == 1:
            return values
        with _told_of_loss(self.cluster):
            sums: Sequence[tf.Tensor] = self._sum(*values)
        return sums

    @tf.function
    def _sum(self, *values: tf.Tensor) -> list[tf.Tensor]:
        def run() -> list[tf.Tensor]:
            own = [(tf.identity if self._here() is self else tf.zeros_like)(value) for value in values]  # on the device
            context = tf.distribute.get_replica_context()
            return list(context.all_reduce(tf.distribute.ReduceOp.SUM, list(own)))

        return [self._first(value) for value in self.strategy.run(run)]

    def _here(self) -> Replica:
        """The replica of the device that is traced."""
        rank = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
        return (self, *self._others)[int(rank) % (len(self._others) + 1)]

    def _first(self, value: Any) -> tf.Tensor:  # noqa: ANN401
        return self.strategy.experimental_local_results(value)[0]

    def _set_rate(self, rate: float) -> None:
        super()._set_rate(rate)
        for replica in self._others:
            replica._set_rate(rate)


def replicas_of(settings: RunSettings, strategy: Strategy) -> Replicas:
    """The replicas of a run, as they are before its first step; in a cluster it waits for the other processes.

    To be called after `device.prepare` and before any other use of TensorFlow.

    Raises:
        Failed: there are not the devices that the strategy is for, TF_CONFIG cannot be used, the batch cannot be cut
            into equal parts, or the processes were started for different things.
        WorkerLost: another process is gone.
    """
    if strategy == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise Failed(f"--strategy mirrored is for several GPUs in this machine; there is {_number_of_gpus()}")
        return Replicas(settings, tf.distribute.MirroredStrategy([d.name for d in devices]), Cluster(("",), 0))
    cluster = read_cluster(os.environ)
    _take_own_gpus(cluster)
    # Without CommunicationOptions.timeout_seconds: TensorFlow puts a thread to sleep for it at every collective
    # operation, until there are no more threads. A process that is gone is noticed by its connection or its heartbeat.
    with _told_of_loss(cluster):
        return Replicas(settings, tf.distribute.MultiWorkerMirroredStrategy(), cluster)


def _take_own_gpus(cluster: Cluster) -> None:
    """Workers on one machine share its GPUs out."""
    gpus = tf.config.list_physical_devices("GPU")
    rank, workers = cluster.share_of_machine()
    if gpus and len(gpus) < workers:
        raise Failed(f"{workers} workers on this machine need a GPU each; there is {_number_of_gpus()}")
    tf.config.set_visible_devices(gpus[rank::workers][: len(gpus) // workers], "GPU")


def _number_of_gpus() -> str:
    return {0: "none", 1: "one"}.get(number := len(tf.config.list_physical_devices("GPU")), str(number))


@contextmanager
def _told_of_loss(cluster: Cluster) -> Iterator[None]:
    """What TensorFlow says when another process is gone, in words."""
    try:
        yield
    except tf.errors.OpError as error:
        gone = isinstance(error, tf.errors.UnavailableError | tf.errors.AbortedError | tf.errors.CancelledError)
        if len(cluster.workers) == 1 or not (gone or "Collective ops is aborted" in error.message):
            raise
        raise WorkerLost(f"worker {cluster.index}: another worker is gone") from error
