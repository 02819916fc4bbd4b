"""`/interpolate`: a walk between images."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from bundle.latents import Latents, latents_of, path
from bundle.seeds import random_seed
from service.api.generate import PROBLEMS
from service.api.parameters import InterpolateQuery, only, refuse_body
from service.api.pictures import animation_response, draw, grid_response, picture_responses, replay_path
from service.catalogue import Catalogue

router = APIRouter(
    tags=["images"],
    dependencies=[only(InterpolateQuery), Depends(refuse_body)],
    default_response_class=Response,
    responses=picture_responses("png", "webp", "gif") | PROBLEMS,
)


@router.get("/interpolate", operation_id="interpolate", summary="A walk between images")
async def interpolate(query: Annotated[InterpolateQuery, Query()], request: Request) -> Response:
    """Draw `frames` images on the way through the seeds, as a PNG strip or an animation."""
    catalogue: Catalogue = request.app.state.catalogue
    model = catalogue.get(query.model)
    keys = query.keys or [random_seed(), random_seed()]

    def walk() -> Latents:
        latents = latents_of(keys, model.bundle.manifest.latent_dim, query.truncation)
        return path(latents, query.frames, query.mode, query.loop)

    frames = await draw(request, model, walk)
    asked = {"seeds": ",".join(map(str, keys)), "frames": query.frames}
    replay = replay_path("/interpolate", asked, query, model)
    random = query.keys is None
    if query.format == "png":
        return await grid_response(model, frames, query.columns or query.frames, keys, replay, random)
    return await animation_response(model, frames, query.format, query.fps, keys, replay, random)
