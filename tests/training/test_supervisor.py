import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.cluster import WORKER_LOST
from training.errors import Failed
from training.supervisor import RESTARTS, STOPPED, free_ports, supervise

ROOT = Path(__file__).parents[2]
TIMEOUT = 1200

Actor = Callable[[str], Path]
"""Makes worker processes of some lines of Python, which know `index`, `times` (starts before) and `run`."""

PRELUDE = """#!{python}
import json, os, signal, sys, time
from pathlib import Path
config, run = json.loads(os.environ["TF_CONFIG"]), Path(sys.argv[4])
index = config["task"]["index"]
started = run / f"started-{{index}}"
times = len(started.read_text().splitlines()) if started.exists() else 0
with started.open("a") as file:
    print(json.dumps([config["cluster"], sys.argv[1:]]), file=file)
def die(): os.kill(os.getpid(), signal.SIGKILL)
def lost(): time.sleep(0.3), sys.exit({lost})
"""


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Actor:
    def make(body: str) -> Path:
        script = tmp_path / "worker"
        script.write_text(PRELUDE.format(python=sys.executable, lost=WORKER_LOST) + body)
        script.chmod(0o755)
        monkeypatch.setattr("training.supervisor.sys.executable", str(script))
        monkeypatch.setattr("training.supervisor.POLL", 0.02)
        run = tmp_path / "run"
        (run / "checkpoints").mkdir(parents=True)
        return run

    return make


def starts(run: Path, index: int) -> list[list[object]]:
    return [json.loads(line) for line in (run / f"started-{index}").read_text().splitlines()]


def test_all_workers_are_told_of_each_other(actor: Actor) -> None:
    run, said = actor(""), list[str]()
    assert supervise(run, 3, 500, said.append) == 0
    told = [starts(run, index) for index in range(3)]
    assert told[0] == told[1] == told[2]
    [[cluster, arguments]] = told[0]
    assert len(set(cluster["worker"])) == 3  # type: ignore[call-overload]
    assert arguments == ["-m", "training", "resume", str(run), "--strategy", "multiworker", "--every", "500"]
    assert said == []


@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_is_killed_all_are_started_again(actor: Actor, victim: int) -> None:
    run, said = actor(f"if not times: die() if index == {victim} else lost()"), list[str]()
    assert supervise(run, 2, None, said.append) == 0
    assert [len(starts(run, index)) for index in range(2)] == [2, 2]
    assert len(said) == 1
    assert f"worker {victim} by SIGKILL" in said[0]


def test_who_does_not_notice_is_killed(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.supervisor.GRACE", 0.1)
    run = actor("if not times: die() if index else time.sleep(600)")
    begin = time.monotonic()
    assert supervise(run, 2, None, lambda _: None) == 0
    assert time.monotonic() - begin < 60


def test_workers_that_die_without_reaching_a_checkpoint_are_given_up(actor: Actor) -> None:
    run = actor("die() if index else lost()")
    with pytest.raises(Failed, match="without reaching a checkpoint"):
        supervise(run, 2, None, lambda _: None)
    assert len(starts(run, 1)) == RESTARTS + 1


def test_a_checkpoint_between_counts(actor: Actor) -> None:
    run = actor(
        f"if times < {RESTARTS + 2}:\n"
        "    if index: time.sleep(0.2), die()\n"
        "    (run / 'checkpoints' / 'checkpoint').write_text(str(times)), lost()"
    )
    assert supervise(run, 2, None, lambda _: None) == 0
    assert len(starts(run, 1)) == RESTARTS + 3


@pytest.mark.parametrize("failing", [0, 1])
def test_a_worker_that_failed_is_not_started_again(actor: Actor, failing: int) -> None:
    run = actor(f"sys.exit(1) if index == {failing} else lost()")
    with pytest.raises(Failed, match=f"worker {failing} failed with status 1"):
        supervise(run, 2, None, lambda _: None)
    assert len(starts(run, 0)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_to_the_chief(actor: Actor, number: signal.Signals) -> None:
    run = actor(
        f"for n in (2, 15): signal.signal(n, lambda n, f: sys.exit({STOPPED}) if n == {int(number)} else None)\n"
        "(run / f'ready-{index}').touch()\n"
        "time.sleep(60) if not index else time.sleep(0.5)"
    )

    def send() -> None:
        while not (run / "ready-0").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    assert supervise(run, 2, None, lambda _: None) == STOPPED
    thread.join()


def test_ports_are_free_and_different() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(1024 <= port < 65536 for port in ports)


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def index_of(process: int) -> int:
    environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    [config] = [value.partition(b"=")[2] for value in environment if value.startswith(b"TF_CONFIG=")]
    index: int = json.loads(config)["task"]["index"]
    return index


@pytest.mark.tensorflow
def test_a_run_whose_worker_is_killed_goes_on_and_every_step_is_logged_once(pictures: Path, tmp_path: Path) -> None:
    small = ["latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4", "augment=none",
             "discriminator.minibatch_stddev=2", "regulariser.every=1"]  # fmt: skip
    command = [sys.executable, "-m", "training", "fit", "--data", str(pictures), "--out", str(tmp_path),
               "--workers", "2", "--resolution", "32", "--images", "800", "--every", "80", "--holdout", "0",
               *(word for setting in small for word in ("--set", setting))]  # fmt: skip
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + TIMEOUT
        while not list(tmp_path.glob("0*/checkpoints/ckpt-20.index")) and time.monotonic() < deadline:
            time.sleep(0.05)
            assert process.poll() is None, (tmp_path / "output").read_text()
        [victim] = [child for child in children(process.pid) if index_of(child) == 1]
        os.kill(victim, signal.SIGKILL)
        assert process.wait(TIMEOUT) == 0, (tmp_path / "output").read_text()
    finally:
        process.terminate()
        process.wait()
    [run] = tmp_path.glob("0*")
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "event" not in line] == [50, 100, 150, 200]
    assert [line["event"] for line in lines if "event" in line] == ["resumed"]
    said = (tmp_path / "output").read_text()
    assert "worker 1 by SIGKILL died; all 2 begin again from the last checkpoint" in said
    assert said.count("begin again") == 1
