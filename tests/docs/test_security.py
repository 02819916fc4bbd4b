"""The threat model names tests, and they are there; what it says by numbers is what the code has."""

import ast
import re
from pathlib import Path

import pytest

from service.access.keys import SCOPES
from service.limits.bounds import LEAST_RATE, MAX_HEADER_COUNT, MAX_HEADERS, MAX_PIPELINED, MAX_URL
from service.limits.query import MAX_PARAMETERS
from service.limits.rates import MAX_CLIENTS
from service.pictures.uploads import MAX_PIXELS, MAX_SIDE
from tests.docs.markdown import DOCS, ROOT

TEXT = (DOCS / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)))


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_each_named_test_is_there(path: str, name: str) -> None:
    found = functions(ROOT / path)
    assert name in found if name else any(each.startswith("test_") for each in found)


def test_most_threats_name_a_test() -> None:
    section = TEXT[TEXT.index("## Threats") : TEXT.index("## What is looked for")]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| can it")]
    untested = [row for row in rows if "`tests/" not in row]
    assert len(rows) > 25
    assert len(untested) <= 6, untested


@pytest.mark.parametrize(
    "words",
    [f"{MAX_URL:,} bytes", f"{MAX_HEADERS:,} bytes, {MAX_HEADER_COUNT} headers", f"{MAX_PIXELS:,}, {MAX_SIDE:,} a side",
     f"| {MAX_PARAMETERS} | 422", f"| {MAX_PIPELINED} | 400", f"{LEAST_RATE:,} bytes a second",
     f"{MAX_CLIENTS:,} clients"],
)  # fmt: skip
def test_the_limits_are_those_of_the_code(words: str) -> None:
    assert words in TEXT


def test_each_scope_is_told() -> None:
    assert all(f"| `{scope}` | " in TEXT for scope in SCOPES)
