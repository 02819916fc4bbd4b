"""Around everything: each request's account, id and `Server-Timing`; at its end metrics, a log line, a span."""

import time
from collections.abc import Sequence
from typing import Final, Protocol

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problem_kinds import KINDS
from service.limits.refusals import ENDED
from service.observability.account import CURRENT, GONE, Account
from service.observability.logs import log_request
from service.observability.metrics import Metrics
from service.observability.request_id import HEADER, is_request_id, new_request_id

UNKNOWN: Final = "unmatched"
"""The route of a path that there is not: a client may invent as many as it likes."""
PAGE: Final = "/page/"
PAGE_FILE: Final = "/page/{file}"
"""The files of the page are one route."""


class RequestSpan(Protocol):
    """A request in a trace."""

    def finish(self, name: str, status: int, account: Account) -> None:
        """It is over: name it by its method and route."""
        ...


class Tracer(Protocol):
    """Makes spans of requests."""

    def begin(self, scope: Scope, account: Account) -> RequestSpan:
        """A request has come; its account gets the `link`."""
        ...


def watch(app: FastAPI, routes: Sequence[BaseRoute], metrics: Metrics, tracer: Tracer | None = None) -> None:
    """Put what watches around the whole application: also around the answer to an error that nobody foresaw.

    Args:
        app: what is watched.
        routes: all that it has.
        metrics: where requests are counted.
        tracer: makes spans, where there is one.
    """
    build = app.build_middleware_stack

    def watched() -> ASGIApp:
        stack = Watching(build(), routes, metrics, tracer)
        return CorrelationIdMiddleware(
            stack, HEADER, update_request_header=False, generator=new_request_id, validator=is_request_id
        )

    app.build_middleware_stack = watched  # type: ignore[method-assign]


class Watching:
    """Keeps the account of each request.

    Args:
        app: what answers.
        routes: by which the path of a request is named that was refused before it was routed.
        metrics: where it is counted.
        tracer: makes spans, where there is one.
    """

    def __init__(
        self, app: ASGIApp, routes: Sequence[BaseRoute], metrics: Metrics, tracer: Tracer | None = None
    ) -> None:
        self.app, self._routes, self._metrics, self._tracer = app, routes, metrics, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        account = Account()
        token = CURRENT.set(account)
        span = self._tracer.begin(scope, account) if self._tracer else None
        sent = Sent(send, account)
        self._metrics.in_progress.inc()
        try:
            await self.app(scope, receive, sent)
        finally:
            CURRENT.reset(token)
            self._metrics.in_progress.dec()
            self._end(scope, sent.status, account, span)

    def _end(self, scope: Scope, status: int, account: Account, span: RequestSpan | None) -> None:
        seconds, method = time.monotonic() - account.begun, scope["method"]
        route = template_of(scope, self._routes)
        kind = scope.get("state", {}).get(ENDED)
        if kind and status in (0, GONE):  # its connection has answered instead of the application
            status = KINDS[kind].status
            account.fail(kind, status)
        self._metrics.record(route, method, status, seconds, account)
        log_request(route, method, status, seconds, account)
        if span is not None:
            span.finish(f"{method} {route}", status, account)


class Sent:
    """Sends an answer, and notes its status and the time that it takes to hand it on."""

    def __init__(self, send: Send, account: Account) -> None:
        self._send, self._account = send, account
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """As ASGI's `send`."""
        account = self._account
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if account.images and self.status == 200:
                headers = [*message.get("headers", ()), (b"server-timing", server_timing(account).encode())]
                message = {**message, "headers": headers}
        begun = time.monotonic()
        try:
            await self._send(message)
        finally:
            account.stages["write"] = account.stages.get("write", 0.0) + time.monotonic() - begun


def server_timing(account: Account) -> str:
    """The header `Server-Timing` (W3C): the stages so far and the time since the request came, in milliseconds."""
    parts = [*account.stages.items(), ("total", time.monotonic() - account.begun)]
    return ", ".join(f"{stage};dur={1e3 * seconds:.2f}" for stage, seconds in parts if stage != "write")


def template_of(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The template of the route that a request's path belongs to, such as `/images/{seed}.{ending}`."""
    if scope["path"].startswith(PAGE):
        return PAGE_FILE
    route = scope.get("route") or next((each for each in routes if each.matches(scope)[0] is not Match.NONE), None)
    template: str = getattr(route, "path_format", "") or getattr(route, "path", "")
    return template or UNKNOWN
