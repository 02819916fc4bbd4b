"""What the service takes, by its own OpenAPI document: the service in memory refuses all else, as the real one does."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bundle.store import Store
from service.app import create_app
from service.settings import Settings


@cache
def _paths() -> Mapping[str, Mapping[str, Any]]:
    """The operations by path and method. Nothing is loaded: there is no model, and no engine."""
    app = create_app(Settings(), Store(Path("no models")), lambda bundle: sys.exit(f"{bundle} is not to be loaded"))
    paths: Mapping[str, Mapping[str, Any]] = app.openapi()["paths"]
    return paths


@cache
def _operations() -> list[tuple[re.Pattern[str], Mapping[str, Any]]]:
    """The same by what matches a path; those without a gap come first."""
    ordered = sorted(_paths().items(), key=lambda item: "{" in item[0])
    return [(re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(path))), methods) for path, methods in ordered]


def operation(method: str, path: str) -> Mapping[str, Any] | None:
    """What the document says of a request; None where there is no such path, or it has no such method."""
    found = next((methods for pattern, methods in _operations() if pattern.fullmatch(path)), {})
    described: Mapping[str, Any] | None = found.get(method.lower())
    return described


def query_names(described: Mapping[str, Any]) -> set[str]:
    """The parameters that a query may have."""
    return {each["name"] for each in described.get("parameters", ()) if each["in"] == "query"}


def body_names(described: Mapping[str, Any]) -> set[str]:
    """The members that a JSON body may have."""
    content = described.get("requestBody", {}).get("content", {})
    return set(content.get("application/json", {}).get("schema", {}).get("properties", ()))
