"""The real service, and the raw model beside it, each in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Raw:
    """TensorFlow's own loader and a bare loop: what no server passes, but by doing two things at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._answer()

    def model(self, rows: int, seconds: float) -> float:
        """The seconds of a batch."""
        return self._ask(rows=rows, seconds=seconds, encode=False)

    def encoding(self, n: int, seconds: float) -> float:
        """The seconds of laying out and encoding a grid of n images, one after the other."""
        return self._ask(rows=n, seconds=seconds, encode=True)

    def _ask(self, **order: object) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> Any:  # noqa: ANN401
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the raw model ended with {self._process.wait()}")
        return json.loads(line)


@contextmanager
def raw_model(bundle: Path) -> Iterator[Raw]:
    """A process that has loaded a bundle's SavedModel and does nothing until it is asked."""
    command = [sys.executable, "-m", "bench.raw", str(bundle)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Raw(process)
        finally:
            process.kill()


class Server(NamedTuple):
    """Where the service answers, its process's number, and the seconds until it was ready."""

    port: int
    process: int
    ready: float


@contextmanager
def serving(models: Path, settings: Mapping[str, str] | None = None, seconds: float = 120.0) -> Iterator[Server]:
    """The real service in a process of its own, once it is ready, for which it has so many seconds."""
    port = free_port()
    given = {"FIGMENT_MODELS": str(models), "FIGMENT_PORT": str(port), "FIGMENT_LOG_LEVEL": "warning"}
    given |= {"FIGMENT_GRACE": "0"} | dict(settings or {})
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "service"], env=os.environ | given)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", process, seconds)
        yield Server(port, process.pid, time.monotonic() - begin)
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(url: str, process: "subprocess.Popen[Any]", seconds: float = 120.0) -> None:
    """Return when an address answers.

    Raises:
        RuntimeError: the process ended, or it took longer.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with {process.returncode}")
        try:
            urllib.request.urlopen(url).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"not ready after {seconds:g} s")


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
