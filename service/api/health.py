"""`/livez` and `/readyz`: answered from memory."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.api.problems import responses
from service.catalogue import Catalogue, NotReady

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The state, and the models that are served."""

    status: str
    models: list[str] = []
    skipped: list[str] = []
    """What is in the store and not served, with the reason."""


@router.get("/livez", operation_id="livez", summary="Whether the process answers")
async def livez() -> Health:
    """Answer, whatever is served."""
    return Health(status="live")


@router.get(
    "/readyz", operation_id="readyz", summary="Whether images can be asked for", responses=responses("not-ready")
)
async def readyz(request: Request) -> Health:
    """Say whether requests are served, and if not, why."""
    catalogue: Catalogue = request.app.state.catalogue
    if reason := catalogue.state:
        raise NotReady(reason)
    return Health(
        status="ready",
        models=[f"{name}/{bundle.manifest.version}" for name, bundle in catalogue.shelf.items()],
        skipped=[": ".join(catalogue.shown(item)) for item in catalogue.skipped],
    )
