"""What a picture says of its origin, and whether that draws it again."""

from __future__ import annotations

from dataclasses import dataclass

from .members import member, members, present, wholes


@dataclass(frozen=True)
class Inspection:
    """
    The origin that is written in a picture.

    `request` is the path and query that drew it, `url` that as an address and `command` as a line for a shell. `seeds`
    are its seeds (empty where a point was not a seed), `model` and `version` the bundle and `digest` its content's,
    `precision` the numbers it was computed in. `served` tells whether the service has a bundle of that digest.
    """

    request: str
    url: str
    command: str
    seeds: tuple[int, ...]
    model: str
    version: int | None
    digest: str
    precision: str
    served: bool


@dataclass(frozen=True)
class Verification:
    """
    A picture compared with what its request draws now.

    `compared` says what was compared: `bytes`, which were the same, or could not be decoded here (`reason` says why);
    or `pixels`. `largest_difference` is that of any channel of any pixel, 0 … 255, or None where pixels were not
    compared. `allowed` is the largest that still counts as the same: 0 for lossless formats, to the bit.
    """

    inspection: Inspection
    same: bool
    compared: str
    largest_difference: int | None
    allowed: int
    reason: str = ""


def inspection_from_json(document: object) -> Inspection:
    """
    The inspection of a decoded answer of `/inspect`; members it does not know are ignored.

    Raises ValueError naming the member that is missing or of another type than it should be.
    """
    told = members(document, "the answer")
    return Inspection(
        request=member(told, "request", str),
        url=member(told, "url", str),
        command=member(told, "command", str),
        seeds=() if told.get("seeds") is None else wholes(told, "seeds"),
        model=member(told, "model", str),
        version=None if present(told, "version") is None else member(told, "version", int),
        digest=member(told, "digest", str),
        precision=member(told, "precision", str),
        served=member(told, "served", bool),
    )
