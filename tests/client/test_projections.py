"""A search goes on in steps, and ends with a result, for both clients alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from figment_client import AsyncFigment, Figment, errors
from figment_client.files import File
from figment_client.projections import ProjectionResult, ProjectionStep

from tests.client.fake_service import FakeService, projected

Answer = Callable[[httpx.Request], httpx.Response]
Outcome = tuple[list[ProjectionStep], ProjectionResult]

PNG = b"\x89PNG and more"
STEP = {"step": 1, "steps": 9, "distance": 1, "seconds": 1, "png": ""}


def searched(answer: Answer, file: File = PNG, **options: object) -> Outcome:
    figment = Figment("http://test", transport=httpx.MockTransport(answer), sleep=lambda _: None)
    with figment, figment.project(file, **options) as search:
        return list(search), search.result()


def searched_async(answer: Answer, file: File = PNG, **options: object) -> Outcome:
    async def search() -> Outcome:
        figment = AsyncFigment("http://test", transport=httpx.MockTransport(answer), sleep=no_sleep)
        async with figment, figment.project(file, **options) as search:
            return [step async for step in search], await search.result()

    return asyncio.run(search())


async def no_sleep(_: float) -> None: ...


def events(*each: tuple[str, object]) -> Answer:
    body = "".join(f"event: {name}\ndata: {json.dumps(document)}\n\n" for name, document in each)
    return lambda _: httpx.Response(200, headers={"Content-Type": "text/event-stream; charset=utf-8"}, text=body)


both = pytest.mark.parametrize("search", [searched, searched_async])


@both
def test_steps_and_the_result_come_with_their_pictures(search: Callable[..., Outcome], service: FakeService) -> None:
    steps, result = search(service, steps=3, model="adventurer")
    assert [(step.step, step.steps, step.distance) for step in steps] == [(1, 3, 0.3), (2, 3, 0.15), (3, 3, 0.3 / 3)]
    assert all(step.png.startswith(b"\x89PNG") for step in steps)
    assert [step.point for step in steps] == [None, "z:AAAAPw", None]
    assert (result.point, result.distance, result.steps, result.seconds) == ("z:AACAPw", 0.1, 3, 0.4)
    assert (result.picture.model, result.picture.version, result.picture.points) == ("adventurer", 3, ("z:AACAPw",))
    assert (result.picture.labels, result.picture.image().size) == ((1,), (3, 2))
    assert str(service.asked[0].url) == "http://test/project?model=adventurer&steps=3"


@both
@pytest.mark.parametrize("kind", ["text", "path", "opened"])
def test_a_file_may_be_given_by_its_path_or_opened(
    search: Callable[..., Outcome], service: FakeService, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(PNG)
    with path.open("rb") as opened:
        search(service, {"text": str(path), "path": path, "opened": opened}[kind])
    assert service.asked[0].content == PNG


@both
def test_a_service_without_events_gives_the_result_alone(search: Callable[..., Outcome]) -> None:
    def plain(request: httpx.Request) -> httpx.Response:
        del request.headers["Accept"]
        request.headers["Accept"] = "application/json"
        return projected(request)

    steps, result = search(plain)
    assert (steps, result.point) == ([], "z:AACAPw")


@both
def test_a_problem_before_the_search_is_raised_and_tried_again_as_any(search: Callable[..., Outcome]) -> None:
    asked: list[bytes] = []

    def busy(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return httpx.Response(503 if len(asked) < 3 else 415)

    with pytest.raises(errors.UnsupportedMedia):
        search(busy)
    assert asked == [PNG] * 3


@both
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (events(("error", {"type": "/problems/overloaded", "status": 503})), errors.Overloaded, "503"),
        (events(("error", {"title": "No", "detail": "gradient"})), errors.ProblemError, "gradient"),
        (events(("progress", {"step": 1})), errors.InvalidAnswer, "'steps' is missing"),
        (events(("progress", [])), errors.InvalidAnswer, "no JSON object"),
        (events(("progress", STEP | {"point": 7})), errors.InvalidAnswer, "'point' is 7"),
        (events(("result", {"point": 1})), errors.InvalidAnswer, "'point'|'png'"),
        (events(("other", {})), errors.InvalidAnswer, "broke off"),
        (events(), errors.InvalidAnswer, "broke off"),
        (lambda _: httpx.Response(200, text="{"), errors.InvalidAnswer, "no result"),
    ],
)
def test_what_is_no_search_is_an_error(
    search: Callable[..., Outcome], answer: Answer, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        search(answer)


def test_a_result_may_be_waited_for_without_looking_at_the_steps(service: FakeService) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment, figment.project(PNG) as search:
        assert next(iter(search)).step == 1
        assert search.result().point == "z:AACAPw"


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An endless search, or one that breaks; `closed` when the client has let go of it."""

    def __init__(self, broken: bool) -> None:
        self.broken, self.closed = broken, False

    def __iter__(self) -> Iterator[bytes]:
        yield f"event: progress\ndata: {json.dumps(STEP)}\n\n".encode()
        if self.broken:
            raise httpx.ReadError("reset")
        raise AssertionError("read on after the client had left")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def streamed(stream: Stream) -> httpx.MockTransport:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=stream))


def test_leaving_a_search_closes_its_request() -> None:
    stream = Stream(broken=False)
    with Figment("http://test", transport=streamed(stream)) as figment, figment.project(PNG) as search:
        assert next(iter(search)).steps == 9
    assert stream.closed


async def test_leaving_an_awaited_search_closes_its_request() -> None:
    stream = Stream(broken=False)
    async with AsyncFigment("http://test", transport=streamed(stream)) as figment, figment.project(PNG) as search:
        async for step in search:
            assert step.steps == 9
            break
    assert stream.closed


async def test_a_connection_that_breaks_in_a_search_is_an_error() -> None:
    transport = streamed(Stream(broken=True))
    figment, figment_async = (
        Figment("http://test", transport=transport),
        AsyncFigment("http://test", transport=transport),
    )
    with figment, figment.project(PNG) as search, pytest.raises(errors.ConnectionFailed, match="reset"):
        search.result()
    async with figment_async, figment_async.project(PNG) as awaited:
        with pytest.raises(errors.ConnectionFailed, match="reset"):
            await awaited.result()
