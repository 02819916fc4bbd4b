"""Members of JSON objects, with the type they should have: a ValueError names the one that has another."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value", str, int, bool)


def members(value: object, what: str) -> Mapping[str, object]:
    """The value as a JSON object; `what` names it in the error."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object but {_short(value)}")
    return value


def member(document: Mapping[str, object], name: str, kind: type[Value]) -> Value:
    """The member of that name, of that type."""
    value = present(document, name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} is {_short(value)}, not of type {kind.__name__}")
    return value


def nullable(document: Mapping[str, object], name: str, kind: type[Value]) -> Value | None:
    """The member of that name, of that type or null."""
    return None if present(document, name) is None else member(document, name, kind)


def items(document: Mapping[str, object], name: str) -> list[object]:
    """The member of that name, a list."""
    value = present(document, name)
    if not isinstance(value, list):
        raise ValueError(f"{name!r} is {_short(value)}, not a list")
    return value


def present(document: Mapping[str, object], name: str) -> object:
    """The member of that name, of any type."""
    if name not in document:
        raise ValueError(f"{name!r} is missing")
    return document[name]


def wholes(document: Mapping[str, object], name: str) -> tuple[int, ...]:
    """The member of that name, a list of whole numbers."""
    values = items(document, name)
    wholes = tuple(value for value in values if isinstance(value, int) and not isinstance(value, bool))
    if len(wholes) != len(values):
        raise ValueError(f"{name!r} is {_short(values)}, not whole numbers")
    return wholes


def strings(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The member of that name, a list of strings."""
    values = items(document, name)
    strings = tuple(value for value in values if isinstance(value, str))
    if len(strings) != len(values):
        raise ValueError(f"{name!r} is {_short(values)}, not strings")
    return strings


def number(document: Mapping[str, object], name: str) -> float:
    """The member of that name, a number."""
    value = present(document, name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name!r} is {_short(value)}, not a number")
    return float(value)


def content(document: Mapping[str, object], name: str) -> bytes:
    """The member of that name, bytes as base64."""
    try:
        return base64.b64decode(member(document, name, str), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name!r} is no base64: {error}") from error


def _short(value: object) -> str:
    return repr(value)[:40]
