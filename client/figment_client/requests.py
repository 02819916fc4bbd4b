"""
What is asked, as plain values: each function gives the `Call` of one request, and nothing is sent here.

Every request is a GET, also the drawing of random seeds: no request changes anything on the server.
None leaves a parameter out, so the server's default holds; the server also checks the ranges. Refused here is
only what could not be sent as it is meant.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from .errors import InvalidArgument

MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Call:
    """One request: a path below the base URL, percent-encoded, and the query's pairs, not yet encoded."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


def generate(
    n: int | None = None,
    *,
    seed: int | str | None = None,
    columns: int | None = None,
    truncation: float | None = None,
    label: int | str | None = None,
    model: str | None = None,
) -> Call:
    """`GET /generate`: a grid of `n` images. Raises InvalidArgument for a seed or label that cannot be sent."""
    params = _given(
        n=n,
        seed=None if seed is None else seed_text(seed),
        columns=columns,
        truncation=truncation,
        label=None if label is None else label_text(label),
        model=model,
    )
    return Call("/generate", params)


def image(
    seed: int | str,
    *,
    truncation: float | None = None,
    label: int | str | None = None,
    model: str | None = None,
) -> Call:
    """`GET /images/{seed}.png`: one image. Raises InvalidArgument for a seed or label that cannot be sent."""
    path = f"/images/{quote(seed_text(seed), safe='')}.png"
    text = None if label is None else label_text(label)
    return Call(path, _given(truncation=truncation, label=text, model=model))


def interpolate(
    seeds: Sequence[int | str] | None = None,
    *,
    frames: int | None = None,
    mode: str | None = None,
    loop: bool | None = None,
    format: str | None = None,  # noqa: A002 - the parameter's name on the wire
    columns: int | None = None,
    fps: int | None = None,
    truncation: float | None = None,
    label: int | str | None = None,
    model: str | None = None,
) -> Call:
    """`GET /interpolate`: a walk through `seeds`. Raises InvalidArgument for seeds or a label that cannot be sent."""
    params = _given(
        seeds=None if seeds is None else seeds_text(seeds),
        frames=frames,
        mode=mode,
        loop=loop,
        format=format,
        columns=columns,
        fps=fps,
        truncation=truncation,
        label=None if label is None else label_text(label),
        model=model,
    )
    return Call("/interpolate", params)


def models() -> Call:
    """`GET /models`."""
    return Call("/models")


def ready() -> Call:
    """`GET /readyz`."""
    return Call("/readyz")


def seed_text(seed: int | str) -> str:
    """
    A seed as it is sent: a number 0 … 2³²−1 in digits, or any string but the empty one, as it is.

    A number out of range is refused: as digits it would be just another string to the server, hashed to some
    other seed.
    """
    if not isinstance(seed, str):
        number = operator.index(seed)
        if not 0 <= number <= MAX_SEED:
            raise InvalidArgument(f"seed {number}: a number has to be within 0 … {MAX_SEED}")
        return str(number)
    if not seed:
        raise InvalidArgument("seed '': an empty string is no seed; leave the seed out to draw one at random")
    return _encodable(seed, "seed")


def label_text(label: int | str) -> str:
    """
    A label as it is sent: the name of a class as it is, or its index, from 0, in digits.

    An empty name is refused, and a number below 0, which is no index.
    """
    if not isinstance(label, str):
        index = operator.index(label)
        if index < 0:
            raise InvalidArgument(f"label {index}: an index is 0 or more")
        return str(index)
    if not label:
        raise InvalidArgument("label '': an empty string is no class; leave the label out for each seed's own")
    return _encodable(label, "label")


def seeds_text(seeds: Sequence[int | str]) -> str:
    """The seeds of a walk as they are sent, separated by commas; so no seed may hold one itself."""
    if isinstance(seeds, str):
        raise InvalidArgument(f"seeds {seeds!r}: a sequence of seeds is needed, like [1, 2], not one string")
    texts = [seed_text(seed) for seed in seeds]
    if not texts:
        raise InvalidArgument("seeds: empty; leave them out to draw two at random")
    for text in texts:
        if "," in text:
            raise InvalidArgument(f"seed {text!r}: holds a comma, which separates the seeds of a walk")
    return ",".join(texts)


def to_httpx(http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    """The call as a request of `http`, below its base URL. Raises InvalidArgument where no URL holds it."""
    try:
        return http.build_request("GET", call.path, params=call.params)
    except httpx.InvalidURL as error:
        raise InvalidArgument(f"cannot be asked as a URL: {error}") from error


def _encodable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{what} {text!r}: has no UTF-8 form ({error.reason})") from error
    return text


def _given(**values: str | float | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in values.items() if value is not None)


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
