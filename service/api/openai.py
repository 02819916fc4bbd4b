"""OpenAI's interface: `POST /v1/images/generations`, and the models as `GET /v1/models` lists them.

A GAN reads no text: the prompt is hashed to a seed, image i has the seed + i, and every image says so.
"""

import base64
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bundle.latents import latents_of
from bundle.manifest import Manifest
from bundle.points import Point
from bundle.seeds import consecutive_seeds
from service.apart import apart
from service.api.classes import labels_drawn
from service.api.drawing import Made, borrowed, draw
from service.api.foreign import OpenAIError, error_responses
from service.api.json_body import JsonRoute
from service.api.negotiation import Chosen
from service.api.openai_images import (
    MAX_SCALE,
    ImageEntry,
    ImageRequest,
    ImagesAnswer,
    check_request,
    is_flattened,
    is_transparent,
    model_asked,
    prepared,
    seed_of,
)
from service.api.origin import Origin, replay_path
from service.api.queries import ImageQuery, NoQuery
from service.api.route import only
from service.api.served import ModelInPath, bundle_of, loaded_versions, model_query
from service.api.tfserving import ModelStatus, VersionStatus
from service.catalogue import Catalogue, Model
from service.engine.protocol import Pixels
from service.observability.account import current
from service.pictures.stills import encode_still

router = APIRouter(tags=["openai"], dependencies=[only(NoQuery)], responses=error_responses(OpenAIError))
images_router = APIRouter(tags=["openai"], route_class=JsonRoute, responses=error_responses(OpenAIError))


class OpenAIModel(BaseModel):
    """A model, as OpenAI describes one."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "figment"


class OpenAIModels(BaseModel):
    """The models that are served."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]


class ModelForBoth(OpenAIModel, ModelStatus):
    """A model as OpenAI describes it, and the states of its versions as TensorFlow Serving tells them."""


@router.get("/v1/models", operation_id="v1_models", summary="The models, as OpenAI lists them")
async def models(request: Request) -> OpenAIModels:
    """List the models that are served."""
    catalogue: Catalogue = request.app.state.catalogue
    return OpenAIModels(data=[_model(bundle.manifest) for _, bundle in sorted(catalogue.shelf.items())])


@router.get(
    "/v1/models/{name}", operation_id="v1_model", summary="A model, for OpenAI's clients and TensorFlow Serving's"
)
async def model(name: ModelInPath, request: Request) -> ModelForBoth:
    """Describe a model as OpenAI does, with TensorFlow Serving's status of its versions."""
    manifest = (await bundle_of(request, name)).manifest
    versions = loaded_versions(request.app.state.catalogue, name)
    states = [VersionStatus(version=str(version)) for version in reversed(versions)]
    return ModelForBoth(**_model(manifest).model_dump(), model_version_status=states)


def _model(manifest: Manifest) -> OpenAIModel:
    return OpenAIModel(id=manifest.name, created=int(manifest.created.timestamp()))


@images_router.post(
    "/v1/images/generations", operation_id="v1_images", response_model=ImagesAnswer, summary="Images of a prompt's seed"
)
async def generations(body: Annotated[ImageRequest, Body()], request: Request) -> Response:
    """Hash the prompt to a seed and draw `n` images of the seeds that follow."""
    name, version = model_asked(body.model)
    seeds = list(consecutive_seeds(seed_of(body.prompt), body.n or 1))
    async with borrowed(request, model_query(name, version)) as model:
        image = model.bundle.manifest.image
        scale = check_request(body, image)
        if body.response_format == "url":
            data = [{"url": _url(request, _replay(model, seed, body, scale))} for seed in seeds]
        else:
            images, labels = await _draw(request, model, seeds)
            with current().stage("encode"):
                data = await apart(lambda: _encoded(body, model, images, seeds, labels, scale))
    entries = [each | {"revised_prompt": _explained(model, seed)} for each, seed in zip(data, seeds, strict=True)]
    answer = ImagesAnswer(
        created=int(time.time()),
        data=[ImageEntry(**entry) for entry in entries],
        background="transparent" if is_transparent(body, image) else "opaque",
        output_format=body.kind,
        size=f"{scale * image.width}x{scale * image.height}",
    )
    return JSONResponse(answer.model_dump(exclude_none=True))


async def _draw(request: Request, model: Model, seeds: list[int]) -> tuple[Pixels, list[int]]:
    manifest = model.bundle.manifest

    def make() -> Made:
        latents = latents_of(seeds, manifest.latent_dim, classes=len(manifest.class_names))
        return latents, labels_drawn(latents, manifest)

    images, _, labels = await draw(request, model, len(seeds), make)
    return images, labels


def _encoded(
    body: ImageRequest, model: Model, images: Pixels, seeds: list[int], labels: list[int], scale: int
) -> list[dict[str, str]]:
    """The images in base64; a PNG says what made it."""
    transparent = is_transparent(body, model.bundle.manifest.image)
    entries = []
    for i, pixels in enumerate(prepared(images, scale, transparent)):
        replay = _replay(model, seeds[i], body, scale)
        origin = Origin(model, [Point(seeds[i])], replay, Chosen(body.kind, by_accept=False), random=False, pinned=True)
        text = origin.text(labels[i : i + 1])
        if scale > MAX_SCALE or is_flattened(body, model.bundle.manifest.image):
            del text["figment:request"]  # no address has such a picture
        content = encode_still(pixels, body.kind, quality=body.quality_asked, text=text)
        entries.append({"b64_json": base64.b64encode(content).decode()})
    return entries


def _replay(model: Model, seed: int, body: ImageRequest, scale: int) -> str:
    """The path and query of the image by itself."""
    query = ImageQuery.model_construct(scale=float(scale), quality=body.quality_asked)
    return replay_path(f"/images/{seed}.{body.kind}", {}, query, model, Chosen(body.kind, by_accept=False))


def _url(request: Request, path: str) -> str:
    """An address at this service, as its client calls it."""
    return str(request.base_url).rstrip("/") + path


def _explained(model: Model, seed: int) -> str:
    return f"seed {seed} of {model.label}; a GAN reads no text: the prompt was hashed to a seed"
