"""`/mix`: arithmetic on latents, such as a − b + c."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from bundle.neighbours import mix as mixed
from bundle.points import latents_of_points, point_of
from service.api.bodies import body_schema
from service.api.classes import choose, find_labels, labels_asked, labels_drawn
from service.api.drawing import Made, borrowed, draw
from service.api.generate import BODY_PROBLEMS, PROBLEMS
from service.api.negotiation import STILLS, choose_format
from service.api.origin import Origin, pinned, replay_path
from service.api.pictures import check_size, not_modified, picture_responses, still_response
from service.api.queries import MixQuery
from service.api.route import PictureRoute

router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses(*STILLS) | PROBLEMS,
)


@router.get("/mix", operation_id="mix", summary="A sum of images")
async def mix(query: Annotated[MixQuery, Query()], request: Request) -> Response:
    """Draw the image of the weighted sum of latents; its point is in the JSON."""
    chosen = choose_format(request, query.format, None, STILLS)
    weights = query.weights or [1.0 / len(query.seeds)] * len(query.seeds)
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        labels = find_labels(manifest, query.label, None, 1)
        asked = labels_asked(manifest, query.label, labels)
        replay = replay_path("/mix", asked, query, model, chosen)
        origin = Origin(model, query.seeds, replay, chosen, random=False, pinned=pinned(request, query))
        if known := not_modified(request, origin):
            return known
        check_size(1, model, query)

        def make() -> Made:
            terms = latents_of_points(query.seeds, manifest.latent_dim, query.truncation, len(manifest.class_names))
            found = choose(mixed(terms, weights, query.rescale)[np.newaxis], manifest, labels)
            return found, labels_drawn(found, manifest)

        images, latents, drawn = await draw(request, model, 1, make, made=len(query.seeds))
        return await still_response(images, latents, drawn, [point_of(latents[0])], query, origin)


@router.post(
    "/mix",
    operation_id="mix_by_post",
    summary="A sum of images",
    openapi_extra={"requestBody": body_schema(MixQuery)},
    responses=BODY_PROBLEMS,
)
async def mix_by_post(query: Annotated[MixQuery, Query()], request: Request) -> Response:
    """As `GET`, or with the parameters as JSON, where `latents` may stand for seeds."""
    return await mix(query, request)
