"""
What is asked, as plain values: each function gives the `Call` of one request, and nothing is sent here.

Requests are GETs, also those that draw random seeds: no request changes anything on the server. Where latents are
given, or more than a URL should hold, the same goes as JSON in the body of a POST, which is as safe to repeat.
None leaves a parameter out, so the server's default holds; the server also checks the ranges. Refused here is
only what could not be sent as it is meant.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import quote

from .calls import Call, drawing_call, given, text_of
from .errors import InvalidArgument, NoRequest, WrongEnding
from .formats import fits, format_of_path, media_type_of
from .points import Latent, Point, encodable, point_text, points_texts

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .files import StrPath
    from .options import DrawingOptions, GridOptions, ImageOptions

    Options = TypeVar("Options", bound=DrawingOptions)

IMAGE = ("scale", "resample", "format", "quality", "lossless", "truncation", "model", "version")
"""The options that all drawings have, beside `label`."""

GRID = ("columns", "padding", "background", *IMAGE)
"""Those of drawings that lay images out."""

EVENT_STREAM = "text/event-stream"
PROBLEM = "application/problem+json"


def generate(
    n: int | None = None,
    *,
    seed: Point | None = None,
    seeds: Iterable[Point] | str | None = None,
    latents: Collection[Latent] | None = None,
    labels: Sequence[int | str] | None = None,
    **options: Unpack[GridOptions],
) -> Call:
    """`/generate`: images in a grid. Raises InvalidArgument for points or labels that cannot be sent."""
    texts = () if seeds is None or isinstance(seeds, str) else points_texts(seeds)
    listed = None if seeds is None else encodable(seeds, "seeds") if isinstance(seeds, str) else ",".join(texts)
    first = None if seed is None else point_text(seed)
    values = {"n": n, "seed": first, "seeds": listed, **_labels(labels), **_chosen(GRID, **options)}
    return drawing_call("/generate", values, texts or (() if first is None else (first,)), latents)


def image(point: Point, **options: Unpack[ImageOptions]) -> Call:
    """
    `/images/{point}.{format}`: one image, always a GET: the path names it, and takes no body, however long the query.

    Raises InvalidArgument for a point or label that cannot be sent.
    """
    values = _chosen(IMAGE, **options)
    name, text = values.pop("format"), point_text(point)
    path = f"/images/{quote(text, safe=':')}.{name or 'png'}"
    return Call(path, given(values), points=(text,), format=str(name or "png"))


def interpolate(
    seeds: Sequence[Point] | None = None,
    *,
    latents: Collection[Latent] | None = None,
    frames: int | None = None,
    mode: str | None = None,
    easing: str | None = None,
    loop: bool | None = None,
    fps: int | None = None,
    t: float | None = None,
    shape: str | tuple[int, int] | None = None,
    **options: Unpack[GridOptions],
) -> Call:
    """`/interpolate`: a walk through points. Raises InvalidArgument for points or a label that cannot be sent."""
    texts = () if seeds is None else points_texts(seeds)
    way = {"seeds": ",".join(texts) or None, "frames": frames, "mode": mode, "easing": easing, "loop": loop}
    size = shape if shape is None or isinstance(shape, str) else "x".join(map(str, shape))
    values = {**way, "fps": fps, "t": t, "shape": size, **_chosen(GRID, **options)}
    return drawing_call("/interpolate", values, texts, latents)


def variations(
    seed: Point | None = None,
    n: int | None = None,
    *,
    distance: float | None = None,
    noise: int | None = None,
    **options: Unpack[GridOptions],
) -> Call:
    """`/variations`: neighbours of a point. Raises InvalidArgument for a point or label that cannot be sent."""
    text = None if seed is None else point_text(seed)
    values = {"seed": text, "n": n, "distance": distance, "noise": noise, **_chosen(GRID, **options)}
    return drawing_call("/variations", values, () if text is None else (text,))


def mix(
    seeds: Sequence[Point],
    weights: Sequence[float] | None = None,
    *,
    rescale: bool | None = None,
    **options: Unpack[ImageOptions],
) -> Call:
    """`/mix`: a weighted sum of points. Raises InvalidArgument for what cannot be sent."""
    texts = points_texts(seeds)
    if weights is not None and len(weights) != len(texts):
        raise InvalidArgument(f"weights: {len(weights)} for {len(texts)} points")
    listed = None if weights is None else ",".join(map(text_of, weights))
    values = {"seeds": ",".join(texts), "weights": listed, "rescale": rescale, **_chosen(IMAGE, **options)}
    return drawing_call("/mix", values, texts)


def project(
    content: bytes,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    model: str | None = None,
    version: int | None = None,
) -> Call:
    """`POST /project`: the point whose picture is nearest to that of a file; answered in events as it goes on."""
    params = given({"model": model, "version": version, "steps": steps, "seconds": seconds, "seed": seed})
    accept = f"{EVENT_STREAM}, {PROBLEM};q=0.5"
    return Call("/project", params, content, media_type_of(content), accept=accept)


def inspect(content: bytes) -> Call:
    """`POST /inspect`: what a picture says of its origin."""
    return Call("/inspect", content=content, media_type=media_type_of(content))


def replay(request: str | None) -> Call:
    """The path and query that a picture tells, asked again. Raises NoRequest where it tells none, or another thing."""
    if request is None:
        raise NoRequest("the picture does not say which request drew it: there is nothing to draw again")
    path, _, query = request.partition("?")
    if not path.startswith("/") or path.startswith("//"):
        raise NoRequest(f"the picture says it was drawn by {request!r}, which is no path of a Figment service")
    return Call(f"{path}?{query}" if query else path)


def models() -> Call:
    """`GET /models`."""
    return Call("/models")


def ready() -> Call:
    """`GET /readyz`."""
    return Call("/readyz")


def health() -> Call:
    """`GET /livez`."""
    return Call("/livez")


def destined(options: Options, to: StrPath | None) -> Options:
    """
    The options of a picture that will be written to a file: its ending chooses the format where none is given.

    Raises WrongEnding where the ending is none of a format, or of another than the one that is given.
    """
    if to is None:
        return options
    kind = format_of_path(to)
    wanted = cast("str | None", options.get("format"))
    if kind is None:
        raise WrongEnding(f"{str(to)!r}: the ending names no format, as .png or .webp do")
    if wanted is None:
        return cast("Options", {**options, "format": kind.name})
    if not fits(to, wanted):
        raise WrongEnding(f"{str(to)!r}: the picture will be {wanted}, so .{wanted} is needed")
    return options


def label_text(label: int | str) -> str:
    """
    A label as it is sent: the name of a class as it is, or its index, from 0, in digits.

    An empty name is refused, and a number below 0, which is no index.
    """
    if not isinstance(label, str):
        index = operator.index(label)
        if index < 0:
            raise InvalidArgument(f"label {index}: an index is 0 or more")
        return str(index)
    if not label:
        raise InvalidArgument("label '': an empty string is no class; leave the label out for each seed's own")
    return encodable(label, "label")


def _chosen(names: tuple[str, ...], *, label: int | str | None = None, **options: object) -> dict[str, object]:
    """The options of those names, and `label`, in an order that is always the same; another one is a TypeError."""
    unknown = [name for name in options if name not in names]
    if unknown:
        raise TypeError(f"unexpected option {unknown[0]!r}")
    values = {name: options.get(name) for name in names}
    return {**values, "label": None if label is None else label_text(label)}


def _labels(labels: Sequence[int | str] | None) -> dict[str, object]:
    """The labels as a text; as a list, which only a body holds, where a name has a comma in it."""
    if labels is None:
        return {}
    texts = [label_text(label) for label in labels]
    return {"labels": texts if any("," in text for text in texts) else ",".join(texts)}
