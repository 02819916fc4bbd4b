"""
The client, `Figment`. Its twin for asyncio is in `async_client`.

The two differ only at the await: `requests` builds what is asked, `responses` makes a result or an error of
what comes back, and `retries` decides on another attempt; all of it is shared.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from .projections import Projection
from .requests import destined
from .responses import Result, finish, read_inspection, read_models, read_picture, read_ready, require_ok
from .settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self, Unpack

    from .options import GenerateOptions, GridOptions, ImageOptions, OriginOptions, WalkOptions

OK = HTTPStatus.OK


class Figment(Addressed):
    """
    A client of one Figment service; it may be shared between threads. Use it in a `with`, or `close()` it.

    `base_url` is the service's address, by default that of the environment variable FIGMENT_URL, else
    `http://127.0.0.1:8000`. `key` is for a service that asks for one, by default that of FIGMENT_KEY.
    `timeout` is in seconds, for each wait on the connection, None for no limit.
    `max_retries` attempts follow a first that failed in a way worth repeating (see `retries`). `http` is an
    httpx.Client to send with, with its proxies, certificates and limits; it stays yours to close. Or `transport` is an
    httpx transport below a client of our own. `sleep` (which gets seconds) is for tests.

    A point is a seed (a number 0 … 2³²−1), words, which the server hashes to one, or a latent: its numbers, or their
    text `z:…`. Where an argument is None, the server's default holds; the options are described where they are
    defined, in `options`. `to` is a path: the answer is written there while it arrives, and has the name only when it
    is whole; the path's ending chooses the format.

    Every method raises `FigmentError`: `InvalidArgument` before anything is sent, `ConnectionFailed`, `TimedOut`,
    `ProblemError` for an answer with an error status, `InvalidAnswer` for one that is not what it claims; and OSError
    for a file that cannot be read or written.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_retries: int = DEFAULT_MAX_RETRIES,
        http: httpx.Client | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(base_url, timeout, max_retries, key)
        if http is not None and transport is not None:
            raise InvalidArgument("http and transport: one of the two; a client has a transport of its own")
        import httpx  # here, so that whoever only imports this package does not wait for it

        self._is_own = http is None
        self._http = http or httpx.Client(transport=transport, **self._settings.http_options())
        self._sleep = sleep

    def generate(
        self, n: int | None = None, *, to: StrPath | None = None, **options: Unpack[GenerateOptions]
    ) -> Picture:
        """
        A grid of `n` images (1 … 64; one by default) of `seed` and those that follow it, of `seeds` or of `latents`.

        Without any of them they are drawn at random, and `picture.seeds` tells the seeds.
        Options: `seed`, `seeds`, `latents`, `labels`, `label`, `columns`, `padding`, `background`, `scale`, `resample`,
        `format`, `quality`, `lossless`, `truncation`, `model`, `version`.
        """
        return self._draw(requests.generate(n, **destined(options, to)), to)

    def image(self, point: Point, *, to: StrPath | None = None, **options: Unpack[ImageOptions]) -> Picture:
        """
        The image of one point.

        Options: `scale`, `resample`, `format`, `quality`, `lossless`, `truncation`, `label`, `model`, `version`.
        """
        return self._draw(requests.image(point, **destined(options, to)), to)

    def images(self, seeds: Iterable[Point], **options: Unpack[OriginOptions]) -> Iterator[Picture]:
        """
        The image of each of any number of points, as a PNG of its own, in their order.

        They are asked for in groups of 64, as the iterator comes to them, in the format `zip`: each file in it is a
        PNG; arrays (`npz`) would have to be encoded again, and JSON is a third longer. All are drawn by the model and
        version that drew the first. The `request` of each is that of the one image.
        Options: `truncation`, `label`, `model`, `version`.
        """
        for page in pages(seeds):
            archive = self._draw(requests.generate(seeds=page, format="zip", **options))
            options = {**options, "model": archive.model, "version": archive.version}
            yield from pictures_of_zip(archive, len(page), options)

    def interpolate(
        self, seeds: Sequence[Point] | None = None, *, to: StrPath | None = None, **options: Unpack[WalkOptions]
    ) -> Picture:
        """
        A walk through two to sixteen points (two at random by default): an animation, a strip, one frame or a lattice.

        Options: `latents`, `frames`, `mode`, `easing`, `loop`, `fps`, `t`, `shape`, and those of `generate` from
        `label` on.
        """
        return self._draw(requests.interpolate(seeds, **destined(options, to)), to)

    def variations(
        self,
        seed: Point | None = None,
        n: int | None = None,
        *,
        distance: float | None = None,
        noise: int | None = None,
        to: StrPath | None = None,
        **options: Unpack[GridOptions],
    ) -> Picture:
        """
        A grid of `n` (1 … 64) neighbours of a point, at random by default, all of its class.

        `distance` is theirs from the point, 0 … 2 of its length; image i goes in the direction of the seed `noise` + i.
        Options: those of `generate` from `label` on.
        """
        options = destined(options, to)
        return self._draw(requests.variations(seed, n, distance=distance, noise=noise, **options), to)

    def mix(
        self,
        seeds: Sequence[Point],
        weights: Sequence[float] | None = None,
        *,
        rescale: bool | None = None,
        to: StrPath | None = None,
        **options: Unpack[ImageOptions],
    ) -> Picture:
        """
        The image at the sum of two to sixteen points, each times its weight (−4 … 4; by default all the same).

        The sum is brought to the points' mean length unless `rescale` is False. Options: those of `image`.
        """
        return self._draw(requests.mix(seeds, weights, rescale=rescale, **destined(options, to)), to)

    def project(
        self,
        file: File,
        *,
        steps: int | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        model: str | None = None,
        version: int | None = None,
    ) -> Projection:
        """
        Search for the point whose picture is nearest to a file's: a path, bytes, or a file opened for reading.

        Use it in a `with`: iterating gives each `ProjectionStep` as it is made, `result()` the `ProjectionResult`. The
        search ends after `steps` (1 … 1000) or `seconds`; `seed` is that of the points it starts from.
        """
        asked = partial(requests.project, steps=steps, seconds=seconds, seed=seed, model=model, version=version)
        return Projection(partial(self._start, file, asked))

    def inspect(self, file: File) -> Inspection:
        """What a picture says of its origin; `file` is a path, bytes, or a file opened for reading."""
        return self._ask(requests.inspect(content_of(file)), read_inspection)

    def verify(self, file: File, *, tolerance: int | None = None) -> Verification:
        """
        Draw a picture again, from the request that is written in it, and compare.

        Lossless formats have to agree in every bit of every pixel; of others the largest difference is told, and one of
        `tolerance` (0 … 255) counts as the same. Without Pillow only the bytes are compared. Raises `NoRequest` where
        the picture does not say its request: there is nothing to draw again.
        """
        content = content_of(file)
        inspection = self.inspect(content)
        redrawn = self._draw(requests.replay(inspection.request))
        return verification(inspection, content, redrawn.content, tolerance)

    def models(self) -> ModelListing:
        """The models that are served, and the bundles that were skipped and why."""
        return self._ask(requests.models(), read_models)

    def ready(self) -> bool:
        """
        Whether the service would answer with images now; asked once, without retries.

        A service that cannot be reached raises ConnectionFailed: a wrong address is not "not ready yet".
        """
        return self._ask(requests.ready(), read_ready, max_retries=0)

    def health(self) -> bool:
        """Whether the service's process answers, ready or not; asked once. Raises as `ready` does."""
        return self._ask(requests.health(), read_ready, max_retries=0)

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards. A given `http` stays open."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: Call, read: Callable[[httpx.Response], Result], max_retries: int | None = None) -> Result:
        return finish(self._try(call, self._whole, max_retries), read)

    def _draw(self, call: Call, to: StrPath | None = None) -> Picture:
        if to is None:
            return self._ask(call, partial(read_picture, call=call))
        with PartFile(to) as file:
            return self._kept(self._try(call, partial(self._whole, file=file)), call, file)

    def _start(self, file: File, asked: Callable[[bytes], Call]) -> httpx.Response:
        return finish(self._try(asked(content_of(file)), self._open), require_ok)

    def _try(
        self, call: Call, attempt: Callable[[httpx.Request], httpx.Response], max_retries: int | None = None
    ) -> httpx.Response | httpx.RequestError:
        """The outcome of the last attempt: a response, or what httpx raised."""
        import httpx

        request = self._request(self._http, call)
        for count in itertools.count():
            try:
                outcome: httpx.Response | httpx.RequestError = attempt(request)
            except httpx.RequestError as error:
                outcome = error
            pause = self._pause(outcome, count, max_retries)
            if pause is None:
                break
            self._sleep(pause)
        return outcome

    def _open(self, request: httpx.Request) -> httpx.Response:
        """A 200 whose body is still to come; another answer has been read."""
        response = self._http.send(request, stream=True, follow_redirects=True)
        if response.status_code != OK:
            try:
                response.read()
            finally:
                response.close()
        return response

    def _whole(self, request: httpx.Request, file: PartFile | None = None) -> httpx.Response:
        """An answer that has been read, or written to `file`, if it is a 200."""
        response = self._open(request)
        try:
            if file is None or response.status_code != OK:
                response.read()
            else:
                file.restart()
                for piece in response.iter_bytes():
                    file.write(piece)
        finally:
            response.close()
        return response
