"""From a request to pixels: the model it names, for as long as it may take, and its rows in the queue."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import numpy as np
from fastapi import Request

from bundle.latents import Latents
from service.apart import QUICK_LATENTS, apart
from service.api.hangup import while_connected
from service.api.problems import InvalidParameters, ParameterError
from service.api.queries import PictureQuery
from service.catalogue import Catalogue, Model
from service.engine.protocol import Pixels
from service.engine.schedule import QueueFull
from service.limits.charging import charge, refund
from service.observability.account import current

WAIT: Final = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?', re.IGNORECASE)
"""A preference that others than we may know is no error if we do not (RFC 7240, section 2)."""


Made = tuple[Latents, list[int]]
"""Latents, and the classes of the points that were asked for."""


@asynccontextmanager
async def borrowed(request: Request, query: PictureQuery) -> AsyncIterator[Model]:
    """The model that a query names, for as long as the request needs it: until its deadline, or its client hangs up.

    Raises:
        TimeoutError: the deadline passed.
        ClientGone: the client hung up.
    """
    catalogue: Catalogue = request.app.state.catalogue
    deadline = request.state.deadline = deadline_of(request)
    request.state.until = asyncio.get_running_loop().time() + deadline
    async with while_connected(request, deadline), catalogue.borrow(query.model, query.version) as model:
        yield model


async def draw(
    request: Request, model: Model, n: int, make: Callable[[], Made], made: int | None = None, about: str = "seeds"
) -> tuple[Pixels, Latents, list[int]]:
    """The images of the n latents that `make` makes, if they can be had before the deadline, and what it made.

    Where `make` takes long, a request that would be refused is refused before. They are taken from the client's rate.

    Args:
        request: of `borrowed`.
        model: that draws.
        n: how many images.
        make: makes float32 [n, latent_dim], and the classes of the points; a ValueError of it is told to the client.
        made: how many latents it works on, if not n.
        about: the parameter that a ValueError of `make` is about.
    """

    def left() -> float:
        until: float = request.state.until
        return until - asyncio.get_running_loop().time()

    quick = (made or n) <= QUICK_LATENTS
    if not quick:
        model.batcher.check(n, left())
    charge(request, n)
    try:
        latents, labels = await apart(make, quick=quick)
    except ValueError as error:
        raise InvalidParameters(ParameterError(parameter=about, message=str(error))) from error
    if not np.isfinite(latents).all():
        message = "a number of a latent becomes infinite; take smaller ones"
        raise InvalidParameters(ParameterError(parameter=about, message=message))
    account, manifest = current(), model.bundle.manifest
    with account.drawing(manifest.name, manifest.version) as timing:
        try:
            images = await model.batcher.generate(latents, left(), timing)
        except QueueFull:
            refund(request, n)
            raise
    account.images += len(images)
    return images, latents, labels


def deadline_of(request: Request) -> float:
    """Seconds that an answer may take: the settings', or those of `waits` if fewer."""
    catalogue: Catalogue = request.app.state.catalogue
    return min([catalogue.settings.deadline, *waits(request)])


def waits(request: Request) -> list[float]:
    """Seconds that a client says it waits: `Prefer: wait=SECONDS` (RFC 7240)."""
    return [
        float(match[1])
        for line in request.headers.getlist("prefer")
        for preference in line.split(",")
        if (match := WAIT.fullmatch(preference.strip()))
    ]
