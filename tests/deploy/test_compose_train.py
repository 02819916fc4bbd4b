"""The script of docker-compose.yml's `train`, run with a stand-in for Python: it publishes the run that has ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.test_compose import SERVICES
from training.cli import parser

PYTHON = """#!{python}
import os, pathlib, signal, sys, time
with pathlib.Path(os.environ["TOLD"]).open("a") as told:
    told.write("\\t".join(sys.argv[3:]) + "\\n")
if os.environ.get("LONG"):
    def end(*_):
        print("stopped; go on with: python -m training resume /runs/00007-cats-ns")
        sys.exit(130)
    signal.signal(signal.SIGTERM, end)
    pathlib.Path(os.environ["TOLD"]).with_name("ready").touch()
    time.sleep(60)
if sys.argv[3] == "fit":
    print("done; write the bundle with: python -m training export /runs/00007-cats-ns --name NAME")
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Where the stand-in writes its arguments."""
    fake = tmp_path / "python"
    fake.write_text(PYTHON.format(python=sys.executable))
    fake.chmod(0o755)
    return tmp_path / "told"


def start(told: Path, **more: str) -> subprocess.Popen[str]:
    """The script, in a process group of its own, as the container's first process starts it."""
    service = SERVICES["train"]
    script = service["command"][0].replace("$$", "$")
    given = {"NAME": "cats", "OPTIONS": "--images 1M --flip", "TOLD": str(told), "PATH": f"{told.parent}:{os.defpath}"}
    return subprocess.Popen([*service["entrypoint"], script], env=given | more, text=True, start_new_session=True)


def calls(told: Path) -> list[list[str]]:
    return [line.split("\t") for line in told.read_text().splitlines()]


def test_the_run_that_ended_is_published(told: Path) -> None:
    assert start(told).wait(60) == 0
    fit, export = calls(told)
    assert fit == ["fit", "--data", "/data", "--name", "cats", "--images", "1M", "--flip"]
    assert export == ["export", "/runs/00007-cats-ns", "--name", "cats"]
    for arguments in (fit, export):
        parser().parse_args(arguments)


@pytest.mark.parametrize("status", [1, 2])
def test_a_run_that_fails_publishes_nothing(told: Path, status: int) -> None:
    assert start(told, STATUS=str(status)).wait(60) == status
    assert [call[0] for call in calls(told)] == ["fit"]


def test_a_stop_lets_the_run_end_by_itself(told: Path) -> None:
    """SIGTERM goes to all processes (TINI_KILL_PROCESS_GROUP); the shell waits for the run, which then ends."""
    assert "TINI_KILL_PROCESS_GROUP=1" in SERVICES["train"]["environment"]
    assert SERVICES["train"]["init"] is True
    process = start(told, LONG="1")
    end = time.monotonic() + 60
    while not told.with_name("ready").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(60) == 130
    assert [call[0] for call in calls(told)] == ["fit"]
