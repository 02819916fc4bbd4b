"""`/generate` and `/images/{point}.{ending}`: images of points."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from bundle.points import Point, latents_of_points, parse_point
from bundle.seeds import consecutive_seeds, random_seed
from service.api.bodies import body_schema
from service.api.classes import choose, find_labels, labels_asked, labels_drawn
from service.api.drawing import Made, borrowed, draw
from service.api.negotiation import STILLS, Chosen, choose_format
from service.api.origin import Origin, pinned, replay_path
from service.api.parameters import SeedText
from service.api.pictures import check_size, not_modified, picture_responses, still_response
from service.api.problems import InvalidParameters, ParameterError, responses
from service.api.queries import GenerateQuery, ImageQuery
from service.api.route import PictureRoute

PROBLEMS = responses(
    "invalid-parameter", "unknown-model", "not-acceptable", "overloaded", "not-ready", "timeout", "inference-failed"
)
BODY_PROBLEMS = responses("too-large", "unsupported-media")
router = APIRouter(
    tags=["images"],
    route_class=PictureRoute,
    default_response_class=Response,
    responses=picture_responses(*STILLS, headers={"Figment-Seed": "The first seed."}) | PROBLEMS,
)

Ending = Annotated[
    str, Path(json_schema_extra={"enum": [*STILLS, "jpg"]}, description=f"The format: {', '.join(STILLS)}, or jpg.")
]


@router.get("/generate", operation_id="generate", summary="Images")
async def generate(query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
    """Draw `n` images of the seeds `seed`, `seed + 1` …, or one of each of `seeds`."""
    return await _generated(query, request, choose_format(request, query.format, None, STILLS))


@router.post(
    "/generate",
    operation_id="generate_by_post",
    summary="Images",
    openapi_extra={"requestBody": body_schema(GenerateQuery)},
    responses=BODY_PROBLEMS,
)
async def generate_by_post(query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
    """As `GET`, or with the parameters as JSON, where `latents` may stand for seeds."""
    return await generate(query, request)


@router.get("/generate.{ending}", operation_id="generate_in_format", summary="Images in a format")
async def generate_in_format(ending: Ending, query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
    """As `/generate`."""
    return await _generated(query, request, choose_format(request, query.format, ending, STILLS))


@router.get("/images/{seed:path}.{ending}", operation_id="image", summary="The image of one seed")
async def image(
    seed: Annotated[SeedText, Path()], ending: Ending, query: Annotated[ImageQuery, Query()], request: Request
) -> Response:
    """Draw the image of one seed, or of a latent."""
    chosen = choose_format(request, None, ending, STILLS)
    return await _answer(request, query, [parse_point(seed)], f"/images/{seed}.{chosen.format}", {}, chosen)


async def _generated(query: GenerateQuery, request: Request, chosen: Chosen) -> Response:
    if query.seeds is not None:
        return await _answer(request, query, query.seeds, "/generate", {}, chosen)
    random = Point(random_seed()) if query.seed is None else None
    first = random or query.seed
    assert first is not None
    if first.seed is None:
        if query.n > 1:
            raise InvalidParameters(ParameterError(parameter="n", message="a latent has no next one; give `seeds`"))
        points = [first]
    else:
        points = [Point(seed) for seed in consecutive_seeds(first.seed, query.n)]
    asked = {"n": query.n, "seed": first}
    return await _answer(request, query, points, "/generate", asked, chosen, random=random is not None)


async def _answer(
    request: Request,
    query: GenerateQuery | ImageQuery,
    points: list[Point] | tuple[Point, ...],
    path: str,
    asked: dict[str, object],
    chosen: Chosen,
    *,
    random: bool = False,
) -> Response:
    """The images of points; `path` and `asked` are what repeats them."""
    async with borrowed(request, query) as model:
        manifest = model.bundle.manifest
        given = query.labels if isinstance(query, GenerateQuery) else None
        labels = find_labels(manifest, query.label, given, len(points))
        asked |= labels_asked(manifest, query.label, labels)
        replay = replay_path(path, asked, query, model, chosen)
        origin = Origin(model, points, replay, chosen, random, pinned=pinned(request, query))
        if known := not_modified(request, origin):
            return known
        check_size(len(points), model, query)

        def make() -> Made:
            latents = latents_of_points(points, manifest.latent_dim, query.truncation, len(manifest.class_names))
            return choose(latents, manifest, labels), labels or labels_drawn(latents, manifest)

        about = "seeds" if isinstance(query, GenerateQuery) and query.seeds is not None else "seed"
        images, latents, drawn = await draw(request, model, len(points), make, about=about)
        response = await still_response(images, latents, drawn, points, query, origin)
    if points[0].seed is not None:
        response.headers["Figment-Seed"] = str(points[0].seed)
    return response
