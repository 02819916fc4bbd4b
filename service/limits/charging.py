"""What a request costs, in images, and where it is taken from its client's rate."""

from typing import Final

from fastapi import Request

from service.api.shedding import draws
from service.limits.rates import Meters

ALSO_COST: Final = ("/project", "/inspect")
"""Paths that cost, beside those that draw."""
INSPECTION: Final = 1
"""Images that reading a picture's origin costs: it takes about as long as drawing one."""


def costs(path: str) -> bool:
    """Whether what a path answers costs images."""
    return path in ALSO_COST or draws(path)


def charge(request: Request, images: int) -> None:
    """Take so many images from the client's rates, if it has any.

    Raises:
        RateExceeded, TooManyImages: as of `Meters.charge`.
    """
    meters: Meters | None = getattr(request.state, "meters", None)
    if meters is not None:
        meters.charge(images)


def refund(request: Request, images: int) -> None:
    """Give back what was charged for images that were refused before anything was drawn."""
    meters: Meters | None = getattr(request.state, "meters", None)
    if meters is not None:
        meters.refund(images)
