"""The served models as other people's protocols name them: in the path."""

from typing import Annotated

from fastapi import Path, Request

from bundle.store import Bundle
from service.api.drawing import borrowed
from service.api.parameters import WHOLE
from service.api.queries import ImageQuery
from service.catalogue import Catalogue

ModelInPath = Annotated[str, Path(min_length=1, max_length=100, description="A name from `GET /models`.")]
VersionInPath = Annotated[
    int, Path(ge=1, le=2**31, description="A version of the model in the store; loaded if it must be."), WHOLE
]


def model_query(name: str | None, version: int | None) -> ImageQuery:
    """What `borrowed` takes, for a model that is named in a path or a body."""
    return ImageQuery.model_construct(model=name, version=version)


async def bundle_of(request: Request, name: str, version: int | None = None) -> Bundle:
    """The bundle of a model: of the served version, or of another, which is loaded if it must be.

    Raises:
        UnknownModel, NotReady, TimeoutError, ClientGone: as of `borrowed`.
    """
    catalogue: Catalogue = request.app.state.catalogue
    bundle = catalogue.shelf.get(name)
    if bundle is not None and version in (None, bundle.manifest.version):
        return bundle
    async with borrowed(request, model_query(name, version)) as model:
        return model.bundle


def loaded_versions(catalogue: Catalogue, name: str) -> list[int]:
    """The versions of a model that answer at once, ascending: the served one, and what was asked for by its number."""
    served = {catalogue.shelf[name].manifest.version} if name in catalogue.shelf else set()
    return sorted(served | {version for other, version in catalogue.others if other == name})
