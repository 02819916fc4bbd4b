"""One request as plain values, `Call`, and how it becomes a request of httpx."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from .errors import InvalidArgument
from .points import Latent, point_of

if TYPE_CHECKING:
    import httpx

MAX_QUERY = 2000
"""Characters of a query; a longer one goes as a body. Proxies take 8,000 and more for the whole head."""


NO_CREDENTIALS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Call:
    """
    One request: a path below the base URL, percent-encoded, and the query's pairs, not yet encoded; a POST of `content`
    where there is any. `points` are those that it names, and `format` is the format it asks for, where it does.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    content: bytes | None = field(default=None, repr=False)
    media_type: str = ""
    accept: str = "*/*"
    points: tuple[str, ...] = ()
    format: str | None = None

    @property
    def target(self) -> str:
        """The path and the query, encoded."""
        return self.path + (f"?{urlencode(self.params, quote_via=quote)}" if self.params else "")


def drawing_call(
    path: str,
    options: Mapping[str, object],
    points: tuple[str, ...],
    latents: Collection[Latent] | None = None,
) -> Call:
    """A call with the values as its query, or as its body where they are too much for one."""
    values = {name: value for name, value in options.items() if value is not None}
    if latents is not None:
        values["latents"] = rows = _rows(latents)
        points = tuple(map(point_of, rows))
    form = values.get("format")
    asked = Call(path, points=points, format=form if isinstance(form, str) else None)
    if not any(isinstance(value, list) for value in values.values()):
        params = given(values)
        if len(urlencode(params)) <= MAX_QUERY:
            return replace(asked, params=params)
    return replace(asked, content=json.dumps(values, allow_nan=False).encode(), media_type="application/json")


def to_httpx(
    http: httpx.Client | httpx.AsyncClient,
    base_url: str,
    call: Call,
    timeout: httpx.Timeout,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> httpx.Request:
    """The call as a request of `http`, below a base URL. Raises InvalidArgument where no URL holds it."""
    import httpx

    headers = {"Accept": call.accept, **credentials}
    if call.content is not None:
        headers["Content-Type"] = call.media_type
    method = "GET" if call.content is None else "POST"
    try:
        url = base_url + call.target
        return http.build_request(method, url, content=call.content, headers=headers, timeout=timeout)
    except httpx.InvalidURL as error:
        raise InvalidArgument(f"cannot be asked as a URL: {error}") from error


def given(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The values that are not None, as pairs of a query."""
    return tuple((name, text_of(value)) for name, value in values.items() if value is not None)


def text_of(value: object) -> str:
    """A value as a query has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rows(latents: Collection[Latent]) -> list[list[float]]:
    rows = [[float(number) for number in latent] for latent in latents]
    if not rows or not all(map(len, rows)) or len(set(map(len, rows))) > 1:
        raise InvalidArgument("latents: rows of equal length are needed, one an image")
    if not all(math.isfinite(number) for row in rows for number in row):
        raise InvalidArgument("latents: all numbers must be finite")
    return rows
