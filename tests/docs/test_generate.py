"""The generated reference is complete: each setting, command, path, parameter and status."""

from types import ModuleType
from typing import Any

import pytest

from service.settings import Settings
from tests.docs.markdown import DOCS, load
from training.cli import COMMANDS


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    return load(DOCS / "generate.py")


def test_each_setting_stands_with_its_default_and_its_reason(generate: ModuleType) -> None:
    page = generate.settings_page()
    rows = {line.split(" | ")[0].strip("| `"): line for line in page.splitlines() if line.startswith("| `")}
    assert set(rows) == {f"FIGMENT_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        row = rows[f"FIGMENT_{name.upper()}"]
        assert " ".join((field.description or "no reason").split()) in row
        assert field.default == "" or f"`{field.default}`" in row


def test_limits_of_settings_are_told(generate: ModuleType) -> None:
    page = generate.settings_page()
    assert "| ≥ 0, ≤ 65535 |" in page
    assert "| > 0, ≤ 3600 |" in page
    assert "| `auto`, `cpu`, `gpu` |" in page


def test_each_command_stands_with_its_help(generate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = generate.cli_page()
    for command in ("service", "service.access new", "training", *(f"training {name}" for name in COMMANDS)):
        assert f"# `python -m {command}`" in page
    for command in ("generate", "interpolate", "image", "models"):
        assert f"### `figment {command}`" in page
    assert page.count("usage: ") == page.count("```text")
    assert "--budget BUDGET" in page


def test_each_path_stands_with_its_parameters_and_answers(generate: ModuleType) -> None:
    document = generate.openapi()
    page = generate.http_page(document)
    assert len(document["paths"]) >= 7
    for path, item in document["paths"].items():
        for method, operation in item.items():
            section = _section(page, method, path)
            for parameter in operation.get("parameters", ()):
                where = "" if parameter["in"] == "query" else f" (in the {parameter['in']})"
                assert f"| `{parameter['name']}`{where} | " in section
            for status, answer in operation["responses"].items():
                assert f"| {status} |" in section
                assert all(f"- `{header}`" in section for header in answer.get("headers", ()))
    for schema in document["components"]["schemas"]:
        assert f"### {schema}\n" in page


def _section(page: str, method: str, path: str) -> str:
    sections = [part for part in page.split("\n## ") if part.split("`")[1:] and part.split("`")[1].endswith(f" {path}")]
    found = [part for part in sections if method.upper() in part.split("`")[1].removesuffix(path).strip().split(", ")]
    assert len(found) == 1, (method, path)
    return found[0]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 64}, "integer, 1 … 64"),
        ({"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}, "string, at least 1 long"),
        ({"type": "number", "ge": 0, "lt": 2.0}, "number, 0 … 2.0"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "list of string, at most 3 long"),
        ({"enum": ["slerp", "lerp"], "type": "string"}, "`slerp`, `lerp`"),
        ({"$ref": "#/components/schemas/Health"}, "[Health](#health)"),
        ({"type": "array", "items": {"type": "number"}}, "list of number"),
        ({}, "any value"),
    ],
)
def test_a_schema_in_words(generate: ModuleType, schema: dict[str, Any], words: str) -> None:
    assert generate._allowed(schema) == words


def test_a_bar_does_not_end_a_cell(generate: ModuleType) -> None:
    assert generate._table(("a",), [("x | y",)])[-1] == "| x \\| y |"
