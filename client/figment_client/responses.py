"""What came back, made into a result or an error. Every function takes a response that has been read."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .errors import InvalidAnswer
from .formats import HEAD_BYTES, container_of, formats_of_media_type, is_whole
from .inspections import Inspection, inspection_from_json
from .listings import ModelListing, listing_from_json
from .pictures import Picture
from .points import points_of_request
from .problems import description, media_type, read_failure, read_problem

if TYPE_CHECKING:
    import httpx

    from .calls import Call

Result = TypeVar("Result")


def finish(outcome: httpx.Response | httpx.RequestError, read: Callable[[httpx.Response], Result]) -> Result:
    """What `read` makes of a response; where there is none, the error that says why is raised."""
    if isinstance(outcome, Exception):
        raise read_failure(outcome) from outcome
    return read(outcome)


def read_picture(response: httpx.Response, call: Call, file: Path | None = None) -> Picture:
    """
    The picture of a 200 to `call`, whose bytes are in the response or were written to `file` while they arrived.

    Raises ProblemError for an error status, InvalidAnswer where the body is not a whole file of the media
    type it is said to have, or the headers that tell its origin are missing.
    """
    require_ok(response)
    source = response.content if file is None else file
    kind = _require_whole(response, source)
    model, version = _model_and_version(_header(response, "Figment-Model"))
    request = response.headers.get("Figment-Request")
    if request is not None and not request.startswith("/"):
        raise InvalidAnswer(f"Figment-Request is no path: {request!r}")
    seeds, labels = _wholes(response, "Figment-Seeds"), _wholes(response, "Figment-Labels")
    points = tuple(map(str, seeds)) or (points_of_request(request) if request else ()) or call.points
    return Picture(source, kind, seeds, model, version, request, labels, points)


def read_models(response: httpx.Response) -> ModelListing:
    """The listing of a 200 from `/models`. Raises ProblemError, and InvalidAnswer for unexpected JSON."""
    return _read_json(response, listing_from_json, "listing of models")


def read_inspection(response: httpx.Response) -> Inspection:
    """What a 200 from `/inspect` says. Raises ProblemError, and InvalidAnswer for unexpected JSON."""
    return _read_json(response, inspection_from_json, "inspection")


def read_ready(response: httpx.Response) -> bool:
    """True for a 200 from `/readyz`, False for a 503; ProblemError for any other error status."""
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    require_ok(response)
    return True


def require_ok(response: httpx.Response) -> httpx.Response:
    """The response, if it is a 200; else ProblemError for an error status, InvalidAnswer for another success."""
    if response.status_code == HTTPStatus.OK:
        return response
    if response.is_error:
        raise read_problem(response)
    raise InvalidAnswer(f"unexpected status {response.status_code}: {description(response)}")


def _read_json(response: httpx.Response, read: Callable[[object], Result], what: str) -> Result:
    require_ok(response)
    try:
        return read(json.loads(response.content))
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer(f"the answer is no {what}: {error}") from error


def _require_whole(response: httpx.Response, source: bytes | Path) -> str:
    kind = media_type(response)
    claimed = {each.container for each in formats_of_media_type(kind)}
    if not claimed:
        raise InvalidAnswer(f"a picture was expected: {_shown(response, source)}")
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if container_of(head) not in claimed:
            raise InvalidAnswer(f"the answer says {kind}, its bytes do not: {head[:12]!r}")
        if not is_whole(file):
            raise InvalidAnswer(f"the picture is cut short: {file.seek(0, io.SEEK_END)} bytes of {kind}")
    return kind


def _shown(response: httpx.Response, source: bytes | Path) -> str:
    return description(response) if isinstance(source, bytes) else media_type(response) or "no media type"


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


def _wholes(response: httpx.Response, header: str) -> tuple[int, ...]:
    text = response.headers.get(header)
    return () if text is None else tuple(_whole(number, header) for number in text.split(","))


def _whole(text: str, header: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", text):
        raise InvalidAnswer(f"{header}: {text!r} is no whole number")
    return int(text)
