"""`POST /inspect`: what made a picture, read out of the file."""

import re
import shlex
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.apart import apart
from service.api.parameters import MAX_LABEL
from service.api.problems import InvalidParameters, ParameterError, responses
from service.api.queries import NoQuery
from service.api.route import only
from service.api.uploads import BODY, uploaded
from service.catalogue import Catalogue
from service.limits.charging import INSPECTION, charge
from service.pictures.provenance import read_provenance

PICTURE: Final = re.compile(r"/(generate|images|interpolate|variations|mix)[/.?]")
"""How the address of a picture begins."""

router = APIRouter(tags=["images"], dependencies=[only(NoQuery)])


class Inspection(BaseModel):
    """What made a picture."""

    request: str | None
    """The path and query that answer with the same picture again."""
    url: str | None
    """The same at this service."""
    command: str | None
    """What draws it again in a shell."""
    seeds: list[int]
    labels: list[int]
    model: str | None
    version: int | None
    digest: str | None
    """Of the bundle."""
    precision: str | None
    served: bool
    """Whether a bundle of that digest is served here."""


@router.post(
    "/inspect",
    operation_id="inspect",
    summary="What made a picture",
    responses=responses("invalid-parameter", "too-large", "unsupported-media", "timeout"),
    openapi_extra=BODY,
)
async def inspect(request: Request) -> Inspection:
    """Read what Figment has written into a picture; of any format, if nobody has taken it out."""
    charge(request, INSPECTION)
    catalogue: Catalogue = request.app.state.catalogue
    content = await uploaded(request, catalogue.settings.max_upload)
    try:
        found = await apart(lambda: read_provenance(content))
    except ValueError as error:
        raise InvalidParameters(ParameterError(parameter="image", message=str(error))) from error
    path = own_path(found.get("figment:request"))
    url = None if path is None else str(request.base_url).rstrip("/") + path
    name, _, version = found.get("figment:model", "").partition("/")
    return Inspection(
        request=path,
        url=url,
        command=None if url is None else f"curl --globoff {shlex.quote(url)} -o picture",
        seeds=whole_numbers(found.get("figment:seeds")),
        labels=whole_numbers(found.get("figment:labels")),
        model=name[:MAX_LABEL] or None,
        version=int(version) if version.isascii() and version.isdecimal() and len(version) < 11 else None,
        digest=found.get("figment:digest"),
        precision=found.get("figment:precision"),
        served=any(bundle.digest == found.get("figment:digest") for bundle in catalogue.shelf.values()),
    )


def own_path(text: str | None) -> str | None:
    """A path and query of this service; None for what somebody has changed into the address of another."""
    return text if text and PICTURE.match(text) and text.isascii() and text.isprintable() else None


def whole_numbers(text: str | None) -> list[int]:
    """Those of a text with commas; none, if any part of it is no whole number below 2³²: somebody has changed it."""
    parts: list[Any] = text.split(",") if text else []
    if not all(part.isascii() and part.isdecimal() and len(part) <= 10 and int(part) < 2**32 for part in parts):
        return []
    return [int(part) for part in parts]
