"""`/generate` and `/images/{seed}.png`: images of seeds."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from bundle.latents import Latents, latents_of
from bundle.seeds import consecutive_seeds, random_seed
from service.api.classes import choose, find_label, label_asked, labels_drawn
from service.api.parameters import GenerateQuery, ImageQuery, Seed
from service.api.pictures import Origin, borrowed, draw, grid_response, picture_responses, replay_path
from service.api.problems import responses
from service.api.route import PictureRoute

PROBLEMS = responses("invalid-parameter", "unknown-model", "overloaded", "not-ready", "timeout", "inference-failed")
router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses("png", headers={"Figment-Seed": "The first seed."}) | PROBLEMS,
)


@router.get("/generate", operation_id="generate", summary="Images as a PNG grid")
@router.post("/generate", operation_id="generate_by_post", summary="Images as a PNG grid")
async def generate(query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
    """Draw `n` images of the seeds `seed`, `seed + 1` …"""
    first = random_seed() if query.seed is None else query.seed
    seeds = list(consecutive_seeds(first, query.n))
    asked = {"n": query.n, "seed": first}
    return await _answer(request, query, seeds, "/generate", asked, query.columns)


@router.get("/images/{seed:path}.png", operation_id="image", summary="The image of one seed")
async def image(seed: Annotated[Seed, Path()], query: Annotated[ImageQuery, Query()], request: Request) -> Response:
    """Draw the image of one seed."""
    return await _answer(request, query, [seed], f"/images/{seed}.png", {}, columns=1)


async def _answer(
    request: Request,
    query: GenerateQuery | ImageQuery,
    seeds: list[int],
    path: str,
    asked: Mapping[str, object],
    columns: int | None,
) -> Response:
    """The grid of the seeds' images; `path` and `asked` are what repeats it."""
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        label = find_label(manifest, query.label)

        def make() -> tuple[Latents, list[int]]:
            latents = latents_of(seeds, manifest.latent_dim, query.truncation, len(manifest.class_names))
            return choose(latents, manifest, label), labels_drawn(latents, manifest, label)

        images, labels = await draw(request, model, len(seeds), make)
        replay = replay_path(path, {**asked, **label_asked(manifest, label)}, query, model)
        random = isinstance(query, GenerateQuery) and query.seed is None
        response = await grid_response(images, columns, Origin(model, seeds, labels, replay, random))
    response.headers["Figment-Seed"] = str(seeds[0])
    return response
