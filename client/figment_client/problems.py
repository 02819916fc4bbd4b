"""An answer with an error status, or no answer at all, made into one of this package's errors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from .errors import (
    ConnectionFailed,
    FigmentError,
    InvalidAnswer,
    ParameterFault,
    Problem,
    ProblemError,
    TimedOut,
    problem_error,
)
from .retries import retry_after_seconds

if TYPE_CHECKING:
    import httpx

PROBLEM_MEDIA_TYPE = "application/problem+json"
EXCERPT_CHARACTERS = 120


def read_failure(error: httpx.RequestError) -> FigmentError:
    """What httpx raised instead of a response, as one of this package's errors."""
    import httpx

    url = error.request.url
    server = f"{url.scheme}://{url.netloc.decode('ascii')}"  # without a password that the URL may hold
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"no answer from {server} in time ({type(error).__name__})")
    if isinstance(error, httpx.DecodingError):
        return InvalidAnswer(f"the answer of {server} cannot be decoded: {reason}")
    return ConnectionFailed(f"no answer from {server}: {reason}")


def read_problem(response: httpx.Response) -> ProblemError:
    """The error of an answer with an error status, whether it is a problem document or a proxy's page."""
    document = _problem_document(response)
    wait = retry_after_seconds(response.headers.get("Retry-After"), now=time.time())
    return problem_of_document(document, response.status_code, wait, "" if document else description(response))


def problem_of_document(
    document: Mapping[str, object], status: int, retry_after: float | None = None, otherwise: str = ""
) -> ProblemError:
    """The error of a problem document (RFC 9457); `otherwise` is its detail where the document has none."""
    problem = Problem(
        status=status,
        type=_string(document, "type") or "about:blank",
        title=_string(document, "title") or _reason(status),
        detail=_string(document, "detail") or otherwise,
        errors=_faults(document.get("errors")),
        retry_after=retry_after,
        raw=document,
    )
    return problem_error(problem)


def _problem_document(response: httpx.Response) -> dict[str, object]:
    if media_type(response) != PROBLEM_MEDIA_TYPE:
        return {}
    try:
        document = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}  # called a problem, yet no JSON: described as any other page
    return document if isinstance(document, dict) else {}


def _string(document: Mapping[str, object], member: str) -> str:
    value = document.get(member)  # RFC 9457, 3.1: a member of the wrong type is ignored
    return value if isinstance(value, str) else ""


def _faults(errors: object) -> tuple[ParameterFault, ...]:
    entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    return tuple(
        ParameterFault(
            parameter=_string(entry, "parameter"),
            message=_string(entry, "message"),
            got=None if entry.get("got") is None else str(entry["got"]),
        )
        for entry in entries
    )


def media_type(response: httpx.Response) -> str:
    """The bare media type of an answer, in small letters; empty where it has none."""
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def description(response: httpx.Response) -> str:
    """A page that is none of ours, in a line fit for a terminal: its media type and how it begins."""
    kind = media_type(response) or "no media type"
    text = response.content[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{kind}, beginning {line[:EXCERPT_CHARACTERS]!r}" if line else f"{kind}, empty"
