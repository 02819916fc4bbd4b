"""What an import costs is bounded by what it imports: a time would depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "client"
HEAVY = ("httpx", "asyncio", "ssl", "socket", "email", "zipfile", "PIL", "numpy", "typing_extensions", "webbrowser")


def loaded(code: str) -> set[str]:
    """The heavy modules that are loaded after the code has run in an interpreter of its own, without site-packages."""
    script = (
        f"import sys\nsys.path.insert(0, {str(CLIENT)!r})\n{code}\nprint(*(n for n in {HEAVY!r} if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import figment_client", set()),
        ("from figment_client import Figment, AsyncFigment, Picture, FigmentError", set()),
        ("from figment_client import point_of; point_of([0.5])", set()),
        ("from figment_client import cli", set()),
    ],
)
def test_an_import_loads_neither_httpx_nor_asyncio(code: str, allowed: set[str]) -> None:
    assert loaded(code) <= allowed


def test_the_check_sees_what_is_loaded() -> None:
    assert "socket" in loaded("import socket")
