"""The Open Inference Protocol beside inference: what the server and its models are, and whether they are ready.

With Triton's extensions for a model's configuration and the index of the models.
"""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bundle.manifest import Manifest
from service.api.foreign import BAD_REQUEST, ErrorText, error_responses
from service.api.infer_body import OUTPUT
from service.api.json_body import JsonRoute, StrictBody
from service.api.parameters import MAX_IMAGES
from service.api.queries import NoQuery
from service.api.route import only
from service.api.served import ModelInPath, VersionInPath, bundle_of, loaded_versions
from service.catalogue import Catalogue, UnknownModel

EXTENSIONS: Final = ["binary_tensor_data", "model_configuration", "model_repository"]
PLATFORM: Final = "tensorflow_savedmodel"


class IndexRoute(JsonRoute):
    """A route whose body may be left out."""

    def parts(self, request: Request, content: bytes) -> bytes:
        """The JSON of a body: an empty object, if there is none."""
        return content or b"{}"


router = APIRouter(tags=["open inference protocol"], dependencies=[only(NoQuery)], responses=error_responses(ErrorText))
index_router = APIRouter(tags=["open inference protocol"], route_class=IndexRoute, responses=error_responses(ErrorText))


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """Whether the server answers."""

    live: bool


class Ready(BaseModel):
    """Whether the server, or a model, is ready."""

    name: str | None = None
    ready: bool


NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "It is not ready; or an error.", "model": Ready | ErrorText}
}
NOT_LIVE: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The device hangs; or an error.", "model": Live | ErrorText}
}


class TensorMetadata(BaseModel):
    """A tensor; −1 is any length."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and answers."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class IndexRequest(StrictBody):
    """What to list: all models, or those that are ready."""

    ready: bool = False


class IndexEntry(BaseModel):
    """A model of the index."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


@router.get("/v2", operation_id="v2_server", summary="What the server is")
async def server_metadata(request: Request) -> ServerMetadata:
    """Name the server, its version and the extensions of the protocol that it has."""
    return ServerMetadata(name="figment", version=request.app.version, extensions=EXTENSIONS)


@router.get("/v2/health/live", operation_id="v2_live", response_model=Live, responses=NOT_LIVE,
            summary="Whether the process should go on")  # fmt: skip
async def server_live(request: Request) -> Response:
    """Answer, whatever is served; with 400 where the device hangs (`/livez` says more, with 503)."""
    catalogue: Catalogue = request.app.state.catalogue
    live = not catalogue.wedged
    return JSONResponse({"live": live}, 200 if live else BAD_REQUEST)


@router.get("/v2/health/ready", operation_id="v2_ready", response_model=Ready, responses=NOT_READY,
            summary="Whether requests are served")  # fmt: skip
async def ready(request: Request) -> Response:
    """Say whether requests are served; if not, with 400, as the protocol has it (`/readyz` says why, with 503)."""
    catalogue: Catalogue = request.app.state.catalogue
    return _readiness({"ready": not catalogue.state})


@router.get(
    "/v2/models/{name}/ready",
    operation_id="v2_model_ready",
    response_model=Ready,
    responses=NOT_READY,
    summary="Whether a model is ready",
)
async def model_ready(name: ModelInPath, request: Request) -> Response:
    """Say whether a model is served; if not, with 400."""
    return _model_readiness(request, name, None)


@router.get(
    "/v2/models/{name}/versions/{version}/ready",
    operation_id="v2_version_ready",
    response_model=Ready,
    summary="Whether a version is ready",
    responses=NOT_READY,
)
async def version_ready(name: ModelInPath, version: VersionInPath, request: Request) -> Response:
    """Say whether a version is in memory or served; if not, with 400."""
    return _model_readiness(request, name, version)


def _model_readiness(request: Request, name: str, version: int | None) -> Response:
    catalogue: Catalogue = request.app.state.catalogue
    versions = loaded_versions(catalogue, name)
    if not versions and not catalogue.loading:
        raise UnknownModel(f"model {name!r}", sorted(catalogue.shelf))
    known = bool(versions) if version is None else version in versions
    return _readiness({"name": name, "ready": known and not catalogue.stopping})


def _readiness(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, 200 if answer["ready"] else BAD_REQUEST)


@router.get("/v2/models/{name}", operation_id="v2_model", summary="What a model takes and answers")
async def model_metadata(name: ModelInPath, request: Request) -> ModelMetadata:
    """Describe the served version of a model."""
    bundle = await bundle_of(request, name)
    return _metadata(bundle.manifest, request.app.state.catalogue)


@router.get(
    "/v2/models/{name}/versions/{version}", operation_id="v2_version", summary="What a version takes and answers"
)
async def version_metadata(name: ModelInPath, version: VersionInPath, request: Request) -> ModelMetadata:
    """Describe a version of a model."""
    bundle = await bundle_of(request, name, version)
    return _metadata(bundle.manifest, request.app.state.catalogue)


def _metadata(manifest: Manifest, catalogue: Catalogue) -> ModelMetadata:
    image = manifest.image
    return ModelMetadata(
        name=manifest.name,
        versions=[str(version) for version in loaded_versions(catalogue, manifest.name)],
        platform=PLATFORM,
        inputs=[
            TensorMetadata(name="latents", datatype="FP32", shape=[-1, manifest.latent_dim]),
            TensorMetadata(name="seeds", datatype="INT64", shape=[-1, 1]),
        ],
        outputs=[TensorMetadata(name=OUTPUT, datatype="UINT8", shape=[-1, image.height, image.width, image.channels])],
    )


@router.get("/v2/models/{name}/config", operation_id="v2_config", summary="A model's configuration")
async def model_config(name: ModelInPath, request: Request) -> dict[str, Any]:
    """Describe the served version as Triton's model configuration does."""
    return _config((await bundle_of(request, name)).manifest)


@router.get(
    "/v2/models/{name}/versions/{version}/config",
    operation_id="v2_version_config",
    summary="A version's configuration",
)
async def version_config(name: ModelInPath, version: VersionInPath, request: Request) -> dict[str, Any]:
    """Describe a version as Triton's model configuration does."""
    return _config((await bundle_of(request, name, version)).manifest)


def _config(manifest: Manifest) -> dict[str, Any]:
    """It has no words for "one input or the other", so Triton's clients are told that `seeds` is optional."""
    image = manifest.image
    return {
        "name": manifest.name,
        "platform": PLATFORM,
        "backend": "tensorflow",
        "max_batch_size": MAX_IMAGES,
        "input": [
            {"name": "latents", "data_type": "TYPE_FP32", "dims": [manifest.latent_dim]},
            {"name": "seeds", "data_type": "TYPE_INT64", "dims": [1], "optional": True},
        ],
        "output": [{"name": OUTPUT, "data_type": "TYPE_UINT8", "dims": [image.height, image.width, image.channels]}],
        "dynamic_batching": {},
    }


@index_router.post(
    "/v2/repository/index",
    operation_id="v2_index",
    response_model=list[IndexEntry],
    summary="The models, and what was skipped",
    openapi_extra={"requestBody": {"required": False}},
)
async def index(body: Annotated[IndexRequest, Body()], request: Request) -> Response:
    """List the served versions, and what is in the store and not served, with the reason."""
    catalogue: Catalogue = request.app.state.catalogue
    entries = [_entry(name, str(bundle.manifest.version), "") for name, bundle in sorted(catalogue.shelf.items())]
    if not body.ready:
        for path, reason in map(catalogue.shown, catalogue.skipped):
            name, _, version = path.partition("/")
            entries.append(_entry(name, version, reason))
    return JSONResponse(entries)


def _entry(name: str, version: str, reason: str) -> dict[str, str]:
    return {"name": name, "version": version, "state": "UNAVAILABLE" if reason else "READY", "reason": reason}
