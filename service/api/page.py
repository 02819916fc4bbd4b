"""The page at `/`: the files of `service/page/`, as they were when the application was made."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

FOLDER = "page"
"""Beside `service/api`; also where the files are found in a URL, below `/page/`."""
INDEX = "index.html"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By ending: what a machine's own tables say differs, and a browser runs no module of another type."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asked for again each time, and answered 304: a new release shows at once
}


def make_router() -> APIRouter:
    """Routes for exactly the files of the page, which are read here and never again."""
    router = APIRouter(include_in_schema=False)
    for file in sorted(files("service").joinpath(FOLDER).iterdir(), key=lambda file: file.name):
        if ending_of(file.name) in MEDIA_TYPES:
            path = "/" if file.name == INDEX else f"/{FOLDER}/{file.name}"
            router.add_api_route(path, _answering(file), methods=["GET"], name=file.name)
    return router


def ending_of(name: str) -> str:
    """The ending of a file's name, with its dot; empty if it has none."""
    _, dot, ending = name.rpartition(".")
    return dot + ending


def _answering(file: Traversable) -> Callable[[Request], Awaitable[Response]]:
    content = file.read_bytes()
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = HEADERS | {"ETag": etag}
    media_type = MEDIA_TYPES[ending_of(file.name)]

    async def answer(request: Request) -> Response:
        if matches(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return answer


def matches(condition: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the entity tag: weakly compared, as RFC 9110, 13.1.2 asks."""
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag in tags
