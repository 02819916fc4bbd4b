"""`/models`: what is served, and what was skipped and why."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from bundle.store import Bundle
from service.api.problems import responses
from service.api.queries import NoQuery
from service.api.route import only
from service.catalogue import Catalogue, Model

router = APIRouter(tags=["models"], dependencies=[only(NoQuery)], responses=responses("invalid-parameter"))


class ModelEntry(BaseModel):
    """A model that is served."""

    name: str
    version: int
    """The one that is served where a request names none."""
    versions: list[int]
    """Those that a request may name, the newest first: in the store, and not known to be bad."""
    latent_dim: int
    image_shape: tuple[int, int, int]
    """Height, width, channels."""
    seed_scheme: str
    class_names: list[str]
    """The classes of a conditional generator, in the order of their indices; none if it is not one."""
    digest: str
    license: str
    attribution: str
    default: bool
    loaded: bool
    """Whether it is in memory; else it is loaded when it is asked for."""
    precision: str | None
    """Of its numbers, once it is loaded: float32, bfloat16 or float16."""
    batch_sizes: list[int]
    """Images of a batch: those sizes whose pixels agree to the last bit on this machine."""
    batch_seconds: list[float]
    """What a batch of each size took when the model was warmed."""


class SkippedEntry(BaseModel):
    """A folder of the store that is not served."""

    path: str
    reason: str


class ModelListing(BaseModel):
    """The answer of `GET /models`."""

    models: list[ModelEntry]
    skipped: list[SkippedEntry]


@router.get("/models", operation_id="models", summary="The models that are served")
async def models(request: Request) -> ModelListing:
    """List the models, and the folders that were skipped with the reason."""
    catalogue: Catalogue = request.app.state.catalogue
    default = catalogue.default_name
    return ModelListing(
        models=[
            _entry(bundle, catalogue.models.get(name), default, catalogue.versions(name))
            for name, bundle in sorted(catalogue.shelf.items())
        ],
        skipped=[SkippedEntry(path=path, reason=reason) for path, reason in map(catalogue.shown, catalogue.skipped)],
    )


def _entry(bundle: Bundle, model: Model | None, default: str, versions: list[int]) -> ModelEntry:
    manifest, sizes = bundle.manifest, model.sizes if model else ()
    return ModelEntry(
        name=manifest.name,
        version=manifest.version,
        versions=versions,
        latent_dim=manifest.latent_dim,
        image_shape=(manifest.image.height, manifest.image.width, manifest.image.channels),
        seed_scheme=manifest.seed_scheme,
        class_names=list(manifest.class_names),
        digest=bundle.digest,
        license=manifest.data.license,
        attribution=manifest.data.attribution,
        default=manifest.name == default,
        loaded=model is not None,
        precision=model.precision if model else None,
        batch_sizes=[size.rows for size in sizes],
        batch_seconds=[round(size.seconds, 6) for size in sizes],
    )
