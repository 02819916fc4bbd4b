"""A copy of the repository for the commands of a page, with this environment instead of one of its own.

`tests/test_readme.py` has `make` set up an environment from nothing; here the stamps say that it has been, so that the
pages' own commands are what takes the time.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import free_port
from tests.docs.markdown import ROOT

SMALL = "--images 128 --resolution 32 --set generator.width=8 --set discriminator.width=8"
SCALED = {
    "--images 500k": SMALL,
    "--images 1M": SMALL,
    "--budget 20m": SMALL,
    "[1-3000]": "[1-60]",
}
"""What a reader does at length, and a test in short."""
STAMPS = ("training", "service-cpu", "client", "dev")


@dataclass(frozen=True)
class Clone:
    """A copy of what is in the repository, and the port its service listens on."""

    path: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """Of a reader: nothing of Figment's is set but the address."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIGMENT_", "VIRTUAL_ENV", "PYTHON", "MAKE"))}
        url = f"http://127.0.0.1:{self.port}"
        own = {"FIGMENT_PORT": str(self.port), "FIGMENT_URL": url, "FIGMENT_GRACE": "0", "FIGMENT_MAX_BATCH": "16"}
        return kept | own | {"PYTHONPATH": str(self.path / "client")}

    def run(self, language: str, block: str) -> str:
        """Run a block of a page, scaled down, and return what it prints."""
        for long, short in SCALED.items():
            block = block.replace(long, short)
        block = block.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        if language == "python":
            command = [".venv/bin/python", "-c", block]
        else:
            command = ["bash", "-euo", "pipefail", "-c", block.replace("curl ", "curl --fail --silent --show-error ")]
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While its service, started as the tutorial starts it, is ready."""
        with (self.path / "serve.log").open("w") as log:
            process = subprocess.Popen(
                ["make", "serve"], cwd=self.path, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                self._wait(process)
                yield
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                assert process.wait(60) in (0, 2, -signal.SIGTERM)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        begin = time.monotonic()
        while not self.ready():
            output = (self.path / "serve.log").read_text()
            assert process.poll() is None, output
            assert time.monotonic() - begin < 300, output
            time.sleep(0.2)

    def ready(self) -> bool:
        """Whether images can be asked for."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False


def make_clone(path: Path) -> Clone:
    """Copy the repository, and let `make` think that the environment is set up."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists() and not name.startswith(("docs/", "tests/", "bench/")):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    (path / ".venv/stamps").mkdir(parents=True)
    for part in ("bin", "lib", "pyvenv.cfg"):
        (path / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    for stamp in STAMPS:
        (path / ".venv/stamps" / stamp).touch()
    return Clone(path, free_port())
