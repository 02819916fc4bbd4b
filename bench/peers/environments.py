"""The environments of the peers, and the peers as running servers.

Each peer has a lock, requirements/peers/NAME.txt, and a server, bench/peers/serve_NAME.py. Its environment is made at
the first call and made anew when its lock has changed.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bench.peers.common import free_port

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements" / "peers"
ENVIRONMENTS = ROOT / ".venv-peers"
UV = ROOT / ".venv" / "bin" / "uv"
BASE = ROOT / ".venv" / "bin" / "python"

READY = 180.0
"""Seconds that a peer may take until it answers."""

END = 15.0
"""Seconds that a peer may take to end."""

LINES = 30
"""Of the log of a peer that did not start."""

TENSORFLOW = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
"""As the service runs it."""


class Peer(NamedTuple):
    """Another way to serve the model."""

    name: str
    path: str  # of a request for `n` images from the seed `seed` on
    note: str

    @property
    def server(self) -> Path:
        return ROOT / "bench" / "peers" / f"serve_{self.name}.py"

    @property
    def lock(self) -> Path:
        return LOCKS / f"{self.name}.txt"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("fastapi", "/generate?n={n}&seed={seed}", "FastAPI, a `def` handler, no batches"),
        Peer("litserve", "/generate?n={n}&seed={seed}", "LitServe, batches of up to 64 requests"),
        Peer("bentoml", "/generate?n={n}&seed={seed}", "BentoML, adaptive batches of up to 64 images"),
        Peer("ray", "/generate?n={n}&seed={seed}", "Ray Serve, batches of up to 64 requests"),
        Peer("mlserver", "/generate?n={n}&seed={seed}", "MLServer, adaptive batches of up to 64 requests"),
    )
}


def make_environment(name: str) -> Path:
    """Make the environment of a peer from its lock, where it does not stand already.

    Returns:
        Its Python.

    Raises:
        subprocess.CalledProcessError: uv could not make it.
    """
    lock = PEERS[name].lock
    environment = ENVIRONMENTS / name
    python = environment / "bin" / "python"
    stamp = environment / "lock.txt"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return python
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([UV, "venv", "--quiet", "--python", BASE, environment], check=True)
    # Compiled now: else the first start of a peer takes minutes, or each, where Python may not write bytecode.
    options = ["--quiet", "--require-hashes", "--compile-bytecode", "--python", python]
    subprocess.run([UV, "pip", "sync", *options, lock], check=True)
    shutil.copyfile(lock, stamp)  # the last step: an environment half made is made anew
    return python


@contextmanager
def serving_peer(name: str, encoder: str, model: Path | str) -> Iterator[int]:
    """A peer in processes of its own, once it answers with a PNG; yields its port on 127.0.0.1.

    Args:
        name: of `PEERS`.
        encoder: "pillow" or "figment".
        model: the path of a SavedModel.

    Raises:
        RuntimeError: it ended, or did not answer in time; with the last lines of its log.
    """
    peer, python, port = PEERS[name], make_environment(name), free_port()
    settings = {"MODEL": str(Path(model).absolute()), "ENCODER": encoder, "PYTHONPATH": str(ROOT), **TENSORFLOW}
    settings["PATH"] = f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(
            [python, peer.server, str(port)],
            cwd=ROOT,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # by it `_end` finds what the peer has started
        )
        try:
            trouble = _wait(process, f"http://127.0.0.1:{port}{peer.path.format(n=1, seed=0)}")
            if trouble:
                log.seek(0)
                raise RuntimeError("\n".join([f"{name} {trouble}; its log ends:", *log.read().splitlines()[-LINES:]]))
            yield port
        finally:
            _end(process)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> str:
    """Wait for a PNG; what went wrong, or nothing."""
    answer = "nothing"
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return f"ended with {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=max(1.0, deadline - time.monotonic())) as response:
                if response.headers.get_content_type() == "image/png":
                    return ""
                answer = response.headers.get_content_type()
        except (urllib.error.URLError, OSError) as error:
            answer = str(error)
        time.sleep(0.2)
    return f"did not answer with a PNG in {READY:.0f} s, but with {answer}"


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a peer with all its processes: SIGTERM to the first, then to what it left, and after a while SIGKILL."""
    deadline = time.monotonic() + END
    family, told = _family(process.pid), set[Process]()
    process.terminate()  # the first knows best in which order the others end
    while left := family & _running().keys():
        late = time.monotonic() > deadline
        if late or process.poll() is not None:
            for member in left if late else left - told:
                with suppress(ProcessLookupError):
                    os.kill(member.number, signal.SIGKILL if late else signal.SIGTERM)
            told |= left
        time.sleep(0.05)
        family |= _family(process.pid)  # some start others while they end
    process.wait()


class Process(NamedTuple):
    """A number is used again, but not with the same time of its start."""

    number: int
    start: str


def _family(first: int) -> set[Process]:
    """The processes of the session of `first`, and all that they started, in sessions of their own too."""
    running = _running()
    numbers = {process.number for process, (_, session) in running.items() if session == first}
    while more := {p.number for p, (parent, _) in running.items() if parent in numbers} - numbers:
        numbers |= more
    return {process for process in running if process.number in numbers}


def _running() -> dict[Process, tuple[int, int]]:
    """Every process that has not ended: its parent and its session, as Linux tells them."""
    processes = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended just now
            state, parent, _, session, *rest = stat.read_text(errors="replace").rpartition(")")[2].split()
            if state != "Z":
                processes[Process(int(stat.parent.name), rest[15])] = int(parent), int(session)
    return processes
