"""Answers with pictures: from seeds to bytes, and the headers that say what was drawn."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel

from bundle.latents import Latents
from service.apart import QUICK_LATENTS, QUICK_PIXELS, apart
from service.api.hangup import while_connected
from service.api.parameters import GenerateQuery, ImageQuery, InterpolateQuery
from service.catalogue import Catalogue, Model
from service.engine.protocol import Pixels
from service.pictures.animation import Format, encode_animation
from service.pictures.grid import make_grid
from service.pictures.png import encode_png

WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?', re.IGNORECASE)
"""A preference that others than we may know is no error if we do not (RFC 7240, section 2)."""

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "gif": "image/gif"}


@dataclass(frozen=True)
class Origin:
    """What a picture was made of.

    `labels` has the class of each seed's image, and is empty for a model without classes; `replay` is the path and
    query that answer with the same picture again; `random` says whether the seeds were drawn for this answer alone.
    """

    model: Model
    seeds: Sequence[int]
    labels: Sequence[int]
    replay: str
    random: bool


def replay_path(path: str, asked: Mapping[str, object], query: BaseModel, model: Model) -> str:
    """The path and query that answer with the same picture again.

    It holds `asked`, in which the seeds are numbers and the label is a name, then what `query` does not leave to its
    default, the model and its version.
    """
    given = query.model_dump(exclude_defaults=True, exclude={"seed", "seeds", "label", "model", "version"})
    manifest = model.bundle.manifest
    parameters = {**asked, **given, "model": manifest.name, "version": manifest.version}
    return f"{path}?{urlencode({name: _plain(value) for name, value in parameters.items()}, safe=',')}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@asynccontextmanager
async def borrowed(request: Request, query: GenerateQuery | ImageQuery | InterpolateQuery) -> AsyncIterator[Model]:
    """The model that a query names, for as long as the request needs it: until its deadline, or its client hangs up.

    Raises:
        TimeoutError: the deadline passed.
        ClientGone: the client hung up.
    """
    catalogue: Catalogue = request.app.state.catalogue
    deadline = request.state.deadline = deadline_of(request)
    request.state.until = asyncio.get_running_loop().time() + deadline
    async with while_connected(request, deadline), catalogue.borrow(query.model, query.version) as model:
        yield model


async def draw(
    request: Request, model: Model, n: int, make: Callable[[], tuple[Latents, list[int]]], made: int | None = None
) -> tuple[Pixels, list[int]]:
    """The images of the n latents that `make` makes, if they can be had before the request's deadline, and its labels.

    Where `make` takes long, a request that would be refused is refused before. `made`: how many latents it works on, if
    not n.
    """

    def left() -> float:
        until: float = request.state.until
        return until - asyncio.get_running_loop().time()

    quick = (made or n) <= QUICK_LATENTS
    if not quick:
        model.batcher.check(n, left())
    latents, labels = await apart(make, quick=quick)
    return await model.batcher.generate(latents, left()), labels


def deadline_of(request: Request) -> float:
    """Seconds that an answer may take: the settings', or those of `Prefer: wait=SECONDS` (RFC 7240) if fewer."""
    catalogue: Catalogue = request.app.state.catalogue
    waits = [
        float(match[1])
        for line in request.headers.getlist("prefer")
        for preference in line.split(",")
        if (match := WAIT.fullmatch(preference.strip()))
    ]
    return min([catalogue.settings.deadline, *waits])


async def grid_response(images: Pixels, columns: int | None, origin: Origin) -> Response:
    """A PNG grid, with the request inside."""

    def encode() -> bytes:
        return encode_png(make_grid(images, columns), provenance(origin))

    content = await apart(encode, quick=images.nbytes <= QUICK_PIXELS)
    return Response(content, headers=headers(origin), media_type=MEDIA_TYPES["png"])


async def animation_response(frames: Pixels, kind: Format, fps: int, origin: Origin) -> Response:
    """An animation, with the request inside."""
    content = await apart(lambda: encode_animation(frames, kind, fps, provenance(origin)))
    return Response(content, headers=headers(origin), media_type=MEDIA_TYPES[kind])


def provenance(origin: Origin) -> dict[str, str]:
    """The text of a PNG: what made it. No clock time, so that the bytes repeat."""
    labels = {"figment:labels": _joined(origin.labels)} if origin.labels else {}
    return {
        "figment:request": origin.replay,
        "figment:seeds": _joined(origin.seeds),
        **labels,
        "figment:model": origin.model.label,
        "figment:digest": origin.model.bundle.digest,
        "figment:precision": origin.model.precision,
    }


def headers(origin: Origin) -> dict[str, str]:
    """The headers of a picture. What was drawn at random must not be answered from a cache."""
    labels = {"Figment-Labels": _joined(origin.labels)} if origin.labels else {}
    caching = {"Cache-Control": "no-store"} if origin.random else {"ETag": etag(origin)}
    return {
        "Figment-Seeds": _joined(origin.seeds),
        **labels,
        "Figment-Model": origin.model.label,
        "Figment-Request": origin.replay,
        **caching,
    }


def etag(origin: Origin) -> str:
    """A strong validator (RFC 9110, 8.8.3): of what was asked, and of what draws it."""
    text = f"{origin.replay}\n{origin.model.identity}"
    return f'"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'


def _joined(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def picture_responses(*kinds: str, headers: Mapping[str, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry of a picture: its formats, and the headers."""
    content = {MEDIA_TYPES[kind]: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    described = {
        **(headers or {}),
        "Figment-Seeds": "The seeds, separated by commas.",
        "Figment-Labels": "The class of each seed, an index of `class_names`; only of a model with classes.",
        "Figment-Model": "name/version.",
        "ETag": "The same for the same picture to the last bit of the same bundle; not where seeds were random.",
        "Figment-Request": "The path and query that answer with the same picture again.",
    }
    documented = {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}
    return {200: {"description": "The picture.", "content": content, "headers": documented}}
