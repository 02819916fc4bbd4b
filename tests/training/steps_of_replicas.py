"""A process of the tests: a few steps of some recipes on the replicas of a strategy; the chief writes the losses.

python steps_of_replicas.py STRATEGY OUT; a worker of a cluster reads TF_CONFIG.
"""

import json
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.dataset import DataFacts, ImageSet
from training.errors import Failed
from training.recipe import load_recipe
from training.run import RunSettings
from training.signals import stop_signals

if TYPE_CHECKING:
    from training.batches import Batches
    from training.distribute import Replicas
    from training.gan import Gan

Batch = tuple[NDArray[np.uint8], NDArray[np.int32] | None]
STEPS, COUNT, SIDE = 6, 40, 32
SMALL = ["latent_dim=8", "batch_size=8", "ema_half_life=100", "generator.width=4", "discriminator.width=4", "flip=true",
         "augment=none"]  # fmt: skip
CASES = {
    "ns": [
        "augment=translation+colour",
        "discriminator.minibatch_stddev=2",
        "discriminator.norm=batch",
        "regulariser.every=1",
    ],
    "wgan-gp": ["n_critic=2"],
}
"""Batch norm in both networks, second derivatives through it, groups, classes (ns); the penalty, two steps (wgan)."""
COMPLETE = "wgan-gp"
"""The one whose run is said to be complete; the other is said to be stopped."""


def settings_of(name: str, seed: int = 3) -> RunSettings:
    recipe = load_recipe(name, SMALL + CASES[name])
    shares = (0.25, 0.75) if name == "ns" else ()
    return RunSettings(
        recipe=recipe, resolution=SIDE, channels=3, images=1000, seed=seed, source="", cache="", name="noise",
        license="", attribution="", count=COUNT, digest="", class_shares=shares, started=datetime.now(UTC),
    )  # fmt: skip


def data_of(settings: RunSettings) -> ImageSet:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, COUNT).astype(np.int32) if settings.class_shares else None
    images: NDArray[np.uint8] = random.integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8)
    return ImageSet(images, DataFacts("", COUNT, "", ()), labels)


def main(strategy: str, out: Path) -> None:
    import tensorflow as tf

    from training.batches import Batches
    from training.device import prepare
    from training.distribute import Replicas, replicas_of

    prepare()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # which takes as long as the rest
    if strategy == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    told: dict[str, object] = {}
    replicas = None
    for name in CASES:
        settings = settings_of(name)
        if replicas is None:
            replicas = replicas_of(settings, strategy)
        else:
            replicas = Replicas(settings, replicas.strategy, replicas.cluster)
        batches = Batches(data_of(settings), settings.recipe, settings.seed)
        with replicas, stop_signals() as stopped:
            if replicas.cluster.chief:
                told[name] = steps(replicas, batches)
                told["stopped"] = len(stopped)
                replicas.complete = name == COMPLETE
            else:
                batches.at = asking_to_stop(batches.at)
                told[name] = replicas.follow(batches).name
    told["refused"] = refusal(replicas)
    (out if replicas.cluster.chief else out.with_name("follower.json")).write_text(json.dumps(told))


def asking_to_stop(at: Callable[[int], Batch]) -> Callable[[int], Batch]:
    """A worker that is sent SIGTERM before the last step."""

    def ask(step: int) -> Batch:
        if step == STEPS - 1:
            signal.raise_signal(signal.SIGTERM)
        return at(step)

    return ask


def refusal(replicas: "Replicas") -> str:
    """What is said of replicas that are not equal, or, in a cluster, of a worker with another seed."""
    from training.distribute import Replicas

    try:
        if len(replicas.cluster.workers) > 1:
            Replicas(settings_of("wgan-gp", replicas.cluster.index), replicas.strategy, replicas.cluster)
        else:
            bias = replicas._others[0].discriminator.trainable_variables[-1]
            bias.assign(bias + 100.0)
            replicas.norms()
    except Failed as error:
        return str(error)
    return ""


def steps(gan: "Gan", batches: "Batches") -> list[dict[str, float]]:
    """What each of `STEPS` steps reports, the last of which are made, undone and made again; then the norms.

    Adam hardly sees the scale of a gradient, so the norms of its moments after the first step are reported too.
    """
    import tensorflow as tf

    logs: dict[int, dict[str, float]] = {}
    before = None
    for step in (*range(STEPS), *range(STEPS - 2, STEPS)):
        if step == STEPS - 2:
            if before is not None:
                gan.restore(before)
            before = gan.snapshot()
        images, labels = batches.at(step)
        logs[step] = {name: float(value) for name, value in gan.train(images, step, 0.5, labels).items()}
        if step == 0:
            for name in ("generator", "discriminator"):
                optimizer = getattr(gan, f"{name}_optimizer")
                logs[0][f"{name}_moments"] = float(tf.linalg.global_norm([v.value for v in optimizer.variables[2:]]))
    return [*logs.values(), gan.norms()]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
