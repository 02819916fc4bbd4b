"""What a picture says of its origin, and whether that draws it again."""

from __future__ import annotations

from dataclasses import dataclass

from .members import member, members, nullable, wholes


@dataclass(frozen=True)
class Inspection:
    """
    The origin that is written in a picture.

    `request` is the path and query that drew it, `url` that as an address and `command` as a line for a shell. `seeds`
    are its seeds (empty where a point was not a seed) and `labels` its classes (empty where the model has none),
    `model` and `version` the bundle and `digest` its content's, `precision` the numbers it was computed in. What the
    picture does not tell is None. `served` tells whether the service has a bundle of that digest.
    """

    request: str | None
    url: str | None
    command: str | None
    seeds: tuple[int, ...]
    labels: tuple[int, ...]
    model: str | None
    version: int | None
    digest: str | None
    precision: str | None
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
        request=nullable(told, "request", str),
        url=nullable(told, "url", str),
        command=nullable(told, "command", str),
        seeds=() if told.get("seeds") is None else wholes(told, "seeds"),
        labels=() if told.get("labels") is None else wholes(told, "labels"),
        model=nullable(told, "model", str),
        version=nullable(told, "version", int),
        digest=nullable(told, "digest", str),
        precision=nullable(told, "precision", str),
        served=member(told, "served", bool),
    )
