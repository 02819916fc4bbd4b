"""`/livez` and `/readyz`: answered from memory."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.api.problems import NOT_READY_RETRY, problem, responses
from service.catalogue import Catalogue, NotReady

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The state, and the models that are served."""

    status: str
    models: list[str] = []
    skipped: list[str] = []
    """What is in the store and not served, with the reason."""


@router.get(
    "/livez",
    operation_id="livez",
    summary="Whether the process should go on",
    response_model=Health,
    responses=responses("not-live"),
)
async def livez(request: Request) -> Any:  # noqa: ANN401 (a Health, or a problem)
    """Answer, whatever is served, unless the device hangs: a restart is all that helps then."""
    catalogue: Catalogue = request.app.state.catalogue
    if reason := catalogue.wedged:
        return problem("not-live", reason, {"Retry-After": NOT_READY_RETRY})
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
