"""`/generate` and `/images/{seed}.png`: images of seeds."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from bundle.latents import latents_of
from bundle.seeds import consecutive_seeds, random_seed
from service.api.parameters import GenerateQuery, ImageQuery, Seed, only, refuse_body
from service.api.pictures import draw, grid_response, picture_responses, replay_path
from service.api.problems import responses
from service.catalogue import Catalogue

PROBLEMS = responses("invalid-parameter", "unknown-model", "overloaded", "not-ready", "timeout", "inference-failed")
router = APIRouter(
    tags=["images"],
    dependencies=[Depends(refuse_body)],
    default_response_class=Response,
    responses=picture_responses("png", headers={"Figment-Seed": "The first seed."}) | PROBLEMS,
)


@router.get("/generate", operation_id="generate", summary="Images as a PNG grid", dependencies=[only(GenerateQuery)])
@router.post(
    "/generate", operation_id="generate_by_post", summary="Images as a PNG grid", dependencies=[only(GenerateQuery)]
)
async def generate(query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
    """Draw `n` images of the seeds `seed`, `seed + 1` …"""
    catalogue: Catalogue = request.app.state.catalogue
    model = catalogue.get(query.model)
    first = random_seed() if query.seed is None else query.seed
    seeds = list(consecutive_seeds(first, query.n))
    manifest = model.bundle.manifest
    images = await draw(request, model, partial(latents_of, seeds, manifest.latent_dim, query.truncation))
    replay = replay_path("/generate", {"n": query.n, "seed": first}, query, model)
    response = await grid_response(model, images, query.columns, seeds, replay, random=query.seed is None)
    response.headers["Figment-Seed"] = str(first)
    return response


@router.get(
    "/images/{seed:path}.png", operation_id="image", summary="The image of one seed", dependencies=[only(ImageQuery)]
)
async def image(seed: Annotated[Seed, Path()], query: Annotated[ImageQuery, Query()], request: Request) -> Response:
    """Draw the image of one seed."""
    catalogue: Catalogue = request.app.state.catalogue
    model = catalogue.get(query.model)
    manifest = model.bundle.manifest
    images = await draw(request, model, partial(latents_of, [seed], manifest.latent_dim, query.truncation))
    replay = replay_path(f"/images/{seed}.png", {}, query, model)
    response = await grid_response(model, images, 1, [seed], replay, random=False)
    response.headers["Figment-Seed"] = str(seed)
    return response
