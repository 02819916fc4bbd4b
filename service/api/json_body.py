"""Bodies of requests in JSON: read up to a limit, unpacked up to a limit, and checked in one step."""

import asyncio
import zlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import ClientDisconnect

from service.apart import apart
from service.api.drawing import deadline_of
from service.api.hangup import ClientGone
from service.api.parameters import MAX_IMAGES
from service.api.problems import InvalidParameters, ParameterError, TooLarge, UnsupportedMedia, echo
from service.api.queries import NoQuery
from service.api.route import MAX_ERRORS, MAX_NAME, check_names, read
from service.catalogue import Catalogue

MIN_LIMIT: Final = 2**20
"""Bytes of a body that are read in any case."""
NUMBER_TEXT: Final = 32
"""Bytes of a number in JSON, at most, with what is around it."""
QUICK_BODY: Final = 2**15
"""Bytes of JSON that are read in 0.2 ms."""

WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls the encodings of a body (RFC 9110, 8.4.1)."""

B = TypeVar("B", bound=BaseModel)


class StrictBody(BaseModel):
    """A JSON object: nothing unknown in it, and no text where a number is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class JsonRoute(APIRoute):
    """A route of an endpoint that takes the `request`, a `body` model, and parameters of the path.

    FastAPI documents it from its signature; it would read a body of any length, and only with the right Content-Type.

    Raises (when it is called):
        InvalidParameters: any parameter of the query, or a body that is not what the model says.
        TooLarge: the body is longer than `limit_of`, or becomes so when it is unpacked.
        UnsupportedMedia: an unknown Content-Encoding.
        TimeoutError: the body did not come before the deadline.
    """

    def parts(self, request: Request, content: bytes) -> bytes:
        """The JSON of a body; a subclass may keep what else is in it."""
        return content

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        hints = get_type_hints(self.endpoint, include_extras=True)
        model: type[BaseModel] = get_args(hints["body"])[0]
        in_path = {name: TypeAdapter(hint) for name, hint in hints.items() if _is_in_path(hint)}
        endpoint = self.endpoint

        async def answer(request: Request) -> Response:
            check_names(request, NoQuery)
            values = {name: read(kind.validate_python, request.path_params[name], "path", name)
                      for name, kind in in_path.items()}  # fmt: skip
            content = await read_body(request, limit_of(request.app.state.catalogue))
            text = self.parts(request, content)
            body = await apart(lambda: parse(model, text), quick=len(text) <= QUICK_BODY)
            response: Response = await endpoint(request=request, body=body, **values)
            return response

        return answer


def _is_in_path(hint: Any) -> bool:  # noqa: ANN401
    return get_origin(hint) is Annotated and any(isinstance(each, params.Path) for each in get_args(hint))


def limit_of(catalogue: Catalogue) -> int:
    """Bytes of a body that are read: as much as the latents of one request to the largest model, in JSON."""
    largest = max((bundle.manifest.latent_dim for bundle in catalogue.shelf.values()), default=0)
    return max(MIN_LIMIT, MAX_IMAGES * largest * NUMBER_TEXT)


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked; neither it nor what was sent has more than `limit` bytes.

    Raises:
        TooLarge, UnsupportedMedia, TimeoutError: as of `JsonRoute`.
        InvalidParameters: it cannot be unpacked.
        ClientGone: the client hung up before its end.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", *WINDOW_BITS):
        detail = f"the Content-Encoding {echo(encoding)} is not read; gzip and deflate are"
        raise UnsupportedMedia(detail, {"Accept-Encoding": "gzip, deflate"})
    content = await _received(request, limit)
    if encoding not in WINDOW_BITS:
        return content
    return await apart(lambda: unpacked(content, encoding, limit), quick=len(content) <= QUICK_BODY)


async def _received(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise TooLarge(_too_long(limit))
    request.state.deadline = deadline_of(request)
    content = bytearray()
    try:
        async with asyncio.timeout(request.state.deadline):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise TooLarge(_too_long(limit))
    except ClientDisconnect:
        raise ClientGone from None
    return bytes(content)


def unpacked(content: bytes, encoding: str, limit: int) -> bytes:
    """What was packed as gzip (RFC 1952) or deflate (RFC 1950), if it has no more than `limit` bytes.

    Raises:
        TooLarge: it has more; then it is not unpacked to its end.
        InvalidParameters: it is not packed so, or not whole.
    """
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        result = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise wrong("body", f"it is no {encoding}: {error}") from None
    if len(result) > limit:
        raise TooLarge(_too_long(limit))
    if not unpacker.eof or unpacker.unused_data:
        raise wrong("body", f"its {encoding} is cut short" if not unpacker.eof else f"something follows its {encoding}")
    return result


def parse(model: type[B], content: bytes) -> B:
    """The JSON of a body as its model.

    Raises:
        InvalidParameters: it is no JSON (NaN and Infinity are none), or not what the model says.
    """
    try:
        value = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise wrong("body", f"it is no JSON: {error}") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)[:MAX_ERRORS]
        raise InvalidParameters(*map(_parameter_error, errors)) from None


def wrong(parameter: str, message: str, got: object = None) -> InvalidParameters:
    """One parameter is wrong."""
    return InvalidParameters(ParameterError(parameter=parameter, message=message, got=echo(got)))


def _parameter_error(error: ErrorDetails) -> ParameterError:
    place = ".".join(map(str, error["loc"])) or "body"
    message = "unknown parameter" if error["type"] == "extra_forbidden" else error["msg"]
    return ParameterError(
        parameter=place[:MAX_NAME], message=message.removeprefix("Value error, "), got=echo(error["input"])
    )


def _too_long(limit: int) -> str:
    return f"the body has more than {limit} bytes, which is the limit, packed and unpacked"
