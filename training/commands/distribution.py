"""What `fit` and `resume` share for several devices: the options, and which process does what."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from training.cluster import STRATEGIES, WORKER_LOST, Cluster, Strategy, WorkerLost, read_cluster
from training.commands.console import complain
from training.dataset import ImageSet
from training.errors import Failed
from training.run import Run, RunSettings
from training.supervisor import STOPPED

if TYPE_CHECKING:
    from training.distribute import Replicas

MOST_WORKERS = 64


def add_distribution(parser: argparse.ArgumentParser) -> None:
    """Give the parser the options of several devices."""
    group = parser.add_argument_group("several devices (docs/distributed.md)")
    group.add_argument(
        "--strategy", choices=STRATEGIES, default="one",
        help="one device (default), all GPUs of this machine, or all workers that TF_CONFIG names",
    )  # fmt: skip
    group.add_argument(
        "--workers", type=_workers, default=0, metavar="N",
        help="start N multiworker processes on this machine, and start them again when one dies",
    )  # fmt: skip


def cluster_of(options: argparse.Namespace) -> Cluster:
    """The processes that train together, and which of them this one is.

    Raises:
        Failed: options that exclude each other, or a TF_CONFIG that cannot be used.
    """
    if options.workers and options.strategy != "one":
        raise Failed("--workers starts worker processes with --strategy multiworker; give one of the two")
    return read_cluster(os.environ) if options.strategy == "multiworker" else Cluster(("",), 0)


@contextmanager
def replicas_for(settings: RunSettings, strategy: Strategy) -> Iterator["Replicas | None"]:
    """The replicas of a run on the devices of a strategy; None for one device."""
    from training.distribute import replicas_of

    with nullcontext() if strategy == "one" else replicas_of(settings, strategy) as replicas:
        yield replicas


def follow(replicas: "Replicas", run: Run, data: ImageSet) -> int:
    """Train as the chief says; returns the exit status."""
    from training.batches import Batches
    from training.distribute import Order

    settings = run.settings
    ending = replicas.follow(Batches(data, settings.recipe, settings.seed))
    if ending is Order.FAIL:
        complain(f"worker {replicas.cluster.index}: the chief failed")
        return 1
    return 0 if ending is Order.END else STOPPED


def lost(error: WorkerLost) -> int:
    """Say that another worker is gone; returns the exit status."""
    complain(f"{error}; start all workers again with `resume RUN --strategy multiworker`")
    return WORKER_LOST


def _workers(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_WORKERS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers, 1 to {MOST_WORKERS}")
    return int(text)
