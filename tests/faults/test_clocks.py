"""Waits, deadlines and estimates of the service go by clocks that nobody sets."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "service"
TOLD = {"api/openai.py", "access/cli.py", "access/keys.py", "observability/tracing.py"}
"""Files that tell what day it is, or ask whether a day has come, and wait for nothing."""
OF_THE_WALL = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}


def calls(source: str) -> Iterator[tuple[str, str]]:
    """Object and name of each call of a method or of a module's function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value).rpartition(".")[2], node.func.attr


@pytest.mark.parametrize("name", [path.relative_to(SERVICE).as_posix() for path in sorted(SERVICE.rglob("*.py"))])
def test_the_service_asks_the_wall_clock_only_to_tell_it(name: str) -> None:
    found = OF_THE_WALL & set(calls((SERVICE / name).read_text(encoding="utf-8")))
    assert bool(found) == (name in TOLD), found


def test_who_asks_it_is_found() -> None:
    source = "import time, datetime\ntime.sleep(1)\nx = [datetime.datetime.now()]\ny = time.time() + 1"
    assert OF_THE_WALL & set(calls(source)) == {("time", "time"), ("datetime", "now")}
