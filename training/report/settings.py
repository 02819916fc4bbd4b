"""The settings of a run in words, each with what its docstring says."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import BaseModel

from training.report.words import label, setting
from training.run import RunSettings

DATA: frozenset[str] = frozenset({"name", "source", "cache", "license", "attribution", "count", "digest", "started"})
"""Settings of a run that the report tells elsewhere, or that say where files lie."""


@dataclass(frozen=True)
class Row:
    """One setting: its name in words, its value, and what it is; `key` is its name in the recipe's file."""

    key: str
    name: str
    value: str
    about: str


@dataclass(frozen=True)
class Group:
    """Settings that belong together, such as the generator's."""

    title: str
    rows: tuple[Row, ...]


def groups(settings: RunSettings) -> tuple[Group, ...]:
    """The run's own settings, the recipe's, and one group for each of the recipe's parts."""
    recipe = settings.recipe
    parts = {name: value for name, value in recipe if isinstance(value, BaseModel)}
    run = tuple(row for row in _plain(settings, "") if row.key not in DATA)
    plain = tuple(row for row in _plain(recipe, "") if row.key != "about")
    return (
        Group("Run", run),
        Group("Recipe", plain),
        *(Group(label(name), tuple(_rows(part, f"{name}."))) for name, part in parts.items()),
    )


def _rows(part: BaseModel, prefix: str) -> Iterator[Row]:
    """The settings of a part and of the parts in it; the part's own docstring speaks for those without one."""
    for row in _plain(part, prefix):
        yield row if row.about else replace(row, about=inspect.cleandoc(type(part).__doc__ or ""))
    for name, value in part:
        if isinstance(value, BaseModel):
            for row in _rows(value, f"{prefix}{name}."):
                yield replace(row, name=f"{label(name)}: {row.name[:1].lower()}{row.name[1:]}")


def _plain(part: BaseModel, prefix: str) -> Iterator[Row]:
    about = docstrings(type(part))
    for name, value in part:
        if not isinstance(value, BaseModel) and (text := setting(name, value)):
            yield Row(prefix + name, label(name), text, about.get(name, ""))


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The strings that stand below a class's attributes, by attribute; empty where there is no source to read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(sys.modules[model.__module__])))
    except (OSError, KeyError, TypeError, SyntaxError):
        return {}
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.ClassDef) and node.name == model.__name__):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if named and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[field.target.id] = inspect.cleandoc(str(text.value.value))  # type: ignore[attr-defined]
    return found
