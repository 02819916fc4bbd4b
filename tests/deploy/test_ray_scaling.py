"""The service on a Ray cluster that grows and shrinks: replicas by the length of the queue, and nodes that are lost."""

import os
import signal
from collections.abc import Iterator

import pytest

from bench.ray_cluster import Cluster, cluster, family, installed, serving
from bench.server import serving as single_process
from tests.deploy.ray_load import GENERATOR, MODELS, PATIENCE, SETTINGS, Load, get, wait

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not installed(), reason="there is no .venv-ray: `make test-ray` makes it"),
]

QUICKLY = {
    "min_replicas": 1, "max_replicas": 2, "target_ongoing_requests": 4, "upscale_delay_s": 1, "downscale_delay_s": 2,
    "metrics_interval_s": 0.5, "look_back_period_s": 2,
}  # fmt: skip
"""For Generator's autoscaling_config: as in serve.yaml, in seconds instead of minutes."""
CLIENTS = 16
"""Four times what one replica should have."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with cluster(cpus=4, environment=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def ray(nodes: Cluster) -> Iterator[int]:
    """The port of the service on the cluster, with one replica as long as nobody asks much."""
    with serving(nodes, replicas=1, autoscaling=QUICKLY) as port:
        yield port


@pytest.fixture(scope="module")
def single() -> Iterator[int]:
    """The port of the same service in one process."""
    with single_process(MODELS, SETTINGS, PATIENCE) as server:
        yield server.port


def right(load: Load, single: int) -> bool:
    """Whether the last pictures are those of the single process."""
    return all(get(single, path).body == load.answers[path].body for path in list(load.answers)[-24:])


def test_a_longer_queue_brings_a_replica_and_a_shorter_one_takes_it_away(nodes: Cluster, ray: int, single: int) -> None:
    assert len(nodes.members(GENERATOR)) == 1
    with Load(ray, CLIENTS) as load:
        wait(lambda: len(nodes.members(GENERATOR)) == 2)
        load.more(100)
    assert not load.failed()
    assert right(load, single)
    with Load(ray, 1) as load:  # it is taken away under a load that one can do
        wait(lambda: len(nodes.members(GENERATOR)) == 1)
        load.more(20)
    assert not load.failed()
    assert right(load, single)


def test_a_lost_node_costs_no_request_and_another_takes_its_place(nodes: Cluster, ray: int, single: int) -> None:
    with Load(ray, CLIENTS) as load:
        wait(lambda: len(nodes.members(GENERATOR)) == 2)
        load.more(100)
        for process in family([nodes.processes[1]]):
            os.kill(process, signal.SIGKILL)
        load.more(200)
        assert len(nodes.members(GENERATOR)) == 1
    assert not load.failed(), load.failed()[:3]
    assert right(load, single)
    nodes.join()  # without a load: Ray gives a node 30 s to start
    with Load(ray, CLIENTS) as load:
        wait(lambda: len(nodes.members(GENERATOR)) == 2)
        load.more(100)
    assert not load.failed(), load.failed()[:3]
    assert right(load, single)
