"""`AsyncFigment`, the client for asyncio: `Figment` with an await wherever it sends or waits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import httpx

from . import requests
from .client import Addressed
from .listings import ModelListing
from .pictures import Picture
from .requests import Call
from .responses import Result, finish, read_models, read_picture, read_ready
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT_S, checked_settings


class AsyncFigment(Addressed):
    """
    `Figment` for asyncio: the same arguments, methods and errors, awaited.

    Use it in an `async with`, or `aclose()` it; within one event loop.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_retries: int = DEFAULT_MAX_RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._settings = checked_settings(base_url, timeout, max_retries)
        self._http = httpx.AsyncClient(transport=transport, **self._settings.http_options())
        self._sleep = sleep

    async def generate(
        self,
        n: int | None = 1,
        *,
        seed: int | str | None = None,
        columns: int | None = None,
        truncation: float | None = None,
        label: int | str | None = None,
        model: str | None = None,
    ) -> Picture:
        """As `Figment.generate`."""
        call = requests.generate(n, seed=seed, columns=columns, truncation=truncation, label=label, model=model)
        return await self._ask(call, read_picture)

    async def image(
        self,
        seed: int | str,
        *,
        truncation: float | None = None,
        label: int | str | None = None,
        model: str | None = None,
    ) -> Picture:
        """As `Figment.image`."""
        call = requests.image(seed, truncation=truncation, label=label, model=model)
        return await self._ask(call, read_picture)

    async def interpolate(
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
        """As `Figment.interpolate`."""
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
        return await self._ask(call, read_picture)

    async def models(self) -> ModelListing:
        """As `Figment.models`."""
        return await self._ask(requests.models(), read_models)

    async def ready(self) -> bool:
        """As `Figment.ready`."""
        return await self._ask(requests.ready(), read_ready, max_retries=0)

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(
        self, call: Call, read: Callable[[httpx.Response], Result], max_retries: int | None = None
    ) -> Result:
        request = requests.to_httpx(self._http, call)
        limit = self._settings.max_retries if max_retries is None else max_retries
        for attempt in itertools.count():
            outcome = await self._attempt(request)
            pause = self._pause(outcome, attempt, limit)
            if pause is None:
                break
            await self._sleep(pause)
        return finish(outcome, read)

    async def _attempt(self, request: httpx.Request) -> httpx.Response | httpx.RequestError:
        try:
            return await self._http.send(request)
        except httpx.RequestError as error:
            return error
