"""`/project`: the latent whose picture comes closest to one that is sent."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from bundle.classes import class_of
from bundle.latents import Latents
from bundle.points import point_of
from bundle.seeds import random_seed
from service.apart import QUICK_PIXELS, apart
from service.api.drawing import waits
from service.api.events import MEDIA_TYPE, Event, EventStream
from service.api.hangup import while_connected
from service.api.negotiation import weight_of
from service.api.parameters import NUMBER, WHOLE, ModelName, PlainSeed, Version
from service.api.problems import InvalidParameters, ParameterError, TooLarge, UnsupportedMedia, responses
from service.api.queries import Query
from service.api.route import only
from service.api.uploads import BODY, uploaded
from service.catalogue import Catalogue, Model
from service.engine.protocol import Pixels
from service.engine.schedule import QueueFull
from service.limits.charging import charge, refund
from service.observability.account import current
from service.pictures.png import encode_png
from service.pictures.uploads import PictureTooLarge, UnsupportedPicture, read_picture
from service.projection.desk import Desk
from service.projection.search import Limits, State
from service.settings import Settings

MAX_STEPS: Final = 1000
TRIES: Final = 5
"""Times that the picture of the result is asked for where the queue is full."""
AGAIN: Final = 1.0
"""Seconds between two of them."""

router = APIRouter(tags=["images"])


class ProjectQuery(Query):
    """Parameters of a search."""

    steps: Annotated[int, Field(ge=1, le=MAX_STEPS, description="Steps of the search at most."), WHOLE] = 200
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False), NUMBER] | None = Field(
        default=None, description="Seconds at most; FIGMENT_PROJECT_SECONDS if left out."
    )
    seed: PlainSeed | None = None
    model: ModelName = None
    version: Version = None


class Projected(BaseModel):
    """What a search found."""

    point: str
    """The latent, as `/images/{point}.png` takes it."""
    distance: float
    """The mean squared error of the pixels, as numbers 0 … 1."""
    method: Literal["gradient", "search"]
    """Along the gradient; or, where the graph has none, by an evolution strategy."""
    seed: int
    steps: int
    seconds: float
    model: str
    version: int
    label: int | None
    """The class; null where the model has none."""
    png: str
    """The picture of the point, as base64."""
    request: str
    """The path and query of that picture."""


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What was found; or events: `progress` …, then `result` or `error`.",
          "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
    **responses("invalid-parameter", "unknown-model", "too-large", "unsupported-media", "overloaded", "not-ready",
                "timeout", "inference-failed"),
}  # fmt: skip


@router.post(
    "/project",
    operation_id="project",
    summary="The latent that comes closest to a picture",
    response_model=Projected,
    responses=RESPONSES,
    dependencies=[only(ProjectQuery)],
    openapi_extra=BODY,
)
async def project(query: Annotated[ProjectQuery, InQuery()], request: Request) -> Any:  # noqa: ANN401 (one of two answers)
    """Search the latent of the picture in the body, and answer with it, or with events on the way."""
    catalogue: Catalogue = request.app.state.catalogue
    desk: Desk = request.app.state.desk
    limits = limits_of(query, catalogue.settings, waits(request))
    charge(request, query.steps)
    deadline = longest(catalogue.settings)
    async with AsyncExitStack() as stack:
        content = await uploaded(request, catalogue.settings.max_upload)
        try:
            stack.enter_context(desk.place())
        except QueueFull:
            refund(request, query.steps)
            raise
        model, target = await _prepare(content, query, catalogue, stack)
        request.state.deadline = deadline
        events = follow(desk, model, target, limits)
        if wants_events(request.headers.get("accept", "")):
            return EventStream(events, stack.pop_all(), deadline)
        async with while_connected(request, deadline), aclosing(events):  # type: ignore[type-var]
            async for name, about in events:
                if name == "result":
                    return Response(Projected.model_validate(about).model_dump_json(), media_type="application/json",
                                    headers={"Cache-Control": "no-store", "Vary": "Accept"})  # fmt: skip
    raise AssertionError("a search ends with its result")


async def _prepare(
    content: bytes, query: ProjectQuery, catalogue: Catalogue, stack: AsyncExitStack
) -> tuple[Model, Pixels]:
    """The model, held until the stack is closed, and the picture in its shape."""
    async with asyncio.timeout(catalogue.settings.deadline):
        model = await stack.enter_async_context(catalogue.borrow(query.model, query.version))
        image = model.bundle.manifest.image
        try:
            return model, await apart(lambda: read_picture(content, image.height, image.width, image.channels))
        except PictureTooLarge as error:
            raise TooLarge(str(error)) from error
        except UnsupportedPicture as error:
            raise UnsupportedMedia(str(error)) from error
        except ValueError as error:
            raise InvalidParameters(ParameterError(parameter="image", message=str(error))) from error


def wants_events(accept: str) -> bool:
    """Whether events are accepted by their name, and no less than JSON is."""
    events = weight_of(MEDIA_TYPE, accept) if MEDIA_TYPE in accept.lower() else 0.0
    return events > 0 and events >= weight_of("application/json", accept)


def limits_of(query: ProjectQuery, settings: Settings, waits: Sequence[float] = ()) -> Limits:
    """What a search may take; `waits` are seconds that its client would wait.

    Raises:
        InvalidParameters: more seconds than FIGMENT_PROJECT_SECONDS.
    """
    most = settings.project_seconds
    if query.seconds is not None and query.seconds > most:
        message = f"at most {most:g} s, which is FIGMENT_PROJECT_SECONDS"
        raise InvalidParameters(ParameterError(parameter="seconds", message=message, got=f"{query.seconds:g}"))
    seed = random_seed() if query.seed is None else query.seed
    return Limits(query.steps, min([query.seconds or most, *waits]), seed)


def longest(settings: Settings) -> float:
    """Seconds that an answer may take: its own search and all that may wait before it; the body, the picture."""
    return (settings.project_waiting + 1) * settings.project_seconds + 2.0 * settings.deadline


async def follow(desk: Desk, model: Model, target: Pixels, limits: Limits) -> AsyncIterator[Event]:
    """The events of a search: `progress` …, at last `result`.

    Their pictures are drawn as all others are; one on the way is left out where the queue is full.
    """
    async with aclosing(desk.search(model, target, limits)) as states:  # type: ignore[type-var]
        async for state in states:
            if state.done:
                yield "result", await _result(model, target, limits, state)
                return
            try:
                pixels = await _drawn(model, state.latent)
            except QueueFull:
                continue
            yield "progress", {"step": state.step, "steps": limits.steps, "distance": state.distance,
                               "seconds": round(state.seconds, 3), "point": str(point_of(state.latent)),
                               "png": await _base64(pixels)}  # fmt: skip


async def _drawn(model: Model, latent: Latents, tries: int = 1) -> Pixels:
    while True:
        try:
            manifest = model.bundle.manifest
            with current().drawing(manifest.name, manifest.version) as timing:
                images = await model.batcher.generate(latent[np.newaxis], timing=timing)
        except QueueFull:
            tries -= 1
            if not tries:
                raise
            await asyncio.sleep(AGAIN)
        else:
            pixels: Pixels = images[0]
            return pixels


async def _result(model: Model, target: Pixels, limits: Limits, state: State) -> dict[str, Any]:
    pixels, manifest = await _drawn(model, state.latent, TRIES), model.bundle.manifest
    current().images += 1
    point = str(point_of(state.latent))
    shares = manifest.class_shares
    asked = urlencode({"model": manifest.name, "version": manifest.version})
    request = f"/images/{point}.png?{asked}"
    text = {"figment:request": request, "figment:model": model.label, "figment:digest": model.bundle.digest,
            "figment:precision": model.precision}  # fmt: skip
    return {
        "point": point,
        "distance": await apart(lambda: distance(pixels, target), quick=pixels.nbytes <= QUICK_PIXELS),
        "method": state.method,
        "seed": limits.seed,
        "steps": state.step,
        "seconds": round(state.seconds, 3),
        "model": manifest.name,
        "version": manifest.version,
        "label": int(class_of(state.latent[np.newaxis], shares)[0]) if shares else None,
        "png": await _base64(pixels, text),
        "request": request,
    }


def distance(one: Pixels, other: Pixels) -> float:
    """The mean squared error of two pictures' pixels, uint8 [height, width, channels], as numbers 0 … 1."""
    return float(np.mean((one.astype(np.float64) - other) ** 2)) / 255.0**2


async def _base64(pixels: Pixels, text: Mapping[str, str] | None = None) -> str:
    def encode() -> str:
        return base64.b64encode(encode_png(pixels, text)).decode()

    with current().stage("encode"):
        return await apart(encode, quick=pixels.nbytes <= QUICK_PIXELS)
