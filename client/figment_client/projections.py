"""
The search for the point of a picture, as it goes on: `with figment.project(…) as search: for step in search: …`.

`Projection` and `AsyncProjection` differ only at the await: `SearchReader` makes steps and the result of the bytes.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

from .errors import InvalidAnswer
from .events import EventReader
from .members import content, member, members, number
from .pictures import Picture
from .problems import media_type, problem_of_document, read_failure
from .requests import EVENT_STREAM

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self


@dataclass(frozen=True)
class ProjectionStep:
    """
    How far a search has come: `step` of `steps`, after `seconds`. `distance` is the mean squared error of pixels in
    0 … 1, and `png` what is drawn at the point it has reached; `point` is its text, or None where the service does not
    tell it.
    """

    step: int
    steps: int
    distance: float
    seconds: float
    png: bytes = field(repr=False)
    point: str | None = None


@dataclass(frozen=True)
class ProjectionResult:
    """
    The nearest point that was found: `point` is its text, `z:…`, which any method takes; `distance` as of a step;
    `picture` is what is drawn there. `steps` were made in `seconds`.
    """

    point: str
    distance: float
    steps: int
    seconds: float
    picture: Picture


class SearchReader:
    """Makes steps of the events of a search, and keeps the result; with a plain JSON answer there are no steps."""

    def __init__(self) -> None:
        self.result: ProjectionResult | None = None
        self._events = EventReader()

    def steps(self, piece: bytes) -> Iterator[ProjectionStep]:
        """The steps that this piece of the answer completes. Raises ProblemError for an `error` event."""
        for name, data in self._events.feed(piece):
            try:
                document = members(json.loads(data), f"the event {name}")
                if name == "progress":
                    yield _step(document)
                elif name == "result":
                    self.result = _result(document)
            except (ValueError, RecursionError) as error:
                raise InvalidAnswer(f"the search went on with what is no {name}: {error}") from error
            if name == "error":
                status = document.get("status")
                raise problem_of_document(document, status if isinstance(status, int) else 500)

    def read_whole(self, body: bytes) -> None:
        """Take the result from a JSON answer, which comes when all is over."""
        try:
            self.result = _result(members(json.loads(body), "the answer"))
        except (ValueError, RecursionError) as error:
            raise InvalidAnswer(f"the answer is no result of a search: {error}") from error

    def finished(self) -> ProjectionResult:
        """The result. Raises InvalidAnswer where the answer ended without one."""
        if self.result is None:
            raise InvalidAnswer("the search broke off without a result")
        return self.result


class Projection:
    """
    A search that goes on in the service; leaving the `with` before its end ends it there too.

    Iterate over it for its steps, as they are made; `result()` waits for the end. Both raise `FigmentError`.
    """

    def __init__(self, start: Callable[[], httpx.Response]) -> None:
        self._start = start
        self._reader = SearchReader()

    def __enter__(self) -> Self:
        self._response = self._start()
        self._steps = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close()
        self._response.close()

    def __iter__(self) -> Iterator[ProjectionStep]:
        return self._steps

    def result(self) -> ProjectionResult:
        """The nearest point; the steps until it is found, if any are left, are passed over."""
        for _ in self._steps:
            pass
        return self._reader.finished()

    def _read(self) -> Generator[ProjectionStep, None, None]:
        import httpx

        try:
            if media_type(self._response) != EVENT_STREAM:
                self._reader.read_whole(self._response.read())
                return
            for piece in self._response.iter_bytes():
                yield from self._reader.steps(piece)
        except httpx.RequestError as error:
            raise read_failure(error) from error


class AsyncProjection:
    """`Projection` for asyncio: `async with`, `async for`, `await search.result()`."""

    def __init__(self, start: Callable[[], Awaitable[httpx.Response]]) -> None:
        self._start = start
        self._reader = SearchReader()

    async def __aenter__(self) -> Self:
        self._response = await self._start()
        self._steps = self._read()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._steps.aclose()
        await self._response.aclose()

    def __aiter__(self) -> AsyncIterator[ProjectionStep]:
        return self._steps

    async def result(self) -> ProjectionResult:
        """As `Projection.result`."""
        async for _ in self._steps:
            pass
        return self._reader.finished()

    async def _read(self) -> AsyncGenerator[ProjectionStep, None]:
        import httpx

        try:
            if media_type(self._response) != EVENT_STREAM:
                self._reader.read_whole(await self._response.aread())
                return
            async for piece in self._response.aiter_bytes():
                for step in self._reader.steps(piece):
                    yield step
        except httpx.RequestError as error:
            raise read_failure(error) from error


def _step(document: Mapping[str, object]) -> ProjectionStep:
    return ProjectionStep(
        step=member(document, "step", int),
        steps=member(document, "steps", int),
        distance=number(document, "distance"),
        seconds=number(document, "seconds"),
        png=content(document, "png"),
        point=None if document.get("point") is None else member(document, "point", str),
    )


def _result(document: Mapping[str, object]) -> ProjectionResult:
    point = member(document, "point", str)
    label = document.get("label")
    picture = Picture(
        source=content(document, "png"),
        media_type="image/png",
        seeds=(),
        model=member(document, "model", str),
        version=member(document, "version", int),
        request=member(document, "request", str),
        labels=(label,) if isinstance(label, int) else (),
        points=(point,),
    )
    return ProjectionResult(
        point=point,
        distance=number(document, "distance"),
        steps=member(document, "steps", int),
        seconds=number(document, "seconds"),
        picture=picture,
    )
