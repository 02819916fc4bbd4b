"""Every block of the README is executed, on a copy of the repository with an environment of its own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

ELSEWHERE = {"make test\n", "docker compose up --build -d\n"}
"""Blocks that run elsewhere: the tests are what runs this, and the container has a test of its own."""


@dataclass(frozen=True)
class Clone:
    """A copy of what is in the repository, and the port its service listens on."""

    path: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a newcomer: no virtual environment, a free port."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIGMENT_", "VIRTUAL_ENV", "PYTHON", "MAKE"))}
        url = f"http://127.0.0.1:{self.port}"
        return kept | {"FIGMENT_PORT": str(self.port), "FIGMENT_URL": url, "FIGMENT_GRACE": "0"}

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy; fail with its output."""
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def localised(self, text: str) -> str:
        """The text with this clone's port, and with less training than a reader would want."""
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}").replace("--images 500k", "--images 128")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    path = tmp_path_factory.mktemp("clone") / "figment"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _own_images(path / "path/to/images")
    yield Clone(path, port)
    shutil.rmtree(path)


def _own_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    for seed in range(80):
        pixels = np.random.default_rng(seed).integers(0, 256, (70, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.jpg")


@pytest.fixture(scope="module")
def served(clone: Clone) -> Iterator[Clone]:
    """The clone with its service running, as the first block of the README starts it."""
    assert ("sh", "make serve\n") in BLOCKS
    log = (clone.path / "serve.log").open("w")
    command = ["make", "serve"]
    process = subprocess.Popen(
        command, cwd=clone.path, env=clone.environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        begin = time.monotonic()
        while not _ready(clone.port):
            output = (clone.path / "serve.log").read_text()
            assert process.poll() is None, output
            assert time.monotonic() - begin < 900, output
            time.sleep(0.2)
        yield clone
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) in (0, 2, -signal.SIGTERM)
        log.close()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def test_the_readme_has_blocks_of_known_languages() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}
    assert len(BLOCKS) >= 8


@pytest.mark.tensorflow
def test_every_block_runs_in_a_clean_clone(served: Clone) -> None:
    for language, block in BLOCKS:
        if block == "make serve\n" or block in ELSEWHERE:
            continue
        block = served.localised(block)
        if language == "python":
            served.run([".venv/bin/python", "-c", block])
        else:
            served.run(["bash", "-euc", block.replace("curl ", "curl --fail --silent --show-error ")])
    _check_what_they_wrote(served.path)


def _check_what_they_wrote(path: Path) -> None:
    with Image.open(path / "grid.png") as grid:
        assert grid.width == grid.height == 4 * 64
    for name, frames in (("walk.webp", 24), ("strip.png", 1), ("ada.png", 1), ("third-of-the-grid.png", 1)):
        with Image.open(path / name) as image:
            assert getattr(image, "n_frames", 1) == frames, name
    assert (path / "models/faces/1/assets.extra/manifest.json").exists()
    assert list((path / "runs/00000-images-ns/samples").glob("*.png"))


def test_every_link_to_a_file_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"
