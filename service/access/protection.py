"""What the settings say of who may ask and for how much, put round the application."""

import asyncio
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from service.access.gate import Gate
from service.access.ring import Ring
from service.access.scopes import needed
from service.api.foreign import shape_of
from service.api.problems import responses
from service.limits.charging import costs
from service.limits.headers import SecurityHeaders
from service.limits.paths import PlainPaths
from service.limits.query import FewParameters
from service.limits.rates import parse_rate
from service.limits.throttle import Throttle
from service.settings import Settings, parts

SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key: `Authorization: Bearer KEY`."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same, for other clients."},
}
SENT: Final = ("Authorization", "X-Api-Key", "Content-Type", "Prefer", "If-None-Match", "X-Request-Id", "traceparent")
"""Headers that pages of the origins of FIGMENT_CORS may send."""
READ: Final = ("Figment-Seed", "Figment-Seeds", "Figment-Labels", "Figment-Model", "Figment-Request", "ETag",
               "Content-Location", "Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate", "X-Request-Id",
               "Server-Timing")  # fmt: skip
"""Headers that they may read."""
PREFLIGHT: Final = 600
"""Seconds that a browser remembers what it may do."""


class Protection:
    """The middleware of keys, rates, CORS and security headers, and what OpenAPI says of them.

    Raises (when it is made):
        KeyFileError: the file of keys cannot be read, or is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ring = Ring(Path(settings.keys)) if settings.keys else None
        self._rate = parse_rate(settings.rate) if settings.rate else None
        self._address_rate = parse_rate(settings.address_rate) if settings.address_rate else None

    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs as long as the application does."""
        if self._ring is None:
            return []
        return [asyncio.create_task(self._ring.watch(self._settings.poll), name="keys")]

    def install(self, app: FastAPI) -> None:
        """Add what refuses requests; the last is asked first."""
        app.add_middleware(FewParameters)
        if self._may_throttle:
            app.add_middleware(Throttle, rate=self._rate, address_rate=self._address_rate)
        if self._ring:
            app.add_middleware(Gate, ring=self._ring)
        app.add_middleware(PlainPaths)

    def install_outside(self, app: FastAPI) -> None:
        """Add what every answer goes through."""
        origins = parts(self._settings.cors)
        if origins:
            app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST", "HEAD"],
                               allow_headers=SENT, expose_headers=READ, max_age=PREFLIGHT)  # fmt: skip
        app.add_middleware(SecurityHeaders, shared=bool(origins))

    @property
    def _may_throttle(self) -> bool:
        """Keys may have rates of their own, and get others while the service runs."""
        return bool(self._rate or self._address_rate or self._ring)

    def describe(self, document: dict[str, Any]) -> None:
        """Say in an OpenAPI document who may ask for what."""
        document["security"] = [{name: []} for name in SCHEMES] if self._ring else []
        if self._ring:
            document.setdefault("components", {})["securitySchemes"] = SCHEMES
        for path, item in document["paths"].items():
            for operation in item.values():
                self._describe(path, operation)

    def _describe(self, path: str, operation: dict[str, Any]) -> None:
        scope, answers = needed(path), operation["responses"]
        if self._ring and scope is None:
            operation["security"] = []
        if shape_of(path):  # whose answers are told of by their first digit
            return
        kinds = ["unauthorized", "forbidden"] if self._ring and scope else []
        kinds += ["rate-limited"] if self._may_throttle and costs(path) else []
        answers.update({str(status): entry for status, entry in responses(*kinds).items()})
