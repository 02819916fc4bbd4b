"""Which processes train one run together: what the environment variable TF_CONFIG says, without TensorFlow.

`TF_CONFIG` is TensorFlow's own way to describe a cluster: JSON with the addresses of all workers, the same for all,
and which of them this process is:

    {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from training.errors import Failed
from training.recipe import Recipe

Strategy = Literal["one", "mirrored", "multiworker"]
STRATEGIES: Final[tuple[Strategy, ...]] = ("one", "mirrored", "multiworker")
"""One device; all GPUs of this machine in one process; several processes, here or on several machines."""

WORKER_LOST: Final = 75
"""The exit status of a process whose peers are gone (EX_TEMPFAIL of sysexits.h): to be restarted, all of them."""

EXAMPLE: Final = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


class WorkerLost(Exception):
    """Another process of the cluster is gone; all must begin again from the last checkpoint."""


@dataclass(frozen=True)
class Cluster:
    """The workers' addresses ("host:port"), the chief's first, and which of them this process is."""

    workers: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """Whether this process writes the run's folder: the first does."""
        return self.index == 0

    def share_of_machine(self) -> tuple[int, int]:
        """Which of how many workers with this one's host name this one is."""
        hosts = [address.rpartition(":")[0] for address in self.workers]
        same = [i for i, host in enumerate(hosts) if host == hosts[self.index]]
        return same.index(self.index), len(same)

    def tf_config(self) -> str:
        """The environment variable that says so."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.workers)}, "task": task})


def read_cluster(environment: Mapping[str, str]) -> Cluster:
    """The cluster that TF_CONFIG describes.

    A task of the type `chief`, where there is one, comes before the workers.

    Raises:
        Failed: it is not set, or is not of that form; says what is wrong.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        raise Failed(f"--strategy multiworker needs the environment variable TF_CONFIG, for example {EXAMPLE}")
    try:
        config = json.loads(text)
        jobs, task = dict(config["cluster"]), config["task"]
        kind, number = str(task["type"]), int(task["index"])
        return _cluster_of(jobs, kind, number)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise Failed(f"TF_CONFIG cannot be used: {reason}; it should look like {EXAMPLE}") from error


def _cluster_of(jobs: dict[str, Any], kind: str, number: int) -> Cluster:
    strangers = sorted(set(jobs) - {"chief", "worker"})
    if strangers:
        raise ValueError(f"its cluster has {', '.join(strangers)}; there are only chief and worker here")
    tasks = [(job, i) for job in ("chief", "worker") for i in range(len(jobs.get(job, [])))]
    if (kind, number) not in tasks:
        raise ValueError(f"its task, {kind} {number}, is not in its cluster")
    workers = tuple(str(jobs[job][i]) for job, i in tasks)
    bad = [address for address in workers if not address.rpartition(":")[2].isdecimal()]
    if bad:
        raise ValueError(f"{bad[0]!r} is no address such as host0:2222")
    return Cluster(workers, tasks.index((kind, number)))


def check_parts(recipe: Recipe, parts: int) -> None:
    """Refuse a batch that cannot be cut into so many equal parts.

    Raises:
        Failed: says what batch sizes can be.
    """
    group = recipe.discriminator.minibatch_stddev
    unit = parts * max(group, 1)
    if recipe.batch_size % unit:
        why = f" and whole groups of discriminator.minibatch_stddev = {group} in each" if group else ""
        raise Failed(
            f"batch_size {recipe.batch_size} cannot be cut into {parts} equal parts{why}; "
            f"take a multiple of {unit}, such as --set batch_size={unit * math.ceil(recipe.batch_size / unit)}"
        )
