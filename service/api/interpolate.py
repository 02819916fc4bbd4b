"""`/interpolate`: a walk between images."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from bundle.latents import Latents, latents_of, path
from bundle.seeds import random_seed
from service.api.classes import choose, find_label, label_asked, labels_drawn
from service.api.generate import PROBLEMS
from service.api.parameters import InterpolateQuery
from service.api.pictures import (
    Origin,
    animation_response,
    borrowed,
    draw,
    grid_response,
    picture_responses,
    replay_path,
)
from service.api.route import PictureRoute

router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses("png", "webp", "gif") | PROBLEMS,
)


@router.get("/interpolate", operation_id="interpolate", summary="A walk between images")
async def interpolate(query: Annotated[InterpolateQuery, Query()], request: Request) -> Response:
    """Draw `frames` images on the way through the seeds, as a PNG strip or an animation."""
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        label = find_label(manifest, query.label)
        keys = query.keys or [random_seed(), random_seed()]

        def walk() -> tuple[Latents, list[int]]:
            latents = latents_of(keys, manifest.latent_dim, query.truncation, len(manifest.class_names))
            steps = path(latents, query.frames, query.mode, query.loop)
            return choose(steps, manifest, label), labels_drawn(latents, manifest, label)

        frames, labels = await draw(request, model, query.frames, walk, made=len(keys) + query.frames)
        asked = {"seeds": ",".join(map(str, keys)), "frames": query.frames, **label_asked(manifest, label)}
        origin = Origin(
            model, keys, labels, replay_path("/interpolate", asked, query, model), random=query.keys is None
        )
        if query.format == "png":
            return await grid_response(frames, query.columns or query.frames, origin)
        return await animation_response(frames, query.format, query.fps, origin)
