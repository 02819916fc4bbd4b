"""
The client, `Figment`. Its twin for asyncio is in `async_client`.

The two differ only at the await: `requests` builds what is asked, `responses` makes a result or an error of
what comes back, and `retries` decides on another attempt; all of it is shared.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import httpx

from . import requests
from .listings import ModelListing
from .pictures import Picture
from .requests import Call
from .responses import Result, finish, read_models, read_picture, read_ready
from .retries import pause_before_retry
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT_S, Settings, checked_settings


class Addressed:
    """What both clients know before anything is sent: the settings, and what follows from them."""

    _settings: Settings

    @property
    def base_url(self) -> str:
        """The address of the service, without a slash at its end."""
        return self._settings.base_url

    def replay_url(self, picture: Picture) -> str:
        """The full address, below this client's base URL, that answers with the same picture again."""
        return self._settings.address(picture.request)

    def _pause(self, outcome: httpx.Response | httpx.RequestError, attempt: int, limit: int) -> float | None:
        return pause_before_retry(outcome, attempt, max_retries=limit, jitter=random.random(), now=time.time())


class Figment(Addressed):
    """
    A client of one Figment service; it may be shared between threads. Use it in a `with`, or `close()` it.

    `base_url` is the service's address, by default that of the environment variable FIGMENT_URL, else
    `http://127.0.0.1:8000`. `timeout` is in seconds, for each wait on the connection, None for no limit.
    `max_retries` attempts follow a first that failed in a way worth repeating (see `retries`). `transport`
    and `sleep` (which gets seconds) are for tests.

    Where an argument is None, the server's default holds. Every method raises `FigmentError`:
    `InvalidArgument` before anything is sent, `ConnectionFailed`, `TimedOut`, `ProblemError` for an answer
    with an error status, `InvalidAnswer` for one that is not what it claims.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_retries: int = DEFAULT_MAX_RETRIES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._settings = checked_settings(base_url, timeout, max_retries)
        self._http = httpx.Client(transport=transport, **self._settings.http_options())
        self._sleep = sleep

    def generate(
        self,
        n: int | None = 1,
        *,
        seed: int | str | None = None,
        columns: int | None = None,
        truncation: float | None = None,
        label: int | str | None = None,
        model: str | None = None,
    ) -> Picture:
        """
        A PNG grid of `n` images (1 … 64) in `columns` columns (1 … 64).

        Image i has seed `seed` + i (mod 2³²). `seed` is a number 0 … 2³²−1, or a string that the server
        hashes to one; None draws at random. The latents are multiplied by `truncation` (0 … 2). `label` is the
        class of all images: one of the model's `class_names`, or its index there (a number that is a class's name
        means that class); None leaves each seed its own class. `model` is a name from `models`.
        """
        call = requests.generate(n, seed=seed, columns=columns, truncation=truncation, label=label, model=model)
        return self._ask(call, read_picture)

    def image(
        self,
        seed: int | str,
        *,
        truncation: float | None = None,
        label: int | str | None = None,
        model: str | None = None,
    ) -> Picture:
        """One image as PNG; `seed`, `truncation`, `label` and `model` as in `generate`."""
        return self._ask(requests.image(seed, truncation=truncation, label=label, model=model), read_picture)

    def interpolate(
        self,
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
    ) -> Picture:
        """
        A walk through `seeds`: two to sixteen, without commas; None draws two at random.

        It has `frames` frames (2 … 120) over the whole way, along `mode` (`slerp`, `lerp`), back to the first
        seed with `loop`. `format` is `png`, one picture in `columns` columns (1 … 120), or `webp` or `gif`,
        animated at `fps` frames a second (1 … 50). `truncation`, `label` and `model` as in
        `generate`.
        """
        call = requests.interpolate(
            seeds,
            frames=frames,
            mode=mode,
            loop=loop,
            format=format,
            columns=columns,
            fps=fps,
            truncation=truncation,
            label=label,
            model=model,
        )
        return self._ask(call, read_picture)

    def models(self) -> ModelListing:
        """The models that are served, and the bundles that were skipped and why."""
        return self._ask(requests.models(), read_models)

    def ready(self) -> bool:
        """
        Whether the service would answer with images now; asked once, without retries.

        A service that cannot be reached raises ConnectionFailed: a wrong address is not "not ready yet".
        """
        return self._ask(requests.ready(), read_ready, max_retries=0)

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: Call, read: Callable[[httpx.Response], Result], max_retries: int | None = None) -> Result:
        request = requests.to_httpx(self._http, call)
        limit = self._settings.max_retries if max_retries is None else max_retries
        for attempt in itertools.count():
            outcome = self._attempt(request)
            pause = self._pause(outcome, attempt, limit)
            if pause is None:
                break
            self._sleep(pause)
        return finish(outcome, read)

    def _attempt(self, request: httpx.Request) -> httpx.Response | httpx.RequestError:
        try:
            return self._http.send(request)
        except httpx.RequestError as error:
            return error
