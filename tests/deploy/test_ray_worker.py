"""The training worker of a Ray job, without Ray: a process with a TF_CONFIG."""

import json
import signal
import socket
import threading
import time
from pathlib import Path

from deploy.ray.worker import Worker
from training.cluster import Cluster

PATIENCE = 60.0


def test_its_process_is_told_of_the_cluster_and_its_status_comes_back(tmp_path: Path) -> None:
    told = Cluster(("10.0.0.1:1", "10.0.0.2:2"), 1).tf_config()
    code = f"import os; open({str(tmp_path / 'told')!r}, 'w').write(os.environ['TF_CONFIG']); raise SystemExit(75)"
    assert Worker("127.0.0.1").run(["-c", code], told) == 75
    assert json.loads((tmp_path / "told").read_text())["task"] == {"type": "worker", "index": 1}


def test_the_signal_that_ended_it_comes_back() -> None:
    assert Worker("127.0.0.1").run(["-c", "import os; os.kill(os.getpid(), 9)"], None) == -signal.SIGKILL


def test_it_is_asked_to_stop_by_a_signal(tmp_path: Path) -> None:
    worker, statuses = Worker("127.0.0.1"), list[int]()
    worker.stop()  # nothing runs yet: that is no error
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(130)); "
        f"open({str(tmp_path / 'ready')!r}, 'w'); time.sleep(600)"
    )
    thread = threading.Thread(target=lambda: statuses.append(worker.run(["-c", code], None)))
    thread.start()
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    worker.stop()
    thread.join(PATIENCE)
    assert statuses == [130]


def test_its_address_is_a_free_port_of_its_node() -> None:
    host, _, port = Worker("127.0.0.1").address().rpartition(":")
    with socket.socket() as free:
        free.bind((host, int(port)))


def test_it_tells_of_runs_and_checkpoints_on_the_storage(tmp_path: Path) -> None:
    worker = Worker("127.0.0.1")
    assert worker.runs(str(tmp_path / "nowhere")) == []
    for name in ("00001-b-ns", "00000-a-ns", "cache"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
    assert worker.runs(str(tmp_path)) == [str(tmp_path / "00000-a-ns"), str(tmp_path / "00001-b-ns")]
    assert worker.checkpoint(None) == worker.checkpoint(str(tmp_path / "00000-a-ns")) == 0
    (tmp_path / "00000-a-ns" / "checkpoints" / "checkpoint").write_text("one")
    assert worker.checkpoint(str(tmp_path / "00000-a-ns")) > 0
