"""Train one run on several nodes of a Ray cluster, and publish its bundle:

    python -m deploy.ray.train --workers 2 --out /shared/runs --publish faces --models /shared/models \\
      -- --data /shared/faces

One worker a node, each with a TF_CONFIG, as docs/distributed.md says; what follows `--` is for `training fit`.
The data, the runs and the store lie on storage that all nodes see under the same path.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import GetTimeoutError, RayActorError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from deploy.ray.rounds import GONE, Patience, orders, verdict
from deploy.ray.worker import Worker
from training.cluster import WORKER_LOST, Cluster
from training.signals import stop_signals
from training.supervisor import GRACE, STOPPED

logger = logging.getLogger("figment.ray")

PLACE: Final = 600.0
"""Seconds that the nodes may take to be there: an autoscaler may have to start them."""
POLL: Final = 0.5
"""Seconds between two looks at the workers."""


def main() -> int:
    """Train; returns the exit status: 0 done, 1 failed, 130 stopped by a signal, with a checkpoint."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parser().parse_args()
    ray.init(logging_level="warning")
    group = placement_group(
        [{"CPU": options.cpus} | ({"GPU": options.gpus} if options.gpus else {})] * options.workers,
        strategy="STRICT_SPREAD",  # one a node: the workers of a node would share its GPUs out once more
    )
    try:
        ray.get(group.ready(), timeout=PLACE)
        return Job(options, group).work()
    except GetTimeoutError:
        logger.error("there are no %d nodes with so many cores and GPUs free", options.workers)
        return 1
    finally:
        remove_placement_group(group)


class Job:
    """Rounds of all workers, until one comes to the end of the run."""

    def __init__(self, options: argparse.Namespace, group: PlacementGroup) -> None:
        self._options, self._group = options, group
        self._before: list[str] | None = None
        """The runs that were there already."""

    def work(self) -> int:
        """Train to the end, and publish."""
        patience, run = Patience(), None
        with stop_signals() as stopped:
            while True:
                with self._actors() as actors:
                    statuses = self._round(actors, run, stopped)
                with self._actors() as actors:  # a lost node's place is taken by another, which sees the same storage
                    run = run or self._new_run(actors[0])
                    following = verdict(statuses)
                    if following == "done" and run:
                        return self._publish(actors[0], run)
                    if following in ("stopped", "failed") or stopped:
                        return STOPPED if following == "stopped" or stopped else 1
                    if patience.gave_up(ray.get(actors[0].checkpoint.remote(run))):
                        logger.error("the workers were lost too often without reaching a checkpoint")
                        return 1
                logger.warning("workers ended with %s; all begin again from the last checkpoint", statuses)

    @contextmanager
    def _actors(self) -> Iterator[list[Any]]:
        """A worker in each place of the group; all end with the block."""
        places = [PlacementGroupSchedulingStrategy(self._group, i) for i in range(self._options.workers)]
        asked = {"num_cpus": self._options.cpus, "num_gpus": self._options.gpus, "max_concurrency": 4}
        find = ray.remote(num_cpus=0)(ray.util.get_node_ip_address)
        hosts = ray.get([find.options(scheduling_strategy=place).remote() for place in places], timeout=PLACE)
        actors = [
            ray.remote(Worker).options(scheduling_strategy=place, **asked).remote(host)
            for place, host in zip(places, hosts, strict=True)
        ]
        try:
            ray.get([actor.address.remote() for actor in actors], timeout=PLACE)
            if self._before is None:
                self._before = ray.get(actors[0].runs.remote(self._options.out))
            yield actors
        finally:
            for actor in actors:
                ray.kill(actor)

    def _round(self, actors: Sequence[Any], run: str | None, stopped: Sequence[int]) -> list[int]:
        addresses = tuple(ray.get([actor.address.remote() for actor in actors]))
        logger.info("workers: %s", ", ".join(addresses))
        order = orders([*self._options.arguments, "--out", self._options.out], Path(run) if run else None)
        calls = [actor.run.remote(order, Cluster(addresses, i).tf_config()) for i, actor in enumerate(actors)]
        left, told, waited = calls, False, 0.0
        while left and waited < GRACE:
            _, left = ray.wait(left, num_returns=len(left), timeout=POLL)
            waited += POLL if len(left) < len(calls) else 0.0
            if stopped and not told:
                actors[0].stop.remote()
                told = True
        return [WORKER_LOST if call in left else _status(call) for call in calls]

    def _new_run(self, chief: Any) -> str | None:  # noqa: ANN401
        found = [run for run in ray.get(chief.runs.remote(self._options.out)) if run not in (self._before or [])]
        return found[-1] if found else None

    def _publish(self, chief: Any, run: str) -> int:  # noqa: ANN401
        if not self._options.publish:
            return 0
        order = ["-m", "training", "export", run, "--name", self._options.publish, "--models", self._options.models]
        status: int = ray.get(chief.run.remote(order, None))
        return status


def _status(call: Any) -> int:  # noqa: ANN401
    try:
        status: int = ray.get(call)
    except RayActorError:
        return GONE
    return status


def parser() -> argparse.ArgumentParser:
    """The job's options."""
    top = argparse.ArgumentParser("python -m deploy.ray.train", description=(__doc__ or "").partition("\n")[0])
    top.add_argument("--workers", type=int, required=True, metavar="N", help="nodes, one worker on each")
    top.add_argument("--cpus", type=float, default=1.0, help="cores that each worker asks of its node (default: 1)")
    top.add_argument("--gpus", type=float, default=0.0, help="GPUs of each worker: all of a node's (default: 0)")
    top.add_argument("--out", required=True, help="where runs are kept, on shared storage")
    top.add_argument("--publish", metavar="NAME", help="export the run as the next version of this model")
    top.add_argument("--models", default="models", help="the store, on shared storage (default: %(default)s)")
    top.add_argument("arguments", nargs="+", help="after --: what `training fit` takes, such as --data")
    return top


if __name__ == "__main__":
    sys.exit(main())
