import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from tests.training.steps_of_replicas import CASES, STEPS, data_of, settings_of, steps
from training.batches import Batches
from training.cluster import Cluster
from training.gan import Gan
from training.supervisor import free_ports

pytestmark = pytest.mark.tensorflow

Steps = dict[str, list[dict[str, float]]]
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/training/steps_of_replicas.py"
TIMEOUT = 1200
"""Seconds: a process takes 10 to 40 of one processor."""

FIRST, LATER = 1e-4, 2e-2
"""Relative tolerance of losses and gradients: at the first step, and at the others, where Adam has made a step of full
size of every rounding error in a gradient that is zero, as those of weights before a batch norm are."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the steps report with two replicas in one process, in two processes, and with one device."""
    folder = tmp_path_factory.mktemp("steps")
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    with ExitStack() as stack:
        started = {"mirrored": start("mirrored", folder)}
        started |= {f"worker {i}": start("multiworker", folder, Cluster(addresses, i)) for i in range(2)}
        for process in started.values():
            stack.callback(process.wait)
            stack.callback(process.kill)
        results = {"one": one_device()}
        for name, process in started.items():
            assert process.wait(TIMEOUT) == 0, f"{name}: {process.args[-1].read_text()}"
    written = ("mirrored", "multiworker", "follower")
    return results | {name: json.loads((folder / f"{name}.json").read_text()) for name in written}


def start(strategy: str, folder: Path, cluster: Cluster | None = None) -> subprocess.Popen[bytes]:
    """The last argument names the file of what the process says."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "TF_NUM_INTRAOP_THREADS": "1"}
    environment |= {"TF_CONFIG": cluster.tf_config()} if cluster else {}
    said = folder / f"{strategy}-{cluster.index if cluster else 0}.log"
    with said.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, SCRIPT, strategy, folder / f"{strategy}.json", said],
            env=environment, stdout=output, stderr=output,
        )  # fmt: skip


def one_device() -> Steps:
    """In a discriminator under R1 the moments of batch norm are computed as the replicas do: `tf.nn.moments`, which one
    device takes, stops the gradient at the mean, so its second derivatives are off (here by 0.08 %)."""
    from keras.layers import BatchNormalization

    results = {}
    for name in CASES:
        settings = settings_of(name)
        gan = Gan(settings.recipe, settings.resolution, settings.channels, settings.seed, settings.class_shares)
        for layer in gan.discriminator.layers:
            if isinstance(layer, BatchNormalization):
                layer.synchronized = True
        results[name] = steps(gan, Batches(data_of(settings), settings.recipe, settings.seed))
    return results


@pytest.mark.parametrize("recipe", CASES)
@pytest.mark.parametrize("strategy", ["mirrored", "multiworker"])
def test_two_replicas_give_the_losses_of_one_device(told: dict[str, Any], strategy: str, recipe: str) -> None:
    ours, ones = told[strategy][recipe], told["one"][recipe]
    assert len(ours) == len(ones) == STEPS + 1  # and the norms
    for step, (our, one) in enumerate(zip(ours, ones, strict=True)):
        assert our.keys() == one.keys()
        assert our == pytest.approx(one, rel=FIRST if step == 0 else LATER, abs=FIRST if step == 0 else LATER), step


@pytest.mark.parametrize("recipe", CASES)
def test_the_losses_differ_from_step_to_step(told: dict[str, Any], recipe: str) -> None:
    losses = [step["loss_d"] for step in told["one"][recipe][:-1]]
    assert np.abs(np.diff(losses)).min() > 2 * FIRST


def test_a_worker_that_is_to_stop_stops_the_chief(told: dict[str, Any]) -> None:
    assert told["multiworker"]["stopped"] > 0
    assert told["mirrored"]["stopped"] == 0


def test_a_worker_is_told_whether_the_run_is_complete_or_stopped(told: dict[str, Any]) -> None:
    """A Kubernetes Job takes a worker that ends with 0 for one that has done its work, and never starts it again."""
    assert {name: told["follower"][name] for name in CASES} == {"ns": "STOP", "wgan-gp": "END"}


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [("mirrored", "the replicas are no longer equal at step 6"), ("multiworker", "worker 1 was started with other")],
)
def test_replicas_that_differ_are_refused(told: dict[str, Any], strategy: str, reason: str) -> None:
    assert reason in told[strategy]["refused"]
