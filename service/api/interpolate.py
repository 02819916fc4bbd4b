"""`/interpolate`: a walk between images, one frame of it, or a lattice."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from bundle.latents import Latents
from bundle.points import Point, latents_of_points, point_of
from bundle.seeds import random_seed
from bundle.walks import along, lattice, walk
from service.api.bodies import body_schema
from service.api.classes import choose, find_labels, labels_asked, labels_drawn
from service.api.drawing import Made, borrowed, draw
from service.api.generate import BODY_PROBLEMS, PROBLEMS
from service.api.negotiation import FRAMES, WALKS, choose_format
from service.api.origin import Origin, pinned, replay_path
from service.api.pictures import check_size, not_modified, picture_responses, still_response, walk_response
from service.api.queries import InterpolateQuery
from service.api.route import PictureRoute

router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses(*WALKS, "jpeg", "avif") | PROBLEMS,
)

Ending = Annotated[
    str,
    Path(
        json_schema_extra={"enum": [*(*WALKS, "jpeg", "avif"), "jpg"]},
        description=f"The format: {', '.join(WALKS)}; of one frame {', '.join(FRAMES)}.",
    ),
]


@router.get("/interpolate", operation_id="interpolate", summary="A walk between images")
async def interpolate(query: Annotated[InterpolateQuery, Query()], request: Request) -> Response:
    """Draw the images on the way through the seeds: an animation, or a PNG strip; with `t` one of them; with `shape` a
    lattice between four.
    """
    return await _answer(query, request, None)


@router.post(
    "/interpolate",
    operation_id="interpolate_by_post",
    summary="A walk between images",
    openapi_extra={"requestBody": body_schema(InterpolateQuery)},
    responses=BODY_PROBLEMS,
)
async def interpolate_by_post(query: Annotated[InterpolateQuery, Query()], request: Request) -> Response:
    """As `GET`, or with the parameters as JSON, where `latents` may stand for seeds."""
    return await _answer(query, request, None)


@router.get("/interpolate.{ending}", operation_id="interpolate_in_format", summary="A walk in a format")
async def interpolate_in_format(
    ending: Ending, query: Annotated[InterpolateQuery, Query()], request: Request
) -> Response:
    """As `/interpolate`."""
    return await _answer(query, request, ending)


async def _answer(query: InterpolateQuery, request: Request, ending: str | None) -> Response:
    chosen = choose_format(request, query.format, ending, FRAMES if query.is_still else WALKS)
    keys = query.seeds or (Point(random_seed()), Point(random_seed()))
    n = query.shape[0] * query.shape[1] if query.shape else 1 if query.is_still else query.frames_in_all
    is_walk = not query.is_still and chosen.format != "png"
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        labels = find_labels(manifest, query.label, None, 1)
        asked = {"seeds": keys, **labels_asked(manifest, query.label, labels)}
        replay = replay_path("/interpolate", asked, query, model, chosen)
        origin = Origin(model, keys, replay, chosen, query.seeds is None, pinned=pinned(request, query))
        if known := not_modified(request, origin):
            return known
        check_size(n, model, query)

        def make() -> Made:
            latents = latents_of_points(keys, manifest.latent_dim, query.truncation, len(manifest.class_names))
            steps = choose(stepped(latents, query), manifest, labels and labels * n)
            return steps, labels * len(keys) if labels else labels_drawn(latents, manifest)

        frames, latents, drawn = await draw(request, model, n, make, made=len(keys) + n)
        if is_walk:
            return await walk_response(frames, drawn, query, query.fps, origin)
        columns = query.columns or (query.shape[0] if query.shape else len(frames))
        points: Sequence[Point] = [point_of(latent) for latent in latents]
        return await still_response(
            frames, latents, drawn, points, query.model_copy(update={"columns": columns}), origin
        )


def stepped(keys: Latents, query: InterpolateQuery) -> Latents:
    """The latents that a query asks for between key latents."""
    if query.shape is not None:
        return lattice(keys, *query.shape, query.mode)
    if query.t is not None:
        return along(keys, query.t, query.mode, query.loop, query.easing)[np.newaxis]
    return walk(keys, query.frames, query.mode, query.loop, query.easing)
