"""`AsyncFigment`, the client for asyncio: `Figment` with an await wherever it sends or waits."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING

from . import requests
from .addressed import Addressed
from .archives import pictures_of_zip
from .calls import Call
from .comparing import verification
from .errors import InvalidArgument
from .files import File, PartFile, StrPath, content_of
from .inspections import Inspection, Verification
from .listings import ModelListing
from .pictures import Picture
from .points import Point, pages
from .projections import AsyncProjection
from .requests import destined
from .responses import Result, finish, read_inspection, read_models, read_picture, read_ready, require_ok
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self, Unpack

    from .options import GenerateOptions, GridOptions, ImageOptions, OriginOptions, WalkOptions

OK = HTTPStatus.OK


class AsyncFigment(Addressed):
    """
    `Figment` for asyncio: the same arguments, methods and errors, awaited.

    Use it in an `async with`, or `aclose()` it; within one event loop. `http` is an httpx.AsyncClient, `transport` an
    asynchronous httpx transport. A call that is cancelled closes its request: the service gives up its place.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http: httpx.AsyncClient | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        super().__init__(base_url, timeout, max_retries, key)
        if http is not None and transport is not None:
            raise InvalidArgument("http and transport: one of the two; a client has a transport of its own")
        import asyncio  # here, as httpx: whoever only imports this package does not wait for them

        import httpx

        self._is_own = http is None
        self._http = http or httpx.AsyncClient(transport=transport, **self._settings.http_options())
        self._sleep = sleep or asyncio.sleep

    async def generate(
        self, n: int | None = None, *, to: StrPath | None = None, **options: Unpack[GenerateOptions]
    ) -> Picture:
        """As `Figment.generate`."""
        return await self._draw(requests.generate(n, **destined(options, to)), to)

    async def image(self, point: Point, *, to: StrPath | None = None, **options: Unpack[ImageOptions]) -> Picture:
        """As `Figment.image`."""
        return await self._draw(requests.image(point, **destined(options, to)), to)

    async def images(self, seeds: Iterable[Point], **options: Unpack[OriginOptions]) -> AsyncIterator[Picture]:
        """As `Figment.images`."""
        for page in pages(seeds):
            archive = await self._draw(requests.generate(seeds=page, format="zip", **options))
            options = {**options, "model": archive.model, "version": archive.version}
            for picture in pictures_of_zip(archive, len(page), options):
                yield picture

    async def interpolate(
        self, seeds: Sequence[Point] | None = None, *, to: StrPath | None = None, **options: Unpack[WalkOptions]
    ) -> Picture:
        """As `Figment.interpolate`."""
        return await self._draw(requests.interpolate(seeds, **destined(options, to)), to)

    async def variations(
        self,
        seed: Point | None = None,
        n: int | None = None,
        *,
        distance: float | None = None,
        noise: int | None = None,
        to: StrPath | None = None,
        **options: Unpack[GridOptions],
    ) -> Picture:
        """As `Figment.variations`."""
        options = destined(options, to)
        return await self._draw(requests.variations(seed, n, distance=distance, noise=noise, **options), to)

    async def mix(
        self,
        seeds: Sequence[Point],
        weights: Sequence[float] | None = None,
        *,
        rescale: bool | None = None,
        to: StrPath | None = None,
        **options: Unpack[ImageOptions],
    ) -> Picture:
        """As `Figment.mix`."""
        return await self._draw(requests.mix(seeds, weights, rescale=rescale, **destined(options, to)), to)

    def project(
        self,
        file: File,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        model: str | None = None,
        version: int | None = None,
    ) -> AsyncProjection:
        """As `Figment.project`."""
        asked = partial(requests.project, steps=steps, seconds=seconds, seed=seed, model=model, version=version)
        return AsyncProjection(partial(self._start, file, asked))

    async def inspect(self, file: File) -> Inspection:
        """As `Figment.inspect`."""
        return await self._ask(requests.inspect(await _content_of(file)), read_inspection)

    async def verify(self, file: File, *, tolerance: int | None = None) -> Verification:
        """As `Figment.verify`."""
        import asyncio

        content = await _content_of(file)
        inspection = await self.inspect(content)
        redrawn = await self._draw(requests.replay(inspection.request))
        return await asyncio.to_thread(verification, inspection, content, redrawn.content, tolerance)

    async def models(self) -> ModelListing:
        """As `Figment.models`."""
        return await self._ask(requests.models(), read_models)

    async def ready(self) -> bool:
        """As `Figment.ready`."""
        return await self._ask(requests.ready(), read_ready, max_retries=0)

    async def health(self) -> bool:
        """As `Figment.health`."""
        return await self._ask(requests.health(), read_ready, max_retries=0)

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards. A given `http` stays open."""
        if self._is_own:
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
        return finish(await self._try(call, self._whole, max_retries), read)

    async def _draw(self, call: Call, to: StrPath | None = None) -> Picture:
        if to is None:
            return await self._ask(call, partial(read_picture, call=call))
        with PartFile(to) as file:
            return self._kept(await self._try(call, partial(self._whole, file=file)), call, file)

    async def _start(self, file: File, asked: Callable[[bytes], Call]) -> httpx.Response:
        call = asked(await _content_of(file))
        return finish(await self._try(call, self._open), require_ok)

    async def _try(
        self,
        call: Call,
        attempt: Callable[[httpx.Request], Awaitable[httpx.Response]],
        max_retries: int | None = None,
    ) -> httpx.Response | httpx.RequestError:
        """The outcome of the last attempt: a response, or what httpx raised."""
        import httpx

        request = self._request(self._http, call)
        for count in itertools.count():
            try:
                outcome: httpx.Response | httpx.RequestError = await attempt(request)
            except httpx.RequestError as error:
                outcome = error
            pause = self._pause(outcome, count, max_retries)
            if pause is None:
                break
            await self._sleep(pause)
        return outcome

    async def _open(self, request: httpx.Request) -> httpx.Response:
        """A 200 whose body is still to come; another answer has been read."""
        response = await self._http.send(request, stream=True, follow_redirects=True)
        if response.status_code != OK:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response

    async def _whole(self, request: httpx.Request, file: PartFile | None = None) -> httpx.Response:
        """An answer that has been read, or written to `file`, if it is a 200."""
        response = await self._open(request)
        try:
            if file is None or response.status_code != OK:
                await response.aread()
            else:
                await _write(file, response)
        finally:
            await response.aclose()
        return response


async def _write(file: PartFile, response: httpx.Response) -> None:
    """Write an answer's body as it arrives, in a thread: a disk that is busy holds up no other task."""
    import asyncio

    await asyncio.to_thread(file.restart)
    async for piece in response.aiter_bytes():
        await asyncio.to_thread(file.write, piece)


async def _content_of(file: File) -> bytes:
    import asyncio

    return await asyncio.to_thread(content_of, file)
