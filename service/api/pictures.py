"""Answers with pictures: from pixels to files, with the headers that say what was drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from fastapi import Request, Response

from bundle.latents import Latents
from bundle.points import Point
from service.apart import QUICK_PIXELS, apart
from service.api.negotiation import MEDIA_TYPES
from service.api.origin import Origin
from service.api.problems import InvalidParameters, ParameterError
from service.api.queries import GridQuery, ImageQuery
from service.catalogue import Model
from service.engine.protocol import Pixels
from service.observability.account import current
from service.pictures.animation import Format, encode_animation
from service.pictures.archives import describe, encode_json, encode_npz, encode_zip, file_names
from service.pictures.colours import WHITE
from service.pictures.grid import default_columns, make_grid
from service.pictures.scaling import scale_images
from service.pictures.stills import StillFormat, encode_still

MAX_PIXELS: Final = 2**25
"""Of one picture: 33 million, such as 64 images of 512 pixels a side, twice as large."""


def not_modified(request: Request, origin: Origin) -> Response | None:
    """The answer to a client that has the picture (RFC 9110, 13.1.2): 304, before anything is drawn."""
    given = request.headers.get("if-none-match", "")
    if request.method != "GET" or not given or origin.random:
        return None
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return Response(status_code=304, headers=origin.caching) if "*" in tags or origin.etag in tags else None


async def still_response(
    images: Pixels, latents: Latents, labels: Sequence[int], points: Sequence[Point], query: ImageQuery, origin: Origin
) -> Response:
    """Images in rows as one picture, or each by itself in a file for programs.

    Args:
        images: uint8 [n, height, width, channels].
        latents: float32 [n, latent_dim] of the images.
        labels: the class of each image, or none.
        points: of each image.
        query: how they are laid out.
        origin: of the answer.
    """
    format, text = origin.chosen.format, origin.text(labels)  # noqa: A001
    if query.scale != 1:  # before they are laid out, so that no pixel is made of two images
        with current().stage("encode"):
            images = await apart(lambda: scale_images(images, query.scale, query.resample))
    if format in ("npz", "zip", "json"):
        with current().stage("encode"):
            content = await apart(lambda: archive(images, latents, labels, points, origin))
        return Response(content, headers=origin.headers(labels), media_type=MEDIA_TYPES[format])

    def encode() -> bytes:
        still = cast(StillFormat, format)
        return encode_still(laid_out(images, query), still, quality=query.quality, lossless=query.lossless, text=text)

    quick = format == "png" and images.nbytes <= QUICK_PIXELS
    content = await encoded(encode, quick=quick)
    return Response(content, headers=origin.headers(labels), media_type=MEDIA_TYPES[format])


async def walk_response(frames: Pixels, labels: Sequence[int], query: GridQuery, fps: int, origin: Origin) -> Response:
    """Frames as an animation; `labels` are the classes of the key points."""
    kind = cast(Format, origin.chosen.format)

    def encode() -> bytes:
        scaled = scale_images(frames, query.scale, query.resample)
        return encode_animation(scaled, kind, fps, origin.text(labels), quality=query.quality, lossless=query.lossless)

    content = await encoded(encode)
    return Response(content, headers=origin.headers(labels), media_type=MEDIA_TYPES[kind])


async def encoded(encode: Callable[[], bytes], *, quick: bool = False) -> bytes:
    """A file, made apart.

    Raises:
        InvalidParameters: the format cannot hold it: a side is too long, or it has no lossless kind.
    """
    try:
        with current().stage("encode"):
            return await apart(encode, quick=quick)
    except ValueError as error:
        raise InvalidParameters(ParameterError(parameter="format", message=str(error))) from error


def laid_out(images: Pixels, query: ImageQuery) -> Pixels:
    """One picture of images: uint8 [height, width, channels]."""
    if isinstance(query, GridQuery):
        return make_grid(images, query.columns, query.padding, query.background or WHITE)
    return make_grid(images, 1)


def check_size(n: int, model: Model, query: ImageQuery) -> None:
    """Refuse, before anything is drawn, a picture of n images that would have more than `MAX_PIXELS`.

    Raises:
        InvalidParameters: it would.
    """
    shape = model.bundle.manifest.image
    columns = (query.columns if isinstance(query, GridQuery) else 1) or default_columns(n)
    columns = min(columns, n)
    padding = query.padding if isinstance(query, GridQuery) else 0
    height, width = (side * query.scale + padding for side in (shape.height, shape.width))
    pixels = height * width * columns * -(-n // columns)
    if pixels > MAX_PIXELS:
        most = f"at most {MAX_PIXELS:,} are drawn: take fewer images, or a smaller scale"
        message = f"the picture would have {pixels:,.0f} pixels; {most}"
        raise InvalidParameters(ParameterError(parameter="scale", message=message, got=f"{query.scale:g}"))


def archive(images: Pixels, latents: Latents, labels: Sequence[int], points: Sequence[Point], origin: Origin) -> bytes:
    """A file for programs."""
    seeds = [point.seed for point in points]
    if origin.chosen.format == "npz":
        known = [seed for seed in seeds if seed is not None]
        return encode_npz(images, latents, known if len(known) == len(seeds) else None, labels or None)
    texts = [
        origin.text_of_one(point, latent, labels[i : i + 1])
        for i, (point, latent) in enumerate(zip(points, latents, strict=True))
    ]
    document = describe(images, list(map(str, points)), seeds, labels or None, origin.summary)
    if origin.chosen.format == "zip":
        return encode_zip(images, file_names(seeds), texts, document)
    return encode_json(images, texts, document)


def picture_responses(*kinds: str, headers: Mapping[str, str] | None = None) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of a picture: its formats, and the headers."""
    binary = {"type": "string", "format": "binary"}
    content = {MEDIA_TYPES[kind]: {"schema": {"type": "object"} if kind == "json" else binary} for kind in kinds}
    described = {
        **(headers or {}),
        "Figment-Seeds": "The seeds, separated by commas, where all points are seeds.",
        "Figment-Labels": "The class of each seed, an index of `class_names`; only of a model with classes.",
        "Figment-Model": "name/version.",
        "ETag": "The same for the same file to the last bit; not where something was drawn at random.",
        "Cache-Control": "Immutable where the request names the version; no-store where something was drawn at random.",
        "Content-Location": "Where something was drawn at random: what answers with the same picture again.",
        "Vary": "Accept, where that chose the format.",
        "Figment-Request": "The path and query that answer with the same picture again, if they are not too long.",
    }
    documented = {name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()}
    return {
        200: {"description": "The picture.", "content": content, "headers": documented},
        304: {"description": "The client has it: its `If-None-Match` names the `ETag`."},
    }
