"""Errors, first of all: the closed set of problems (RFC 9457) and what becomes one.

Problem
 ├─ invalid-parameter    422   a parameter out of range, of the wrong type, given twice, or unknown; a body
 ├─ unauthorized         401   no key, or one that does not hold; WWW-Authenticate
 ├─ forbidden            403   a key without the scope that is needed; WWW-Authenticate
 ├─ not-found            404   no such path
 ├─ method-not-allowed   405
 ├─ not-acceptable       406   Accept names no format there is
 ├─ slow-request         408   a request that did not come in time
 ├─ too-large            413   a body that is longer than what is read
 ├─ url-too-long         414   a URL that is longer than what is read
 ├─ unsupported-media    415   a body of another kind, or compressed in another way, than what is read
 ├─ rate-limited         429   more images than the client may have in a time; Retry-After
 ├─ headers-too-large    431   headers that are longer, or more, than what is read
 ├─ not-http             400   what is no request of HTTP/1.1
 ├─ unknown-model        404   no such model, or no such version of it
 ├─ too-many-connections 503   as many connections are open as may; Retry-After
 ├─ overloaded           503   the queue is full; Retry-After
 ├─ not-ready            503   starting, stopping, no model is served, or the device hangs; Retry-After
 ├─ not-live             503   the device hangs: /livez alone says so
 ├─ timeout              504   later than FIGMENT_DEADLINE, or than the client wanted to wait
 ├─ inference-failed     500   the model failed on this request
 └─ internal             500   an error of Figment's own

`problem_kinds` says what each means and what to do; `foreign` has the shapes of other protocols.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from service.api import foreign
from service.api.hangup import ClientGone
from service.api.problem_kinds import KINDS
from service.catalogue import NotReady, UnknownModel
from service.engine.protocol import EngineError
from service.engine.schedule import BatcherClosed, QueueFull
from service.limits.headers import HEADERS
from service.limits.rates import RateExceeded, TooManyImages
from service.observability.account import GONE, current

MEDIA_TYPE = "application/problem+json"

TITLES = {name: (kind.status, kind.title) for name, kind in KINDS.items()}
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
    """The body of every error: RFC 9457, with the parameters that were wrong, or the models or formats there are."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ParameterError] | None = None
    models: list[str] | None = None
    offered: list[str] | None = None
    """Media types that the request can be answered in."""


class InvalidParameters(Exception):
    """One or more parameters are wrong."""

    def __init__(self, *errors: ParameterError) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(map(_sentence, errors)))


class NotAcceptable(Exception):
    """The header Accept names none of the media types `offered`."""

    def __init__(self, offered: list[str]) -> None:
        super().__init__(f"no format that Accept names is offered; there are: {', '.join(offered)}")
        self.offered = offered


class TooLarge(Exception):
    """A body is longer than what is read; says the limit."""


class UnsupportedMedia(Exception):
    """A body of a kind that is not read; says which are. `headers` go with the answer."""

    def __init__(self, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.headers = headers


class TextAsItIs(JSONResponse):
    """JSON of texts that clients have sent, in which half a surrogate pair becomes a question mark."""

    def render(self, content: object) -> bytes:
        """As UTF-8."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def problem(kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:  # noqa: ANN401
    """The answer for a problem of a type in `TITLES`; `more` are other fields of `ProblemDetails`, as JSON has them.

    Without pydantic: under overload most answers are problems.
    """
    status, title = TITLES[kind]
    current().fail(kind, status)
    details = {"type": f"/problems/{kind}", "title": title, "status": status, "detail": detail, **more}
    return TextAsItIs(details, status, headers, MEDIA_TYPE)


def answer(
    scope: Scope,
    kind: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401
) -> JSONResponse:
    """The answer for a problem in the shape of the protocol that the request's path belongs to."""
    shape = foreign.shape_of(scope["path"])
    if shape is None:
        return problem(kind, detail, headers, **more)
    status = foreign.status_of(TITLES[kind][0])
    current().fail(kind, status)
    parameter = more["errors"][0]["parameter"] if more.get("errors") else None
    return TextAsItIs(shape(status, kind, detail, parameter), status, headers)


def responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of problem types, merged by status."""
    entries: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = TITLES[kind]
        entry = entries.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"schema": SCHEMA}}})
        entry["description"] += f"{' or ' if entry['description'] else ''}{title} (`{kind}`)"
        example = {"type": f"/problems/{kind}", "title": title, "status": status} | KINDS[kind].example
        entry["content"][MEDIA_TYPE].setdefault("examples", {})[kind] = {"summary": title, "value": example}
        if status in (429, 503):
            entry["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return entries


SCHEMA = {"$ref": "#/components/schemas/ProblemDetails"}


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make every error of the application, which has these routes, a problem."""

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        path = request.scope["path"]  # request.url fails on a query that is not UTF-8
        if error.status_code == 404:
            return answer(request.scope, "not-found", f"there is no {path}; see /docs", error.headers)
        if error.status_code == 405:
            allow = ", ".join(allowed_methods(routes, request.scope)) or (error.headers or {}).get("Allow", "")
            detail = f"{request.method} is not allowed on {path}; allowed: {allow}"
            return answer(request.scope, "method-not-allowed", detail, {"Allow": allow})
        return answer(request.scope, "invalid-parameter", str(error.detail), error.headers)

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidParameters, _invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(UnknownModel, _unknown_model)
    app.add_exception_handler(NotAcceptable, _not_acceptable)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_exception_handler(RateExceeded, _rate_exceeded)
    app.add_exception_handler(TooManyImages, _too_many_images)
    app.add_exception_handler(UnsupportedMedia, _unsupported_media)
    for kind in (QueueFull, NotReady, BatcherClosed):
        app.add_exception_handler(kind, _unavailable)
    app.add_exception_handler(TimeoutError, _timeout)
    app.add_exception_handler(ClientGone, _client_gone)
    app.add_exception_handler(EngineError, _inference_failed)
    app.add_exception_handler(Exception, _internal)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RequestValidationError):
        error = InvalidParameters(*map(_parameter_error, error.errors()))
    assert isinstance(error, InvalidParameters)
    errors = [each.model_dump(exclude_none=True) for each in error.errors]
    return answer(request.scope, "invalid-parameter", str(error), errors=errors)


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods that a path takes, sorted: of all its routes, where Starlette names those of the first alone."""
    matching = [route for route in routes if route.matches(scope)[0] is not Match.NONE]
    methods = {method for route in matching for method in getattr(route, "methods", ())}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _unknown_model(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnknownModel)
    return answer(request.scope, "unknown-model", str(error), models=error.known)


async def _not_acceptable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NotAcceptable)
    return answer(request.scope, "not-acceptable", str(error), offered=error.offered)


async def _too_large(request: Request, error: Exception) -> JSONResponse:
    return answer(request.scope, "too-large", str(error))


async def _unsupported_media(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnsupportedMedia)
    return answer(request.scope, "unsupported-media", str(error), error.headers)


def overloaded(scope: Scope, refusal: QueueFull) -> JSONResponse:
    """The answer to a request that was refused."""
    response = answer(scope, "overloaded", str(refusal), {"Retry-After": str(refusal.retry_after)})
    current().cause = refusal.cause
    return response


def rate_limited(scope: Scope, refusal: RateExceeded) -> JSONResponse:
    """The answer to a client that has had its images."""
    return answer(scope, "rate-limited", str(refusal), {"Retry-After": str(refusal.seconds)})


async def _rate_exceeded(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RateExceeded)
    return rate_limited(request.scope, error)


async def _too_many_images(request: Request, error: Exception) -> JSONResponse:
    return await _invalid(request, InvalidParameters(ParameterError(parameter="request", message=str(error))))


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, QueueFull):
        return overloaded(request.scope, error)
    return answer(request.scope, "not-ready", str(error), {"Retry-After": NOT_READY_RETRY})


async def _timeout(request: Request, error: Exception) -> JSONResponse:
    deadline: float = request.state.deadline
    return answer(request.scope, "timeout", f"not answered within {deadline:g} s")


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=GONE)  # nobody reads it; 499 is what nginx writes into its log


async def _inference_failed(request: Request, error: Exception) -> JSONResponse:
    return answer(request.scope, "inference-failed", str(error))


async def _internal(request: Request, error: Exception) -> JSONResponse:
    detail = "an error in the service; its log says more"
    return answer(request.scope, "internal", detail, HEADERS)  # outside of all middleware, which would have added them


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
