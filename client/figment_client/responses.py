"""What came back, made into a result or an error. Every function takes a response that has been read."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx

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
from .formats import format_of_content, format_of_media_type, is_whole
from .listings import ModelListing, listing_from_json
from .pictures import Picture
from .retries import retry_after_seconds

Result = TypeVar("Result")

PROBLEM_MEDIA_TYPE = "application/problem+json"
EXCERPT_CHARACTERS = 120


def finish(outcome: httpx.Response | httpx.RequestError, read: Callable[[httpx.Response], Result]) -> Result:
    """What `read` makes of a response; where there is none, the error that says why is raised."""
    if isinstance(outcome, httpx.RequestError):
        raise read_failure(outcome) from outcome
    return read(outcome)


def read_failure(error: httpx.RequestError) -> FigmentError:
    """What httpx raised instead of a response, as one of this package's errors."""
    url = error.request.url
    server = f"{url.scheme}://{url.netloc.decode('ascii')}"  # without a password that the URL may hold
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"no answer from {server} in time ({type(error).__name__})")
    if isinstance(error, httpx.DecodingError):
        return InvalidAnswer(f"the answer of {server} cannot be decoded: {reason}")
    return ConnectionFailed(f"no answer from {server}: {reason}")


def read_picture(response: httpx.Response) -> Picture:
    """
    The picture of a 200.

    Raises ProblemError for an error status, InvalidAnswer where the body is not a whole image of the media
    type it is said to have, or the headers that tell its origin are missing.
    """
    _require_ok(response)
    media_type = _require_image(response)
    model, version = _model_and_version(_header(response, "Figment-Model"))
    request = _header(response, "Figment-Request")
    if not request.startswith("/"):
        raise InvalidAnswer(f"Figment-Request is no path: {request!r}")
    seed, seeds = _seeds(response)
    return Picture(response.content, media_type, seed, seeds, model, version, request, _labels(response))


def read_models(response: httpx.Response) -> ModelListing:
    """The listing of a 200 from `/models`. Raises ProblemError, and InvalidAnswer for unexpected JSON."""
    _require_ok(response)
    try:
        return listing_from_json(json.loads(response.content))
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer(f"the answer is no listing of models: {error}") from error


def read_ready(response: httpx.Response) -> bool:
    """True for a 200 from `/readyz`, False for a 503; ProblemError for any other error status."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    _require_ok(response)
    return True


def read_problem(response: httpx.Response) -> ProblemError:
    """The error of an answer with an error status, whether it is a problem document or a proxy's page."""
    document = _problem_document(response)
    title = _string(document, "title") or _reason(response.status_code)
    detail = _string(document, "detail") or ("" if document else _description(response))
    problem = Problem(
        status=response.status_code,
        type=_string(document, "type") or "about:blank",
        title=title,
        detail=detail,
        errors=_faults(document.get("errors")),
        retry_after=retry_after_seconds(response.headers.get("Retry-After"), now=time.time()),
        raw=document,
    )
    return problem_error(problem)


def _require_ok(response: httpx.Response) -> None:
    if response.status_code == HTTPStatus.OK:
        return
    if response.is_error:
        raise read_problem(response)
    raise InvalidAnswer(f"unexpected status {response.status_code}: {_description(response)}")


def _require_image(response: httpx.Response) -> str:
    media_type = _media_type(response)
    claimed = format_of_media_type(media_type)
    if claimed is None:
        raise InvalidAnswer(f"an image was expected: {_description(response)}")
    if format_of_content(response.content) is not claimed:
        raise InvalidAnswer(f"the answer says {media_type}, its bytes do not: {response.content[:12]!r}")
    if not is_whole(response.content):
        raise InvalidAnswer(f"the image is cut short: {len(response.content)} bytes of {media_type}")
    return media_type


def _header(response: httpx.Response, name: str) -> str:
    value = response.headers.get(name)
    if value is None:
        raise InvalidAnswer(f"the answer has no {name} header: is this a Figment service?")
    return str(value)


def _model_and_version(text: str) -> tuple[str, int]:
    name, _, version = text.rpartition("/")
    if not name:
        raise InvalidAnswer(f"Figment-Model is not name/version: {text!r}")
    return name, _whole(version, "Figment-Model")


def _seeds(response: httpx.Response) -> tuple[int | None, tuple[int, ...]]:
    first, every = response.headers.get("Figment-Seed"), response.headers.get("Figment-Seeds")
    if first is None and every is None:
        raise InvalidAnswer("the answer has neither a Figment-Seed nor a Figment-Seeds header")
    seed = None if first is None else _whole(first, "Figment-Seed")
    texts = (first if every is None else every).split(",")
    return seed, tuple(_whole(text, "Figment-Seeds") for text in texts)


def _labels(response: httpx.Response) -> tuple[int, ...]:
    text = response.headers.get("Figment-Labels")
    return () if text is None else tuple(_whole(label, "Figment-Labels") for label in text.split(","))


def _whole(text: str, header: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", text):
        raise InvalidAnswer(f"{header}: {text!r} is no whole number")
    return int(text)


def _problem_document(response: httpx.Response) -> dict[str, object]:
    if _media_type(response) != PROBLEM_MEDIA_TYPE:
        return {}
    try:
        document = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}  # called a problem, yet no JSON: described as any other page
    return document if isinstance(document, dict) else {}


def _string(document: dict[str, object], member: str) -> str:
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


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _description(response: httpx.Response) -> str:
    """A page that is none of ours, in a line fit for a terminal: its media type and how it begins."""
    kind = _media_type(response) or "no media type"
    text = response.content[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{kind}, beginning {line[:EXCERPT_CHARACTERS]!r}" if line else f"{kind}, empty"
