"""What a picture was made of: the address that draws it again, its headers, and what is written into the file."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from fastapi import Request

from bundle.latents import Latents
from bundle.points import Point, latents_of_points, point_of
from service.api.negotiation import Chosen
from service.api.queries import PictureQuery
from service.catalogue import Model
from service.pictures.mp4 import mp4_available

ENCODERS: Final = 1
"""Counted up when an encoder of ours writes other bytes."""

MAX_HEADER: Final = 4000
"""Characters of an address in a header: servers and balancers refuse longer ones."""

MAX_TEXT: Final = 32_000
"""Characters of an address in a file: EXIF has no room for many more."""

YEAR: Final = 31_536_000
"""Seconds: the longest that RFC 9111's readers keep an answer."""


@dataclass(frozen=True)
class Origin:
    """What a picture was made of.

    `points`: those that were asked for; `replay`: the path and query that answer with the same picture again; `random`:
    whether something of it was drawn for this answer alone; `pinned`: whether the URL names the model and its version.
    """

    model: Model
    points: Sequence[Point]
    replay: str
    chosen: Chosen
    random: bool
    pinned: bool

    @property
    def seeds(self) -> list[int]:
        """The points as seeds; empty if any is none."""
        seeds = [point.seed for point in self.points if point.seed is not None]
        return seeds if len(seeds) == len(self.points) else []

    @property
    def etag(self) -> str:
        """A strong validator (RFC 9110, 8.8.3): of what was asked, of what draws it, and of what writes the file."""
        text = f"{self.replay}\n{self.model.identity}\n{encoders()}"
        return f'"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'

    @property
    def caching(self) -> dict[str, str]:
        """How long the answer is good. What was drawn at random must not be answered from a cache."""
        vary = {"Vary": "Accept"} if self.chosen.by_accept else {}
        if self.random:
            return vary | {"Cache-Control": "no-store"} | self._if_short("Content-Location")
        age = f"max-age={YEAR}, immutable" if self.pinned else "no-cache"
        return vary | {"ETag": self.etag, "Cache-Control": f"public, {age}"}

    def headers(self, labels: Sequence[int]) -> dict[str, str]:
        """Of the answer; `labels` are the classes of the points' images, empty for a model without classes."""
        return {
            **({"Figment-Seeds": joined(self.seeds)} if self.seeds else {}),
            **({"Figment-Labels": joined(labels)} if labels else {}),
            "Figment-Model": self.model.label,
            **self._if_short("Figment-Request"),
            **self.caching,
        }

    def text(self, labels: Sequence[int]) -> dict[str, str]:
        """What is written into the file. No clock time, so that the bytes repeat."""
        return {
            **({"figment:request": self.replay} if len(self.replay) <= MAX_TEXT else {}),
            **({"figment:seeds": joined(self.seeds)} if self.seeds else {}),
            **({"figment:labels": joined(labels)} if labels else {}),
            "figment:model": self.model.label,
            "figment:digest": self.model.bundle.digest,
            "figment:precision": self.model.precision,
        }

    @property
    def summary(self) -> dict[str, object]:
        """What a file for programs says of all its images."""
        manifest = self.model.bundle.manifest
        return {
            "model": manifest.name,
            "version": manifest.version,
            "digest": self.model.bundle.digest,
            "precision": self.model.precision,
            "request": self.replay,
        }

    def text_of_one(self, point: Point, latent: Latents, labels: Sequence[int]) -> dict[str, str]:
        """What is written into the file of one of several images: the address of that image by itself.

        Args:
            point: of the image.
            latent: float32 [latent_dim], from which it was drawn: another than the point's own, if it was truncated or
                its class was chosen.
            labels: its class, or none.
        """
        manifest = self.model.bundle.manifest
        own = latents_of_points([point], manifest.latent_dim)[0]
        drawn = point if np.array_equal(own, latent) else point_of(latent)
        query = urlencode({"model": manifest.name, "version": manifest.version})
        replay = f"/images/{drawn}.png?{query}"
        return replace(self, points=[drawn], replay=replay).text(labels)

    def _if_short(self, header: str) -> dict[str, str]:
        return {header: self.replay} if len(self.replay) <= MAX_HEADER else {}


def pinned(request: Request, query: PictureQuery) -> bool:
    """Whether the URL names the model and its version, so that its answer never changes."""
    return request.method == "GET" and query.model is not None and query.version is not None


def replay_path(path: str, asked: Mapping[str, object], query: PictureQuery, model: Model, chosen: Chosen) -> str:
    """The path and query that answer with the same picture again.

    It holds `asked`, in which points are canonical, then what `query` does not leave to its default, the format, the
    model and its version.

    Args:
        path: with the ending that says the format, or without one.
        asked: what `query` leaves open: seeds that were drawn at random, a label by its name. None is left out.
        query: the parameters.
        model: that answers.
        chosen: the format.
    """
    left = {name: value for name, value in query if value != type(query).model_fields[name].default}
    given = {name: value for name, value in left.items() if name not in ("label", "model", "version", *asked)}
    manifest = model.bundle.manifest
    format = {} if path.endswith(f".{chosen.format}") else {"format": chosen.format}  # noqa: A001
    parameters = {**asked, **given, **format, "model": manifest.name, "version": manifest.version}
    texts = {name: text_of(name, value) for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(texts, safe=',:')}"


def text_of(name: str, value: Any) -> str:  # noqa: ANN401
    """The value of a parameter as a query has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if name == "background":
        return "".join(f"{part:02x}" for part in value)
    if name == "shape":
        return f"{value[0]}x{value[1]}"
    if name == "seeds":
        return in_ranges(value)
    return joined(value) if isinstance(value, tuple | list) else str(value)


def in_ranges(points: Iterable[Point]) -> str:
    """Points separated by commas, seeds that follow each other as a range where there are three or more."""
    runs: list[list[Point]] = []
    for point in points:
        last = runs[-1][-1].seed if runs else None
        if last is not None and point.seed == last + 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else joined(run) for run in runs)


def joined(values: Iterable[object]) -> str:
    """Separated by commas."""
    return ",".join(repr(value).removesuffix(".0") if isinstance(value, float) else str(value) for value in values)


@cache
def encoders() -> str:
    """What the bytes of a file depend on beside its pixels."""
    av = f" av {version('av')}" if mp4_available() else ""
    return f"{ENCODERS} pillow {version('pillow')} isal {version('isal')}{av}"
