"""The body of a request that is a picture: its bytes, or the field `image` of a form, of a limited size."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.apart import apart
from service.api.content import read_content
from service.api.problems import InvalidParameters, ParameterError

FIELD: Final = "image"
MIB: Final = 2**20
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                    "required": [FIELD],
                }
            },
        },
    }
}
"""The OpenAPI entry of such a body."""


async def uploaded(request: Request, limit: int) -> bytes:
    """The bytes of the file that a request sends; any Content-Type but a form's is taken for the file itself.

    Args:
        request: whose body was not read.
        limit: MiB of the body at most.

    Raises:
        TooLarge, UnsupportedMedia, TimeoutError, ClientGone: as of `read_content`.
        InvalidParameters: a form that is not well formed, or has not exactly the file `image`.
    """
    content = await read_content(request, limit * MIB)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        return content

    try:
        file = await apart(lambda: asyncio.run(_file_of_form(request, content)))
    except MultiPartException as error:
        raise _wrong(error.message) from error
    except Exception as error:  # no boundary is a KeyError; python-multipart has errors of its own
        raise _wrong(f"the form cannot be read: {error}") from error
    if file is None:
        raise _wrong("a form with one file, of that name, is needed")
    return file


async def _file_of_form(request: Request, content: bytes) -> bytes | None:
    """The only part of a form, if it is the file; for an event loop of its own: to read a form can take seconds."""

    async def stream() -> AsyncIterator[bytes]:
        yield content
        yield b""

    parser = MultiPartParser(request.headers, stream(), max_files=1, max_fields=0)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
        file = form.get(FIELD)
        return await file.read() if isinstance(file, UploadFile) and len(form) == 1 else None
    finally:
        for opened in parser._files_to_close_on_error:  # also of a part that is cut off, which no form holds
            opened.close()


def _wrong(message: str) -> InvalidParameters:
    return InvalidParameters(ParameterError(parameter=FIELD, message=message))
