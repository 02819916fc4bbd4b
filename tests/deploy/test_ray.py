"""The service on a Ray cluster of two nodes on loopback, with one generator replica on each."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.ray_cluster import ENVIRONMENT, ROOT, Cluster, cluster, command, host, installed, serving
from bench.server import serving as single_process
from bundle.store import Store

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not installed(), reason="there is no .venv-ray: `make test-ray` makes it"),
]

MODELS = ROOT / "models"
SETTINGS = {"FIGMENT_MODELS": str(MODELS), "FIGMENT_MAX_BATCH": "16", "FIGMENT_DEADLINE": "300"}
PATIENCE = 900.0
GENERATOR = "ServeReplica:figment:Generator"


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
def ray(nodes: Cluster) -> Iterator[int]:
    """The port of the service on the cluster."""
    with serving(nodes, replicas=2) as port:
        yield port


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()


def worked(process: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("n", [1, 4, 17])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 2])
def test_the_pixels_are_those_of_the_single_process(ray: int, single: int, seed: int, n: int) -> None:
    path = f"/generate?n={n}&seed={seed}"
    here, there = get(single, path), get(ray, path)
    assert here[0] == there[0] == 200
    assert here[2] == there[2]  # the bytes of the file
    for name in ("etag", "figment-seeds", "figment-request", "figment-model", "cache-control"):
        assert here[1][name] == there[1][name]


def test_requests_at_the_same_time_are_spread_over_both_replicas(nodes: Cluster, ray: int, single: int) -> None:
    generators = nodes.members(GENERATOR)
    assert len(generators) == 2
    before = {process: worked(process) for process in generators}
    paths = [f"/generate?n={1 + i % 5}&seed={100 * i}" for i in range(60)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda path: get(ray, path), paths))
    assert [answer[0] for answer in answers] == [200] * len(paths)
    assert [answer[2] for answer in answers] == [get(single, path)[2] for path in paths]
    for process in generators:
        assert worked(process) - before[process] > 0.02


@pytest.mark.parametrize("path", ["/generate?n=1000", "/generate?colour=1", "/generate?model=nobody", "/nowhere"])
def test_what_is_wrong_is_said_as_the_single_process_says_it(ray: int, single: int, path: str) -> None:
    here, there = get(single, path), get(ray, path)
    assert here[0] == there[0] >= 400
    assert here[1]["content-type"] == there[1]["content-type"] == "application/problem+json"
    assert json.loads(here[2]) == json.loads(there[2])


def test_a_picture_that_the_client_has_is_not_drawn_again(ray: int) -> None:
    _, headers, _ = get(ray, "/images/9.png")
    assert get(ray, "/images/9.png", **{"If-None-Match": headers["etag"]})[0] == 304


def test_the_latent_of_a_picture_is_searched_by_the_replicas(ray: int) -> None:
    picture = get(ray, "/images/5.png")[2]
    request = urllib.request.Request(f"http://127.0.0.1:{ray}/project?steps=2", data=picture, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        found = json.load(answer)
    assert found["method"] == "gradient"
    assert found["steps"] == 2
    assert 0.0 < found["distance"] < 1.0


def test_a_replica_killed_under_load_costs_no_request(nodes: Cluster, ray: int, single: int) -> None:
    """What it had in flight is drawn by the other, and Serve starts another one in its place."""
    answers: dict[str, tuple[int, bytes]] = {}
    stop = threading.Event()

    def visit(client: int) -> None:
        for i in range(400):
            if stop.is_set():
                return
            path = f"/generate?n={1 + i % 4}&seed={10_000 * client + 8 * i}"
            status, _, body = get(ray, path)
            answers[path] = (status, body)

    clients = [threading.Thread(target=visit, args=(client,)) for client in range(12)]
    victim = nodes.members(GENERATOR)[0]
    for client in clients:
        client.start()
    wait(lambda: len(answers) > 40)
    os.kill(victim, signal.SIGKILL)
    at_kill = len(answers)
    wait(lambda: len(answers) > at_kill + 60)
    stop.set()
    for client in clients:
        client.join(PATIENCE)
    assert GENERATOR not in command(victim)
    assert {status for status, _ in answers.values()} == {200}
    for path in list(answers)[at_kill - 12 : at_kill + 24]:  # around the kill
        assert answers[path][1] == get(single, path)[2], path
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


def wait(condition: object) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
