"""Which format an answer has: that of `format=`, of the path's ending, of `Accept`, or the first of those there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from service.api.problems import InvalidParameters, NotAcceptable, ParameterError
from service.pictures.mp4 import mp4_available

MEDIA_TYPES: Final = {
    "png": "image/png",
    "webp": "image/webp",
    "jpeg": "image/jpeg",
    "avif": "image/avif",
    "apng": "image/apng",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "npz": "application/x-npz",
    "zip": "application/zip",
    "json": "application/json",
}
"""By the format's name, which is also its ending."""

STILLS: Final = ("png", "webp", "jpeg", "avif", "npz", "zip", "json")
"""Formats of images, the default first."""
WALKS: Final = ("webp", "png", "apng", "gif", "mp4")
"""Formats of a walk, the default first."""
FRAMES: Final = ("png", "webp", "jpeg", "avif")
"""Formats of one frame of a walk, or of a lattice."""

MAX_ACCEPT: Final = 2000
"""Characters of `Accept` that are read."""


@dataclass(frozen=True)
class Chosen:
    """A format, and whether `Accept` decided."""

    format: str
    by_accept: bool

    @property
    def media_type(self) -> str:
        """Of the answer."""
        return MEDIA_TYPES[self.format]


def choose_format(request: Request, given: str | None, ending: str | None, offered: Sequence[str]) -> Chosen:
    """The format of an answer.

    Args:
        request: with its `Accept` (RFC 9110, 12.5.1).
        given: that of `format=`.
        ending: of the path, without the dot; `jpg` is `jpeg`.
        offered: the formats there are, in the order in which they are chosen where `Accept` has no preference.

    Raises:
        InvalidParameters: that of `format=`, or the ending, is none of them.
        NotAcceptable: nor is any that is accepted.
    """
    offered = [name for name in offered if name != "mp4" or mp4_available()]
    for parameter, name in (("format", given), ("ending", "jpeg" if ending == "jpg" else ending)):
        if name is not None:
            if name not in offered:
                raise InvalidParameters(_not_offered(parameter, name, offered))
            return Chosen(name, by_accept=False)
    accept = ",".join(request.headers.getlist("accept"))
    if not accept.strip():
        return Chosen(offered[0], by_accept=True)
    weights = {name: weight_of(MEDIA_TYPES[name], accept) for name in offered}
    best = max(offered, key=lambda name: weights[name])  # the first of equal ones
    if weights[best] == 0:
        raise NotAcceptable([MEDIA_TYPES[name] for name in offered])
    return Chosen(best, by_accept=True)


def weight_of(media_type: str, accept: str) -> float:
    """The weight that an `Accept` gives a media type, 0 … 1: that of the narrowest range it is in, or 0."""
    ranges = {media_type: 3, f"{media_type.partition('/')[0]}/*": 2, "*/*": 1}
    narrowest, weight = 0, 0.0
    for part in accept[:MAX_ACCEPT].split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        if ranges.get(name, 0) > narrowest:
            narrowest, weight = ranges[name], _weight(parameters)
    return weight


def _weight(parameters: Sequence[str]) -> float:
    """That of a range with parameters, 0 … 1: what `q` says, 1 without it; 0 where it is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def _not_offered(parameter: str, name: str, offered: Sequence[str]) -> ParameterError:
    missing = "; mp4 needs the package av on the server, see requirements/mp4.txt" if name == "mp4" else ""
    return ParameterError(parameter=parameter, message=f"there are: {', '.join(offered)}{missing}", got=name[:20])
