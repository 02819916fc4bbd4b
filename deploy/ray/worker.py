"""A training worker: an actor that runs one process of a run on its node; without Ray, which makes it an actor."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class Worker:
    """Starts `training` with a TF_CONFIG, and waits for it. `host` is its node's address."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    def address(self) -> str:
        """The node's address with a port of it that nobody listens at."""
        with socket.socket() as free:
            free.bind((self._host, 0))
            return f"{self._host}:{free.getsockname()[1]}"

    def run(self, order: Sequence[str], tf_config: str | None) -> int:
        """Run Python with some arguments to its end; its exit status, −n if signal n ended it."""
        environment = os.environ | ({"TF_CONFIG": tf_config} if tf_config else {})
        environment.pop("OMP_NUM_THREADS", None)  # Ray sets it to the cores that were asked for, however few
        self._process = subprocess.Popen([sys.executable, *order], env=environment)  # noqa: S603 (our own program)
        return self._process.wait()

    def stop(self) -> None:
        """Ask the process to end after its step, with a checkpoint."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def runs(self, out: str) -> list[str]:
        """The runs in a folder, as this node sees it, the oldest first."""
        folder = Path(out)
        found = folder.iterdir() if folder.is_dir() else []
        return sorted(str(path) for path in found if re.match(r"\d{5}-", path.name))

    def checkpoint(self, run: str | None) -> int:
        """When the last checkpoint of a run was written, in ns; 0 if there is none."""
        path = Path(run or "") / "checkpoints" / "checkpoint"
        return path.stat().st_mtime_ns if run and path.exists() else 0
