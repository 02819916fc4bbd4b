"""Errors in the shapes of other people's protocols: their clients read nothing else.

What is wrong with a request is 400 there, where Figment's own interface says 422.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

Shape = Callable[[int, str, str, str | None], dict[str, Any]]
"""Makes the body of an error of its status, kind, detail, and the parameter that is wrong, if one is."""

BAD_REQUEST = 400

NAMES = {"invalid-parameter": "invalid_value", "unknown-model": "model_not_found"}
"""What OpenAI calls a kind of problem; others keep their own name."""


class ErrorText(BaseModel):
    """An error of the Open Inference Protocol and of TensorFlow Serving."""

    error: str


class OpenAIErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(BaseModel):
    """An error of OpenAI's interface."""

    error: OpenAIErrorDetail


def shape_of(path: str) -> Shape | None:
    """The shape of the errors of a path; None for Figment's own.

    `GET /v1/models/NAME` belongs to two protocols; its errors are OpenAI's, whose clients are the stricter readers.
    """
    if path == "/v2" or path.startswith("/v2/"):
        return error_text
    if not path.startswith("/v1/"):
        return None
    _, found, name = path.partition("/v1/models/")
    return error_text if found and ("/" in name or ":" in name) else openai_error


def status_of(status: int) -> int:
    """The status of an error in another protocol."""
    return BAD_REQUEST if status == 422 else status


def error_text(status: int, kind: str, detail: str, parameter: str | None) -> dict[str, Any]:
    """As `ErrorText`."""
    return {"error": detail}


def openai_error(status: int, kind: str, detail: str, parameter: str | None) -> dict[str, Any]:
    """As `OpenAIError`."""
    name = "invalid_request_error" if status < 500 else "server_error"
    code = NAMES.get(kind, kind.replace("-", "_"))
    return {"error": {"message": detail, "type": name, "param": parameter, "code": code}}


def error_responses(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of the errors of a protocol."""
    retry = {"Retry-After": {"description": "Seconds; with 503.", "schema": {"type": "integer"}}}
    return {
        "4XX": {"model": model, "description": "400, 404, 405, 413 or 415: what is wrong with the request."},
        "5XX": {"model": model, "description": "500, 503 or 504: why it was not answered.", "headers": retry},
    }
