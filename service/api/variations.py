"""`/variations`: neighbours of an image."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bundle.latents import latents_of
from bundle.neighbours import neighbours
from bundle.points import Point, latents_of_points, point_of
from bundle.seeds import consecutive_seeds, random_seed
from service.api.bodies import body_schema
from service.api.classes import choose, find_labels, labels_asked, labels_drawn
from service.api.drawing import Made, borrowed, draw
from service.api.generate import BODY_PROBLEMS, PROBLEMS
from service.api.negotiation import STILLS, choose_format
from service.api.origin import Origin, pinned, replay_path
from service.api.pictures import check_size, not_modified, picture_responses, still_response
from service.api.queries import VariationsQuery
from service.api.route import PictureRoute

router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses(*STILLS) | PROBLEMS,
)


@router.get("/variations", operation_id="variations", summary="Neighbours of an image")
async def variations(query: Annotated[VariationsQuery, Query()], request: Request) -> Response:
    """Draw `n` images at a distance from that of a seed; their points are in the JSON, by which each is had again."""
    chosen = choose_format(request, query.format, None, STILLS)
    random = query.seed is None or query.noise is None
    base = query.seed or Point(random_seed())
    noise = random_seed() if query.noise is None else query.noise
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        labels = find_labels(manifest, query.label, None, query.n)
        asked = {"seed": base, "noise": noise, "n": query.n, **labels_asked(manifest, query.label, labels)}
        replay = replay_path("/variations", asked, query, model, chosen)
        origin = Origin(model, [base], replay, chosen, random, pinned=pinned(request, query))
        if known := not_modified(request, origin):
            return known
        check_size(query.n, model, query)

        def make() -> Made:
            classes = len(manifest.class_names)
            (latent,) = latents_of_points([base], manifest.latent_dim, query.truncation, classes)
            directions = latents_of(consecutive_seeds(noise, query.n), manifest.latent_dim)
            found = choose(neighbours(latent, directions, query.distance, classes), manifest, labels)
            return found, labels_drawn(found, manifest)

        images, latents, drawn = await draw(request, model, query.n, make, about="seed")
        return await still_response(images, latents, drawn, [point_of(latent) for latent in latents], query, origin)


@router.post(
    "/variations",
    operation_id="variations_by_post",
    summary="Neighbours of an image",
    openapi_extra={"requestBody": body_schema(VariationsQuery)},
    responses=BODY_PROBLEMS,
)
async def variations_by_post(query: Annotated[VariationsQuery, Query()], request: Request) -> Response:
    """As `GET`, or with the parameters as JSON, where `latents` with one row may stand for the seed."""
    return await variations(query, request)
