"""The training Job: its script, run with a stand-in for Python, starts what it should with a TF_CONFIG that is read."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.manifests import Object, environment, only
from training.cli import parser
from training.cluster import WORKER_LOST, read_cluster

PYTHON = """#!{python}
import json, os, pathlib, signal, sys, time
place = pathlib.Path(os.environ["TOLD"])
with place.open("a") as told:
    told.write(json.dumps({{"arguments": sys.argv[1:], "tf_config": os.environ["TF_CONFIG"]}}) + "\\n")
command = sys.argv[3]
if command == "fit":
    run = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]) / "00000-trained-ns"
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.toml").touch()
if os.environ.get("LONG"):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    place.with_name("ready").touch()
    time.sleep(60)
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def job() -> Object:
    return only("Job", "train")


class Worker:
    """A pod's container: the script with a `python` that writes down how it was called."""

    def __init__(self, folder: Path, job: Object) -> None:
        self.folder, self.told = folder, folder / "told"
        (self.container,) = job["spec"]["template"]["spec"]["containers"]
        fake = folder / "bin" / "python"
        fake.parent.mkdir()
        fake.write_text(PYTHON.format(python=sys.executable))
        fake.chmod(0o755)

    def start(self, index: int, **more: str) -> subprocess.Popen[str]:
        """The script begins as the worker of that index."""
        given = environment(self.container) | {"JOB_COMPLETION_INDEX": str(index), "TOLD": str(self.told)} | more
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        shell, *options, script = self.container["command"]
        script = script.replace("/runs/", f"{self.folder}/runs/")
        return subprocess.Popen([shell, *options, script], env={"PATH": path} | given, text=True)

    def run(self, index: int, **more: str) -> int:
        return self.start(index, **more).wait(60)

    def calls(self) -> list[dict[str, Any]]:
        calls = [json.loads(line) for line in self.told.read_text().splitlines()]
        self.told.unlink()
        return calls


@pytest.fixture
def worker(tmp_path: Path, job: Object) -> Worker:
    return Worker(tmp_path, job)


@pytest.mark.parametrize("index", [0, 1, 3])
def test_training_reads_the_cluster(worker: Worker, job: Object, index: int) -> None:
    assert worker.run(index, WORKERS="4") == 0
    cluster = read_cluster({"TF_CONFIG": worker.calls()[0]["tf_config"]})
    name, spec = job["metadata"]["name"], job["spec"]["template"]["spec"]
    port = only("Service", "train")["spec"]["ports"][0]["port"]
    assert cluster.index == index
    assert cluster.workers == tuple(f"{name}-{i}.{spec['subdomain']}:{port}" for i in range(4))


def test_the_first_worker_alone_publishes(worker: Worker) -> None:
    assert [worker.run(index) for index in (0, 1)] == [0, 0]
    commands = [call["arguments"][2] for call in worker.calls()]
    assert commands == ["fit", "export", "resume"]


def test_what_has_begun_is_gone_on_with(worker: Worker) -> None:
    assert worker.run(1) == 0
    assert worker.run(1) == 0
    first, second = (call["arguments"] for call in worker.calls())
    assert (first[2], second[2]) == ("fit", "resume")
    assert second[3].endswith("/runs/trained/00000-trained-ns")


def test_training_takes_the_arguments(worker: Worker) -> None:
    for index in (1, 0):
        assert worker.run(index) == 0
    for call in worker.calls():
        options = parser().parse_args(call["arguments"][2:])
        assert getattr(options, "strategy", "multiworker") == "multiworker"


@pytest.mark.parametrize("status", [1, 2, WORKER_LOST])
def test_the_status_is_training_s_own(worker: Worker, status: int) -> None:
    assert worker.run(0, STATUS=str(status)) == status
    assert len(worker.calls()) == 1  # nothing is published


def test_sigterm_reaches_training(worker: Worker) -> None:
    process = worker.start(0, LONG="1")
    end = time.monotonic() + 60
    while not worker.told.with_name("ready").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130


def test_there_are_as_many_workers_as_the_cluster_says(job: Object) -> None:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    workers = int(environment(container)["WORKERS"])
    assert job["spec"]["completionMode"] == "Indexed"
    assert workers == job["spec"]["completions"] == job["spec"]["parallelism"]


def test_a_lost_worker_is_started_again_and_a_mistake_is_not(job: Object) -> None:
    rules = job["spec"]["podFailurePolicy"]["rules"]
    (fatal,) = [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"]
    assert fatal == [1, 2]
    assert WORKER_LOST not in fatal
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"  # or the rules would not be asked


def test_workers_find_each_other(job: Object) -> None:
    service = only("Service", "train")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True  # a worker waits for the others before it is ready
    assert job["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
    policy = only("NetworkPolicy", "train")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {2222, 53}
