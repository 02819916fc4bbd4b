"""Write the reference pages that the code itself knows best: docs/reference/settings.md, cli.md and http.md.

`make docs` runs it before Sphinx; the pages are not kept in the repository, so they cannot be old.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from figment_client.cli import build_parser
from pydantic_core import PydanticUndefined

from bundle.store import Store
from service.access.cli import build_parser as access_parser
from service.app import create_app
from service.settings import Settings
from training.cli import parser as training_parser

REFERENCE: Final = Path(__file__).parent / "reference"
COLUMNS: Final = "100"
"""Characters to which a command's help is wrapped."""
JSON = Mapping[str, Any]
NOTHING: Final[JSON] = MappingProxyType({})
SMALLEST: Final = ("minimum", "ge", "exclusiveMinimum", "gt")
LARGEST: Final = ("maximum", "le", "exclusiveMaximum", "lt")
ALIKE: Final = ("description", "parameters", "requestBody", "responses")
"""Methods of a path that agree in these are told of together."""


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in (("settings", settings_page()), ("cli", cli_page()), ("http", http_page(openapi()))):
        (REFERENCE / f"{name}.md").write_text(page, encoding="utf-8")


def settings_page() -> str:
    """Every setting of the service, from the class that reads them."""
    rows = [
        (f"`FIGMENT_{name.upper()}`", _default(field.default), _limits(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        (
            "# Settings of the service",
            "",
            "Environment variables, read once at the start. An empty one counts as not set; a wrong one is refused",
            "by name, with exit status 2. `python -m service --help` prints the same. What compose adds is in",
            "[Deploying](../deploy.md#settings).",
            "",
            *_table(("variable", "default", "allowed", "what it is"), rows),
        )
    )


def _default(value: object) -> str:
    return "" if value is PydanticUndefined or value == "" else f"`{value}`"


def _limits(field: Any) -> str:  # noqa: ANN401 (pydantic's FieldInfo)
    if getattr(field.annotation, "__args__", None):
        return ", ".join(f"`{value}`" if value else "empty" for value in field.annotation.__args__)
    limits = {
        key: getattr(mark, key) for mark in field.metadata for key in ("ge", "gt", "le", "lt") if hasattr(mark, key)
    }
    names = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return ", ".join(f"{names[key]} {value:g}" for key, value in limits.items())


def cli_page() -> str:
    """What `--help` of every command prints."""
    service = subprocess.run(
        [sys.executable, "-m", "service", "--help"],
        capture_output=True,
        check=True,
        cwd=REFERENCE.parent.parent,
        env={**os.environ, "COLUMNS": COLUMNS},
        text=True,
    ).stdout
    os.environ["COLUMNS"] = COLUMNS
    lines = ["# Commands", "", "What `--help` says of each.", ""]
    lines += _help("python -m service", service, 2)
    for parser in (access_parser(), training_parser(), build_parser()):
        for depth, name, text in _parsers(parser, 2):
            lines += _help(name, text, depth)
    return "\n".join(lines)


def _parsers(parser: argparse.ArgumentParser, depth: int) -> Iterator[tuple[int, str, str]]:
    """A parser and those of its commands: heading level, what to type, help."""
    yield depth, parser.prog, parser.format_help()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command, depth + 1)


def _help(name: str, text: str, depth: int) -> list[str]:
    return [f"{'#' * depth} `{name}`", "", "```text", text.rstrip(), "```", ""]


def openapi() -> JSON:
    """The OpenAPI document of the service, without TensorFlow: nothing is loaded."""
    app = create_app(Settings(), Store(Path("models")), lambda bundle: sys.exit(f"{bundle} is not to be loaded"))
    document: JSON = app.openapi()
    return document


def http_page(document: JSON) -> str:
    """Every path, parameter and answer of an OpenAPI document, and the JSON it speaks."""
    lines = [
        "# Every request and answer",
        "",
        "From the service's own description (`GET /openapi.json`; `/docs` lets you try it). What it means, with the",
        "headers and the problems, is told in [The HTTP interface](../http.md).",
        "",
    ]
    for path, item in document["paths"].items():
        alike: dict[str, list[str]] = {}
        for method, operation in item.items():
            alike.setdefault(repr([operation.get(part) for part in ALIKE]), []).append(method)
        for methods in alike.values():
            lines += _operation(f"{', '.join(methods).upper()} {path}", item[methods[0]])
    lines += ["## JSON", ""]
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        lines += _schema(name, schema)
    return "\n".join(lines)


def _operation(name: str, operation: JSON) -> list[str]:
    lines = [f"## `{name}`", "", operation.get("description") or operation.get("summary", ""), ""]
    parameters = [
        (_parameter(p), _allowed(p["schema"]), _json(p["schema"]), p.get("description") or _about(p["schema"]))
        for p in operation.get("parameters", ())
    ]
    if parameters:
        lines += [*_table(("parameter", "allowed", "default", "what it is"), parameters), ""]
    body = operation.get("requestBody", NOTHING)
    for kind, content in body.get("content", NOTHING).items():
        lines += [
            f"Body, `{kind}`: {_allowed(content.get('schema', NOTHING))}. {body.get('description', '')}".rstrip(),
            "",
        ]
    answers = [
        (status, ", ".join(f"`{kind}`" for kind in answer.get("content", ())), answer["description"])
        for status, answer in sorted(operation["responses"].items())
    ]
    headers = {
        name: header.get("description", "")
        for answer in operation["responses"].values()
        for name, header in answer.get("headers", NOTHING).items()
    }
    lines += [*_table(("status", "content", "when"), answers), ""]
    return [*lines, *(f"- `{name}`: {about}" for name, about in headers.items()), ""]


def _schema(name: str, schema: JSON) -> list[str]:
    required = schema.get("required", ())
    rows = [
        (f"`{field}`", _allowed(part), "yes" if field in required else "no", _about(part))
        for field, part in schema.get("properties", {}).items()
    ]
    about = schema.get("description", "")
    return [f"### {name}", "", about, "", *_table(("field", "value", "always there", "what it is"), rows), ""]


def _json(schema: JSON) -> str:
    default = schema.get("default")
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _allowed(schema: JSON) -> str:
    """What a JSON schema admits, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if parts := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_allowed(part) for part in parts if part.get("type") != "null")
    kind = schema.get("type", "any value")
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        kind = f"list of {_allowed(schema['items'])}"
    limits = _range(schema, SMALLEST, LARGEST)
    lengths = _range(schema, ("minLength", "minItems"), ("maxLength", "maxItems"))
    return ", ".join([str(kind), *limits, *(f"{words} long" for words in lengths)])


def _range(schema: JSON, smallest: Sequence[str], largest: Sequence[str]) -> list[str]:
    low = next((schema[key] for key in smallest if key in schema), None)
    high = next((schema[key] for key in largest if key in schema), None)
    if low is not None and high is not None:
        return [f"{low} … {high}"]
    return [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)


def _parameter(parameter: JSON) -> str:
    return f"`{parameter['name']}`" + ("" if parameter["in"] == "query" else f" (in the {parameter['in']})")


def _about(schema: JSON) -> str:
    """The description of a schema, or else of what it is one of."""
    parts = (schema, *schema.get("anyOf", ()))
    return next((str(part["description"]) for part in parts if part.get("description")), "")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
