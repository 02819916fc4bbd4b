"""The body of a request: received up to a limit, before the deadline, and unpacked up to that limit."""

import asyncio
import zlib
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from service.apart import apart
from service.api.drawing import deadline_of
from service.api.hangup import ClientGone
from service.api.parameters import MAX_IMAGES
from service.api.problems import InvalidParameters, ParameterError, TooLarge, UnsupportedMedia, echo
from service.catalogue import Catalogue

MIN_LIMIT: Final = 2**20
"""Bytes of a body that are read in any case."""
NUMBER_TEXT: Final = 32
"""Bytes of a number in JSON, at most, with what is around it."""
QUICK_BODY: Final = 2**15
"""Bytes of JSON that are read in 0.2 ms."""

WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""What zlib calls the encodings of a body (RFC 9110, 8.4.1)."""


def limit_of(catalogue: Catalogue) -> int:
    """Bytes of a body that are read: as much as the latents of one request to the largest model, in JSON."""
    largest = max((bundle.manifest.latent_dim for bundle in catalogue.shelf.values()), default=0)
    return max(MIN_LIMIT, MAX_IMAGES * largest * NUMBER_TEXT)


async def read_content(request: Request, limit: int) -> bytes:
    """The body, unpacked; neither it nor what was sent has more than `limit` bytes.

    Raises:
        TooLarge: it is longer, or becomes so when it is unpacked.
        UnsupportedMedia: an unknown Content-Encoding.
        TimeoutError: it did not come before the deadline.
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


def wrong(parameter: str, message: str, got: object = None) -> InvalidParameters:
    """One parameter is wrong."""
    return InvalidParameters(ParameterError(parameter=parameter, message=message, got=echo(got)))


def _too_long(limit: int) -> str:
    return f"the body has more than {limit} bytes, which is the limit, packed and unpacked"
