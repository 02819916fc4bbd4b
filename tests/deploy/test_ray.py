"""The service on a Ray cluster of two nodes on loopback, with one generator replica on each."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.ray_cluster import ENVIRONMENT, ROOT, Cluster, cluster, command, host, installed, serving
from bench.server import free_port
from bench.server import serving as single_process
from bundle.store import Store
from tests.deploy.ray_load import GENERATOR, MODELS, PATIENCE, SETTINGS, Load, get, wait

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not installed(), reason="there is no .venv-ray: `make test-ray` makes it"),
]


@pytest.fixture(scope="module")
def single() -> Iterator[int]:
    """The port of the same service in one process."""
    with single_process(MODELS, SETTINGS, PATIENCE) as server:
        yield server.port


@pytest.fixture(scope="module")
def nodes(single: int) -> Iterator[Cluster]:
    with cluster(cpus=4, environment=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def ray(nodes: Cluster, metrics_port: int) -> Iterator[int]:
    """The port of the service on the cluster."""
    with serving(nodes, replicas=2, metrics_port=metrics_port) as port:
        yield port


def worked(process: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("n", [1, 4, 17])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 2])
def test_the_pixels_are_those_of_the_single_process(ray: int, single: int, seed: int, n: int) -> None:
    path = f"/generate?n={n}&seed={seed}"
    here, there = get(single, path), get(ray, path)
    assert here.status == there.status == 200
    assert here.body == there.body
    for name in ("etag", "figment-seeds", "figment-request", "figment-model", "cache-control"):
        assert here.headers[name] == there.headers[name]


def test_requests_at_the_same_time_are_spread_over_both_replicas(nodes: Cluster, ray: int, single: int) -> None:
    generators = nodes.members(GENERATOR)
    assert len(generators) == 2
    before = {process: worked(process) for process in generators}
    paths = [f"/generate?n={1 + i % 5}&seed={100 * i}" for i in range(60)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda path: get(ray, path), paths))
    assert [answer.status for answer in answers] == [200] * len(paths)
    assert [answer.body for answer in answers] == [get(single, path).body for path in paths]
    for process in generators:
        assert worked(process) - before[process] > 0.02


@pytest.mark.parametrize("path", ["/generate?n=1000", "/generate?colour=1", "/generate?model=nobody", "/nowhere"])
def test_what_is_wrong_is_said_as_the_single_process_says_it(ray: int, single: int, path: str) -> None:
    here, there = get(single, path), get(ray, path)
    assert here.status == there.status >= 400
    assert here.headers["content-type"] == there.headers["content-type"] == "application/problem+json"
    assert json.loads(here.body) == json.loads(there.body)


def test_a_picture_that_the_client_has_is_not_drawn_again(ray: int) -> None:
    headers = get(ray, "/images/9.png").headers
    assert get(ray, "/images/9.png", **{"If-None-Match": headers["etag"]}).status == 304


def test_each_generator_tells_of_its_batches_at_its_node(ray: int, metrics_port: int) -> None:
    assert get(ray, "/images/77.png").status == 200
    for node in (0, 1):
        with urllib.request.urlopen(f"http://{host(node)}:{metrics_port}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        assert "figment_ready 1.0" in text
        assert "figment_batch_seconds_count" in text


def test_the_latent_of_a_picture_is_searched_by_the_replicas(ray: int) -> None:
    picture = get(ray, "/images/5.png").body
    request = urllib.request.Request(f"http://127.0.0.1:{ray}/project?steps=2", data=picture, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        found = json.load(answer)
    assert found["method"] == "gradient"
    assert found["steps"] == 2
    assert 0.0 < found["distance"] < 1.0


def test_a_replica_killed_under_load_costs_no_request(nodes: Cluster, ray: int, single: int) -> None:
    """What it had in flight is drawn by the other, and Serve starts another one in its place."""
    victim = nodes.members(GENERATOR)[0]
    with Load(ray, 12) as load:
        load.more(40)
        os.kill(victim, signal.SIGKILL)
        at_kill = len(load.answers)
        load.more(60)
    assert GENERATOR not in command(victim)
    assert not load.failed()
    for path in list(load.answers)[at_kill - 12 : at_kill + 24]:  # around the kill
        assert load.answers[path].body == get(single, path).body, path
    wait(lambda: len(nodes.members(GENERATOR)) == 2)


def test_a_training_job_on_both_nodes_publishes_one_bundle(nodes: Cluster, tmp_path: Path) -> None:
    for i in range(20):
        pixels = np.random.RandomState(i).randint(0, 256, (32, 32, 3), np.uint8)
        (tmp_path / "faces").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "faces" / f"{i}.png")
    small = ["latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4", "augment=none",
             "discriminator.minibatch_stddev=2", "regulariser.every=1"]  # fmt: skip
    order = [ENVIRONMENT / "bin" / "python", "-m", "deploy.ray.train", "--workers", "2", "--out", tmp_path / "runs",
             "--publish", "faces", "--models", tmp_path / "models", "--", "--data", tmp_path / "faces",
             "--resolution", "32", "--images", "80", "--every", "40", "--holdout", "0",
             *(word for setting in small for word in ("--set", setting))]  # fmt: skip
    environment = nodes.environment | {"RAY_ADDRESS": nodes.address}
    done = subprocess.run(
        order, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{host(0)}:" in done.stdout
    assert f"{host(1)}:" in done.stdout
    [run] = (tmp_path / "runs").glob("0*")
    assert (run / "checkpoints" / "ckpt-20.index").exists()
    assert '"event": "resumed"' not in (run / "log.jsonl").read_text()
    assert Store(tmp_path / "models").versions("faces") == [1]
    assert Store(tmp_path / "models").open("faces").manifest.images_seen == 80
