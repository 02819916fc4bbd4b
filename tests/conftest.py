"""What tests of several folders need; and TensorFlow as the programs run it, before a test module imports it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bundle.environment import prepare_tensorflow

prepare_tensorflow()

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def kserve_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with KServe's client, which pins what others pin otherwise."""
    folder, uv = tmp_path_factory.mktemp("kserve") / "venv", [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [*uv, "pip", "install", "--quiet", "--python", folder, "--require-hashes"]
    done = subprocess.run(
        [*install, "-r", ROOT / "requirements" / "kserve.txt"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"KServe's client cannot be installed here: {done.stderr.strip()[-300:]}")
    return str(folder / "bin" / "python")
