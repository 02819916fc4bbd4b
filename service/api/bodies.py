"""JSON bodies: the parameters of a query by their names, and `latents` in the place of seeds."""

import json
from typing import Any, Final

import numpy as np
from fastapi import Request
from pydantic import BaseModel

from bundle.points import MAX_LATENT_DIM, Point, point_of
from service.apart import apart
from service.api.content import QUICK_BODY, limit_of, read_content
from service.api.parameters import MAX_IMAGES
from service.api.problems import InvalidParameters, ParameterError, UnsupportedMedia
from service.api.queries import VariationsQuery

MEDIA_TYPE: Final = "application/json"
LATENTS: Final = "latents"


async def read_body(request: Request, model: type[BaseModel]) -> dict[str, Any]:
    """The parameters of a body, with latents as points; empty if there is no body, or an empty one.

    Raises:
        UnsupportedMedia: the body is no JSON by its Content-Type.
        TooLarge, UnsupportedMedia, TimeoutError, ClientGone: as of `read_content`.
        InvalidParameters: it is no JSON object, or its latents are no rows of finite numbers.
    """
    content = await read_content(request, limit_of(request.app.state.catalogue))
    if not content:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE and not kind.endswith("+json"):
        raise UnsupportedMedia(f"a body is {MEDIA_TYPE}, or the parameters are in the query, as in /generate?n=16")
    return await apart(lambda: parse(content, model), quick=len(content) <= QUICK_BODY)


def parse(content: bytes, model: type[BaseModel]) -> dict[str, Any]:
    """The parameters of a JSON object, with latents as points.

    Raises:
        InvalidParameters: as of `read_body`.
    """
    try:
        values = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _wrong("body", f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise _wrong("body", 'a JSON object is needed, as in {"n": 16}')
    if values.get(LATENTS) is not None:
        place = "seed" if issubclass(model, VariationsQuery) else "seeds"
        if values.get(place) is not None:
            raise _wrong(LATENTS, f"give either {place} or latents")
        points = read_latents(values[LATENTS])
        if place == "seed" and len(points) != 1:
            raise _wrong(LATENTS, f"one row is needed; there are {len(points)}")
        values[place] = points[0] if place == "seed" else points
    values.pop(LATENTS, None)
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name is there twice")
    return values


def _no_number(text: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{text} is no JSON")


def read_latents(rows: object) -> list[Point]:
    """The points of rows of numbers.

    Raises:
        InvalidParameters: not 1 to 64 rows of as many finite numbers each.
    """
    needed = f"1 to {MAX_IMAGES} rows of as many finite numbers each are needed"
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_IMAGES or not all(isinstance(row, list) for row in rows):
        raise _wrong(LATENTS, needed)
    if not all(type(number) in (int, float) for row in rows for number in row):
        raise _wrong(LATENTS, needed)
    try:
        with np.errstate(over="ignore"):
            latents = np.asarray(rows, np.float64).astype(np.float32)
    except (ValueError, OverflowError) as error:
        raise _wrong(LATENTS, needed) from error
    if latents.ndim != 2 or not 1 <= latents.shape[1] <= MAX_LATENT_DIM or not np.isfinite(latents).all():
        raise _wrong(LATENTS, f"{needed}, and float32 must hold them")
    return [point_of(row) for row in latents]


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI entry of a body: what the query takes, and `latents`."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    row = {"type": "array", "items": {"type": "number"}}
    text = "Instead of seeds: rows of as many finite numbers as the model's latents have."
    schema["properties"][LATENTS] = {"type": "array", "items": row, "maxItems": MAX_IMAGES, "description": text}
    for name in ("seeds", "labels", "weights"):
        if name in schema["properties"]:
            given = schema["properties"][name]
            schema["properties"][name] = {
                "anyOf": [{"type": "string"}, {"type": "array"}, {"type": "null"}],
                **_described(given),
            }
    return {"content": {MEDIA_TYPE: {"schema": {**schema, "required": []}}}}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("description",) if name in schema}


def _wrong(name: str, message: str) -> InvalidParameters:
    return InvalidParameters(ParameterError(parameter=name, message=message))
