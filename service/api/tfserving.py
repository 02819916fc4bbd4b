"""TensorFlow Serving's REST interface: the status and metadata of a model, and `:predict` by rows or by columns."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, Field

from bundle.latents import Latents
from bundle.manifest import Manifest
from service.apart import QUICK_PIXELS, apart
from service.api.content import wrong
from service.api.drawing import Made, borrowed, draw
from service.api.foreign import ErrorText, error_responses
from service.api.json_body import JsonRoute, StrictBody
from service.api.parameters import MAX_IMAGES
from service.api.queries import NoQuery
from service.api.route import only
from service.api.served import ModelInPath, VersionInPath, bundle_of, model_query
from service.api.tensors import json_of, tensor_of_json
from service.observability.account import current

SIGNATURE: Final = "serving_default"
INPUT: Final = "latents"

router = APIRouter(tags=["tensorflow serving"], dependencies=[only(NoQuery)], responses=error_responses(ErrorText))
predict_router = APIRouter(tags=["tensorflow serving"], route_class=JsonRoute, responses=error_responses(ErrorText))


class PredictRequest(StrictBody):
    """By rows, `instances`, or by columns, `inputs`; one of the two."""

    signature_name: str | None = Field(default=None, max_length=200)
    instances: list[Any] | None = None
    """Each a latent, as a list or as `{"latents": [...]}`."""
    inputs: list[Any] | dict[str, Any] | None = None
    """A list of latents, or `{"latents": [[...], ...]}`."""


class Prediction(BaseModel):
    """Images as nested lists [n, height, width, channels], 0 … 255: `predictions` of rows, `outputs` of columns."""

    predictions: list[Any] | None = None
    outputs: list[Any] | None = None


class Status(BaseModel):
    """Why a version is in its state."""

    error_code: str = "OK"
    error_message: str = ""


class VersionStatus(BaseModel):
    """The state of a version."""

    version: str
    state: str = "AVAILABLE"
    status: Status = Status()


class ModelStatus(BaseModel):
    """The states of a model's versions."""

    model_version_status: list[VersionStatus]


@router.get("/v1/models/{name}/versions/{version}", operation_id="v1_version", summary="The state of a version")
async def version_status(name: ModelInPath, version: VersionInPath, request: Request) -> ModelStatus:
    """Say that a version is available, once it is; it is loaded if it must be."""
    bundle = await bundle_of(request, name, version)
    return ModelStatus(model_version_status=[VersionStatus(version=str(bundle.manifest.version))])


@router.get("/v1/models/{name}/metadata", operation_id="v1_metadata", summary="What a model takes and answers")
async def metadata(name: ModelInPath, request: Request) -> dict[str, Any]:
    """Describe the signature of the served version."""
    return _metadata((await bundle_of(request, name)).manifest)


@router.get(
    "/v1/models/{name}/versions/{version}/metadata",
    operation_id="v1_version_metadata",
    summary="What a version takes and answers",
)
async def version_metadata(name: ModelInPath, version: VersionInPath, request: Request) -> dict[str, Any]:
    """Describe the signature of a version."""
    return _metadata((await bundle_of(request, name, version)).manifest)


@predict_router.post(
    "/v1/models/{name}:predict", operation_id="v1_predict", response_model=Prediction, summary="Images of latents"
)
async def predict(name: ModelInPath, body: Annotated[PredictRequest, Body()], request: Request) -> Response:
    """Draw the images of 1 to 64 latents."""
    return await _predict(request, name, None, body)


@predict_router.post(
    "/v1/models/{name}/versions/{version}:predict",
    operation_id="v1_version_predict",
    response_model=Prediction,
    summary="Images of latents by a version",
)
async def predict_version(
    name: ModelInPath, version: VersionInPath, body: Annotated[PredictRequest, Body()], request: Request
) -> Response:
    """Draw the images of 1 to 64 latents."""
    return await _predict(request, name, version, body)


async def _predict(request: Request, name: str, version: int | None, body: PredictRequest) -> Response:
    rows, (field, answered) = latents_asked(body), _fields(body)
    async with borrowed(request, model_query(name, version)) as model:
        latent_dim = model.bundle.manifest.latent_dim

        def make() -> Made:
            return _decode(field, rows, latent_dim), []

        images, _, _ = await draw(request, model, len(rows), make)

    def encode() -> bytes:
        return b'{"%s": %s}' % (answered.encode(), json_of(images))

    with current().stage("encode"):
        content = await apart(encode, quick=images.nbytes <= QUICK_PIXELS)
    return Response(content, media_type="application/json")


def latents_asked(body: PredictRequest) -> list[Any]:
    """The rows that are asked for, 1 … 64, not looked into.

    Raises:
        InvalidParameters: another signature, both formats or none, another input, or too many rows.
    """
    if body.signature_name not in (None, "", SIGNATURE):
        raise wrong("signature_name", f"there is {SIGNATURE}", body.signature_name)
    if (body.instances is None) == (body.inputs is None):
        raise wrong("instances", "either instances or inputs is needed")
    field, _ = _fields(body)
    rows = [_named(field, row) for row in body.instances] if body.instances else _named(field, body.inputs or [])
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_IMAGES:
        got = f", got {len(rows)}" if isinstance(rows, list) else ""
        raise wrong(field, f"a list of 1 to {MAX_IMAGES} latents is needed{got}")
    return rows


def _fields(body: PredictRequest) -> tuple[str, str]:
    return ("instances", "predictions") if body.instances is not None else ("inputs", "outputs")


def _named(field: str, value: Any) -> Any:  # noqa: ANN401
    """The latents of `{"latents": …}`; what is no object is the latents themselves, since there is no other input."""
    if not isinstance(value, dict):
        return value
    if value.keys() != {INPUT}:
        raise wrong(field, f"the only input is {INPUT}", ", ".join(value))
    return value[INPUT]


def _decode(field: str, rows: list[Any], latent_dim: int) -> Latents:
    if not isinstance(rows[0], list):  # tensor_of_json would take a flat list
        raise wrong(field, f"each latent is a list of {latent_dim} numbers")
    try:
        return tensor_of_json("FP32", [len(rows), latent_dim], rows)
    except ValueError as error:
        raise wrong(field, str(error)) from None


def _metadata(manifest: Manifest) -> dict[str, Any]:
    image = manifest.image
    signature = {
        "inputs": {INPUT: _tensor("DT_FLOAT", f"{SIGNATURE}_{INPUT}:0", manifest.latent_dim)},
        "outputs": {
            "images": _tensor("DT_UINT8", "StatefulPartitionedCall:0", image.height, image.width, image.channels)
        },
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": manifest.name, "signature_name": "", "version": str(manifest.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _tensor(dtype: str, name: str, *dims: int) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in (-1, *dims)]
    return {"dtype": dtype, "tensor_shape": {"dim": sizes, "unknown_rank": False}, "name": name}
