"""The wheel, installed with what it needs into an empty environment of every Python it is for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from figment_client import __version__

from tests.client.fake_service import LISTING, provenance_of, written

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SCRIPT = """
import asyncio, sys
from figment_client import AsyncFigment, Figment
with Figment(sys.argv[1]) as figment:
    print([model.name for model in figment.models().models], figment.image(7).save("7.png").name)
    print([picture.seed for picture in figment.images(range(3))])
    print(figment.health(), figment.ready())
async def seed():
    async with AsyncFigment(sys.argv[1]) as figment:
        return (await figment.image(7, to="also.png")).seed
print(asyncio.run(seed()))
"""


def interpreter(version: str) -> str | None:
    """A Python of that version that runs: on the path, or one of pyenv's."""
    found = [shutil.which(f"python{version}")]
    if "PYENV_ROOT" in os.environ:
        found += map(str, sorted(Path(os.environ["PYENV_ROOT"]).glob(f"versions/{version}.*/bin/python")))
    return next((path for path in found if path is not None and runs(path, version)), None)


def runs(path: str, version: str) -> bool:
    """Whether it does, and is of that version: a pyenv shim may be there for one that is not chosen."""
    ask = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", ask], capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.strip() == version


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/models":
            self.answer("application/json", json.dumps(LISTING).encode())
            return
        points = ["0", "1", "2"] if "seeds=" in self.path else ["7"]
        name, kind = ("zip", "application/zip") if "seeds=" in self.path else ("png", "image/png")
        self.answer(kind, written(name, points, provenance_of(self.path, points, {})))

    def answer(self, media_type: str, content: bytes) -> None:
        self.send_response(200)
        seeds = "0,1,2" if "seeds=" in self.path else "7"
        origin = {"Figment-Seeds": seeds, "Figment-Model": "adventurer/3", "Figment-Request": self.path}
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(content)), **origin}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(
        ROOT / "client", folder / "client", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    )
    pip("wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("*.whl"))


def pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    if "No matching distribution found for httpx" in done.stderr:
        pytest.skip("no package index can be reached, from which httpx could be installed")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", PYTHONS)
def test_the_wheel_works_in_an_empty_environment(version: str, wheel: Path, url: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    foreign = ("PYTHON", "VIRTUAL_ENV", "FIGMENT")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {"FIGMENT_URL": url}
    subprocess.run([python, "-m", "venv", "--without-pip", "env"], cwd=tmp_path, env=own, check=True)
    bin_ = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    pip("--python", str(bin_ / "python"), "install", "--quiet", str(wheel))

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True)

    figment = str(bin_ / "figment")
    assert run(figment, "--version").stdout == f"figment-client {__version__}\n"
    done = run(figment, "image", "7", "-o", "seven.png")
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "seed 7")
    done = run(str(bin_ / "python"), "-W", "error", "-c", SCRIPT, url)
    assert done.stdout.splitlines() == ["['adventurer'] 7.png", "[0, 1, 2]", "True True", "7"], done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"env", "seven.png", "7.png", "also.png"}
    assert run(figment, "image", "7", "--show-with", "sixel").returncode == 1
