"""The Open Inference Protocol, version 2, over REST, with Triton's binary tensor data: `/v2/models/NAME/infer`.

Inputs are `latents` FP32 [n, latent_dim], or `seeds` in their place: whole numbers [n, 1] or [n]. The output is
`images` UINT8 [n, height, width, channels].
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Body, Request, Response
from numpy.typing import NDArray

from bundle.latents import Latents, latents_of
from bundle.manifest import Manifest
from bundle.points import latents_of_points, point_of
from bundle.seeds import SEED_COUNT
from service.apart import QUICK_PIXELS, apart
from service.api.classes import choose, find_labels
from service.api.content import wrong
from service.api.drawing import Made, borrowed, draw
from service.api.foreign import ErrorText, error_responses
from service.api.infer_body import (
    LENGTH_HEADER,
    OUTPUT,
    InferAnswer,
    InferParameters,
    InferRequest,
    InferRoute,
    SentTensor,
    input_of,
    wants_binary,
)
from service.api.parameters import MAX_IMAGES
from service.api.served import ModelInPath, VersionInPath, model_query
from service.api.tensors import json_of
from service.catalogue import Model
from service.engine.protocol import Pixels
from service.observability.account import current

QUICK_COPY: Final = 2**20
"""Bytes of pixels that are copied in 0.1 ms."""
MICROSECONDS: Final = 1e-6

BINARY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": f"The images, in JSON; or behind it, where binary data was asked for: `{LENGTH_HEADER}` is then "
        "the length of the JSON.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
router = APIRouter(
    tags=["open inference protocol"], route_class=InferRoute, responses=BINARY | error_responses(ErrorText)
)


@router.post("/v2/models/{name}/infer", operation_id="v2_infer", response_model=InferAnswer, summary="Inference")
async def infer(name: ModelInPath, body: Annotated[InferRequest, Body()], request: Request) -> Response:
    """Draw the images of `latents` or `seeds`."""
    return await _infer(request, name, None, body)


@router.post(
    "/v2/models/{name}/versions/{version}/infer",
    operation_id="v2_infer_version",
    response_model=InferAnswer,
    summary="Inference by a version",
)
async def infer_version(
    name: ModelInPath, version: VersionInPath, body: Annotated[InferRequest, Body()], request: Request
) -> Response:
    """Draw the images of `latents` or `seeds`."""
    return await _infer(request, name, version, body)


async def _infer(request: Request, name: str, version: int | None, body: InferRequest) -> Response:
    if body.model_name not in (None, "", name):
        raise wrong("model_name", f"the path names {name}", body.model_name)
    if body.model_version not in (None, "", *([str(version)] if version else [])):
        raise wrong("model_version", "the version is chosen by the path: /versions/VERSION/infer", body.model_version)
    parameters = body.parameters or InferParameters()
    sent, binary = input_of(body, request.state.binary), wants_binary(body)
    async with borrowed(request, model_query(name, version)) as model, _within(request, parameters.timeout):
        manifest = model.bundle.manifest
        check_shape(sent, manifest.latent_dim)
        labels = find_labels(manifest, parameters.label, None, sent.shape[0])

        def make() -> Made:
            return choose(latents_sent(sent, manifest, parameters.truncation), manifest, labels), []

        images, _, _ = await draw(request, model, sent.shape[0], make, about=sent.name)
    quick = images.nbytes <= (QUICK_COPY if binary else QUICK_PIXELS)
    with current().stage("encode"):
        return await apart(lambda: _answer(body.id, model, images, binary), quick=quick)


@asynccontextmanager
async def _within(request: Request, limit: int | None) -> AsyncIterator[None]:
    """The request's deadline, where it is sooner than the service's: microseconds from now."""
    seconds = request.state.deadline if limit is None else limit * MICROSECONDS
    if seconds >= request.state.deadline:
        yield
        return
    request.state.deadline = seconds
    request.state.until = asyncio.get_running_loop().time() + seconds
    async with asyncio.timeout(seconds):
        yield


def check_shape(sent: SentTensor, latent_dim: int) -> None:
    """Refuse shapes of other tensors than latents [n, latent_dim] and seeds [n, 1] or [n], 1 ≤ n ≤ 64.

    Raises:
        InvalidParameters: it is another.
    """
    shapes = [[latent_dim]] if sent.name == "latents" else [[], [1]]
    if sent.shape[1:] not in shapes or not sent.shape:
        needed = " or ".join(str(["n", *shape]).replace("'", "") for shape in shapes)
        raise wrong(sent.name, f"the shape {needed} is needed, got {sent.shape}")
    if not 1 <= sent.shape[0] <= MAX_IMAGES:
        raise wrong(sent.name, f"1 to {MAX_IMAGES} rows are drawn in one request, got {sent.shape[0]}")


def latents_sent(sent: SentTensor, manifest: Manifest, truncation: float) -> Latents:
    """The latents that a tensor of a checked shape stands for, multiplied by ψ: float32 [n, latent_dim].

    Raises:
        InvalidParameters: numbers that are not finite, or no seeds.
    """
    tensor, classes = sent.decode(), len(manifest.class_names)
    if sent.name == "seeds":
        return latents_of(_seeds(tensor), manifest.latent_dim, truncation, classes)
    points = [point_of(np.asarray(row, np.float32)) for row in tensor]
    return latents_of_points(points, manifest.latent_dim, truncation, classes)


def _seeds(tensor: NDArray[Any]) -> list[int]:
    seeds: list[int] = tensor.reshape(-1).tolist()
    if outside := [seed for seed in seeds if not 0 <= seed < SEED_COUNT]:
        raise wrong("seeds", f"a seed is a whole number 0 … {SEED_COUNT - 1}", outside[0])
    return seeds


def _answer(request_id: str | None, model: Model, images: Pixels, binary: bool) -> Response:
    """The answer: JSON, with the pixels in it or behind it."""
    manifest = model.bundle.manifest
    output: dict[str, object] = {"name": OUTPUT, "datatype": "UINT8", "shape": list(images.shape)}
    if binary:
        output["parameters"] = {"binary_data_size": images.nbytes}
    identity = {} if request_id is None else {"id": request_id}
    head = {**identity, "model_name": manifest.name, "model_version": str(manifest.version), "outputs": [output]}
    text = json.dumps(head).encode()
    if binary:
        return Response(text + images.tobytes(), 200, {LENGTH_HEADER: str(len(text))}, "application/octet-stream")
    end = b"}]}"  # of the output, the outputs, the whole
    data = b', "data": ' + json_of(images.reshape(-1)) + end
    return Response(text.removesuffix(end) + data, 200, media_type="application/json")
