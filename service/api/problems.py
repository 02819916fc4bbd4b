"""Errors, first of all: the closed set of problems (RFC 9457) and what becomes one.

Problem
 ├─ invalid-parameter    422   a parameter out of range, of the wrong type, given twice, or unknown; a body
 ├─ not-found            404   no such path
 ├─ method-not-allowed   405
 ├─ not-acceptable       406   none of the formats there are is accepted
 ├─ too-large            413   a body
 ├─ unsupported-media    415   a body of another type
 ├─ unknown-model        404   no such model, or no such version of it
 ├─ overloaded           503   the queue is full; Retry-After
 ├─ not-ready            503   starting, stopping, or no model is served; Retry-After
 ├─ timeout              504   later than FIGMENT_DEADLINE, or than the client wanted to wait
 ├─ inference-failed     500   the model failed on this request
 └─ internal             500   an error of Figment's own
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from service.api.hangup import ClientGone
from service.catalogue import NotReady, UnknownModel
from service.engine.protocol import EngineError
from service.engine.schedule import BatcherClosed, QueueFull

MEDIA_TYPE = "application/problem+json"

TITLES = {
    "invalid-parameter": (422, "Invalid parameter"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "not-acceptable": (406, "Not acceptable"),
    "too-large": (413, "Too large"),
    "unsupported-media": (415, "Unsupported media type"),
    "unknown-model": (404, "Unknown model"),
    "overloaded": (503, "Overloaded"),
    "not-ready": (503, "Not ready"),
    "timeout": (504, "Timeout"),
    "inference-failed": (500, "Inference failed"),
    "internal": (500, "Internal error"),
}
"""Every problem type, with its status and title."""

NOT_READY_RETRY = "5"
"""Seconds: about what a model takes to load."""

MAX_ECHO = 100
"""Characters of a wrong value that an error repeats."""


class ParameterError(BaseModel):
    """What is wrong with one parameter."""

    parameter: str
    message: str
    got: str | None = None


class ProblemDetails(BaseModel):
    """The body of every error: RFC 9457, with the parameters that were wrong or the models there are."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ParameterError] | None = None
    models: list[str] | None = None


class InvalidParameters(Exception):
    """One or more parameters are wrong."""

    def __init__(self, *errors: ParameterError) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(map(_sentence, errors)))


class NotAcceptable(Exception):
    """No format that there is is accepted; `offered` are their media types."""

    def __init__(self, offered: list[str]) -> None:
        super().__init__(f"none of what `Accept` allows can be had; there are: {', '.join(offered)}")


class TooLarge(Exception):
    """A body is longer than is allowed."""


class UnsupportedMedia(Exception):
    """A body is of a type that is not read."""


def problem(kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:  # noqa: ANN401
    """The answer for a problem of a type in `TITLES`."""
    status, title = TITLES[kind]
    details = {"type": f"/problems/{kind}", "title": title, "status": status, "detail": detail}
    more = {name: [each.model_dump(exclude_none=True) if isinstance(each, BaseModel) else each for each in value]
            for name, value in more.items()}  # fmt: skip
    return JSONResponse(details | more, status, headers, MEDIA_TYPE)


def responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of problem types, merged by status."""
    entries: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = TITLES[kind]
        entry = entries.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": SCHEMA}}})
        entry["description"] += f"{' or ' if entry['description'] else ''}{title} (`{kind}`)"
        if status == 503:
            entry["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return entries


SCHEMA = {"$ref": "#/components/schemas/ProblemDetails"}


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make every error of the application, which has these routes, a problem."""

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        path = request.scope["path"]  # request.url fails on a query that is not UTF-8
        if error.status_code == 404:
            return problem("not-found", f"there is no {path}; see /docs", error.headers)
        if error.status_code == 405:
            allow = ", ".join(allowed_methods(routes, request.scope)) or (error.headers or {}).get("Allow", "")
            detail = f"{request.method} is not allowed on {path}; allowed: {allow}"
            return problem("method-not-allowed", detail, {"Allow": allow})
        return problem("invalid-parameter", str(error.detail), error.headers)

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidParameters, _invalid)
    app.add_exception_handler(HTTPException, http)
    for error, kind in (
        (NotAcceptable, "not-acceptable"),
        (TooLarge, "too-large"),
        (UnsupportedMedia, "unsupported-media"),
    ):
        app.add_exception_handler(error, _simple(kind))
    app.add_exception_handler(UnknownModel, _unknown_model)
    for unavailable in (QueueFull, NotReady, BatcherClosed):
        app.add_exception_handler(unavailable, _unavailable)
    app.add_exception_handler(TimeoutError, _timeout)
    app.add_exception_handler(ClientGone, _client_gone)
    app.add_exception_handler(EngineError, _inference_failed)
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RequestValidationError):
        error = InvalidParameters(*map(_parameter_error, error.errors()))
    assert isinstance(error, InvalidParameters)
    return problem("invalid-parameter", str(error), errors=error.errors)


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods that a path takes, sorted: of all its routes, where Starlette names those of the first alone."""
    matching = [route for route in routes if route.matches(scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in getattr(route, "methods", ())}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _simple(kind: str) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return problem(kind, str(error))

    return answer


async def _unknown_model(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnknownModel)
    return problem("unknown-model", str(error), models=error.known)


def overloaded(refusal: QueueFull) -> JSONResponse:
    """The answer to a request that was refused."""
    return problem("overloaded", str(refusal), {"Retry-After": str(refusal.retry_after)})


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, QueueFull):
        return overloaded(error)
    return problem("not-ready", str(error), {"Retry-After": NOT_READY_RETRY})


async def _timeout(request: Request, error: Exception) -> JSONResponse:
    deadline: float = request.state.deadline
    return problem("timeout", f"not answered within {deadline:g} s")


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; 499 is what nginx writes into its log


async def _inference_failed(request: Request, error: Exception) -> JSONResponse:
    return problem("inference-failed", str(error))


async def _internal(request: Request, error: Exception) -> JSONResponse:
    return problem("internal", "an error in the service; its log says more")


def _parameter_error(error: dict[str, Any]) -> ParameterError:
    place = [str(part) for part in error["loc"] if part not in ("query", "path", "body")]
    message = error["msg"].removeprefix("Value error, ")
    return ParameterError(parameter=place[0] if place else "query", message=message, got=echo(error.get("input")))


def echo(value: object) -> str | None:
    """A wrong value as an error repeats it: cut, if it is long; None, if it is no plain value."""
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    return text if len(text) <= MAX_ECHO else f"{text[:MAX_ECHO]}… ({len(text)} characters)"


def _sentence(error: ParameterError) -> str:
    got = f" (got {error.got!r})" if error.got is not None else ""
    return f"{error.parameter}: {error.message}{got}"
