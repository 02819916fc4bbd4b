"""Answers with pictures: from seeds to bytes, and the headers that say what was drawn."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel

from bundle.latents import Latents
from service.api.hangup import while_connected
from service.catalogue import Catalogue, Model
from service.engine.protocol import Pixels
from service.pictures.animation import Format, encode_animation
from service.pictures.grid import make_grid
from service.pictures.png import encode_png

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "gif": "image/gif"}


def replay_path(path: str, asked: Mapping[str, object], query: BaseModel, model: Model) -> str:
    """The path and query that answer with the same picture again.

    It holds `asked`, in which the seeds are numbers, then what `query` does not leave to its default, and the model.
    """
    given = query.model_dump(exclude_defaults=True, exclude={"seed", "seeds", "model"})
    parameters = {**asked, **given, "model": model.bundle.manifest.name}
    return f"{path}?{urlencode({name: _plain(value) for name, value in parameters.items()}, safe=',')}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def draw(request: Request, model: Model, latents: Callable[[], Latents]) -> Pixels:
    """The images of the latents that `latents`, called in a thread, makes, within the deadline of the settings.

    Raises:
        TimeoutError: they took longer.
        ClientGone: the client hung up; its rows have left the queue.
    """
    catalogue: Catalogue = request.app.state.catalogue
    async with while_connected(request, catalogue.settings.deadline):
        return await model.batcher.generate(await asyncio.to_thread(latents))


async def grid_response(
    model: Model, images: Pixels, columns: int | None, seeds: Sequence[int], replay: str, random: bool
) -> Response:
    """A PNG grid, with the request inside."""

    def encode() -> bytes:
        return encode_png(make_grid(images, columns), provenance(model, seeds, replay))

    content = await asyncio.to_thread(encode)
    return Response(content, headers=headers(model, seeds, replay, random), media_type=MEDIA_TYPES["png"])


async def animation_response(
    model: Model, frames: Pixels, kind: Format, fps: int, seeds: Sequence[int], replay: str, random: bool
) -> Response:
    """An animation, with the request inside."""
    content = await asyncio.to_thread(encode_animation, frames, kind, fps, replay)
    return Response(content, headers=headers(model, seeds, replay, random), media_type=MEDIA_TYPES[kind])


def provenance(model: Model, seeds: Sequence[int], replay: str) -> dict[str, str]:
    """The text of a PNG: what made it. No clock time, so that the bytes repeat."""
    return {
        "figment:request": replay,
        "figment:seeds": _joined(seeds),
        "figment:model": model.label,
        "figment:digest": model.bundle.digest,
    }


def headers(model: Model, seeds: Sequence[int], replay: str, random: bool) -> dict[str, str]:
    """The headers of a picture. What was drawn at random must not be answered from a cache."""
    caching = {"Cache-Control": "no-store"} if random else {}
    return {
        "Figment-Seeds": _joined(seeds),
        "Figment-Model": model.label,
        "Figment-Request": replay,
        **caching,
    }


def _joined(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds))


def picture_responses(*kinds: str, headers: Mapping[str, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry of a picture: its formats, and the headers."""
    content = {MEDIA_TYPES[kind]: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    described = {
        **(headers or {}),
        "Figment-Seeds": "The seeds, separated by commas.",
        "Figment-Model": "name/version.",
        "Figment-Request": "The path and query that answer with the same picture again.",
    }
    documented = {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}
    return {200: {"description": "The picture.", "content": content, "headers": documented}}
