"""From a picture to its latent, over HTTP."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from bundle.classes import class_of
from bundle.latents import Latents
from bundle.points import parse_point
from service.api.events import Event, beating
from service.api.project import distance, wants_events
from service.engine.protocol import EngineError
from service.pictures.png import encode_png
from service.pictures.uploads import read_picture
from service.projection.desk import Desk
from tests.service.conftest import LATENT_DIM, Serve, Service
from tests.service.fake_engine import FakeEngine, FakeProjector, pixels_of, until

TARGET = np.random.RandomState(0).randint(0, 256, (4, 4, 3), np.uint8)
PNG = encode_png(TARGET)
EVENTS = {"Accept": "text/event-stream"}
Problem = Callable[[httpx.Response, str], dict[str, Any]]


def latent_of(result: dict[str, Any]) -> Latents:
    return np.frombuffer(parse_point(result["point"]).numbers, "<f4")[np.newaxis]


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


@pytest.mark.parametrize(("differentiable", "method"), [(True, "gradient"), (False, "search")])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
async def test_it_answers_with_the_latent_and_the_picture_it_draws(
    client: httpx.AsyncClient, engine: FakeEngine, differentiable: bool, method: str, seed: int
) -> None:
    engine.fake_projector = FakeProjector(differentiable)
    answer = await client.post(f"/project?steps=30&seed={seed}", content=PNG)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    result = answer.json()
    latent = latent_of(result)
    assert latent.shape == (1, LATENT_DIM)
    assert ((latent - 0.5) ** 2).mean() < 0.3
    drawn = pixels_of(latent)[0]
    assert np.array_equal(read_picture(base64.b64decode(result["png"]), 4, 4, 3), drawn)
    assert result["distance"] == pytest.approx(((drawn / 255.0 - TARGET / 255.0) ** 2).mean())
    expected = {"method": method, "seed": seed, "steps": 30, "model": "tiny", "version": 1, "label": None}
    assert expected.items() <= result.items()
    assert result["request"] == f"/images/{result['point']}.png?model=tiny&version=1"
    again = (await client.post(f"/project?steps=30&seed={seed}", content=PNG)).json()
    assert again["point"] == result["point"]


async def test_events_tell_how_far_it_is(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.projection.search.REPORTED", 0.0)
    answer = await client.post("/project?steps=200&seed=3", content=PNG, headers=EVENTS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "content-length" not in answer.headers
    events = events_of(answer.text)
    assert [name for name, _ in events] == ["progress"] * (len(events) - 1) + ["result"]
    progress = [about for _, about in events[:-1]]
    assert len(progress) >= 1
    assert all(about["steps"] == 200 for about in progress)
    assert [about["step"] for about in progress] == sorted(about["step"] for about in progress)
    distances = [about["distance"] for about in progress]
    assert distances == sorted(distances, reverse=True)
    for about in progress:
        assert set(about) == {"step", "steps", "distance", "seconds", "point", "png"}
        assert read_picture(base64.b64decode(about["png"]), 4, 4, 3).shape == (4, 4, 3)
    same = (await client.post("/project?steps=200&seed=3", content=PNG)).json()
    assert events[-1][1] | {"seconds": 0} == same | {"seconds": 0}


@pytest.mark.parametrize("seed", [0, 7])
async def test_the_class_is_a_part_of_the_point(serve: Serve, publish: Callable[..., Any], seed: int) -> None:
    shares = {"a": 0.5, "b": 0.25, "c": 0.25}
    publish("kinds", classes=shares)
    async with serve() as service:
        result = (await service.client.post(f"/project?steps=20&seed={seed}", content=PNG)).json()
    assert [result["label"]] == class_of(latent_of(result), (0.5, 0.25, 0.25)).tolist()


WRONG = [
    ("steps=0", "steps"), ("steps=1001", "steps"), ("steps=1.5", "steps"), ("seconds=0", "seconds"),
    ("seconds=nan", "seconds"), ("seconds=inf", "seconds"), ("seconds=31", "seconds"), ("seed=4294967296", "seed"),
    ("version=0", "version"), ("model=", "model"), ("n=1", "n"), ("steps=1&steps=2", "steps"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "parameter"), WRONG)
async def test_a_wrong_parameter_is_named(
    client: httpx.AsyncClient, problem: Problem, query: str, parameter: str
) -> None:
    answer = await client.post(f"/project?{query}", content=PNG)
    assert answer.status_code == 422
    assert parameter in [error["parameter"] for error in problem(answer, "invalid-parameter")["errors"]]


async def test_more_seconds_than_the_setting_are_refused_with_it(
    serve: Serve, tiny_store: Any, problem: Problem  # noqa: ANN401
) -> None:  # fmt: skip
    async with serve(tiny_store, project_seconds=2.5) as service:
        answer = await service.client.post("/project?seconds=2.6", content=PNG)
        assert "2.5 s" in problem(answer, "invalid-parameter")["detail"]
        assert (await service.client.post("/project?seconds=2.5&steps=1", content=PNG)).status_code == 200


@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_the_time_that_is_asked_for_ends_it(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/project?seconds=0.05&steps=1000", content=PNG, headers=headers)
    result = answer.json() if not headers else events_of(answer.text)[-1][1]
    assert 0.05 <= result["seconds"] < 5.0


@pytest.mark.parametrize("headers", [{}, EVENTS])
@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 422, "invalid-parameter"),
        (PNG[:-30], 422, "invalid-parameter"),
        (b"hello", 415, "unsupported-media"),
    ],
)
async def test_what_is_no_good_picture_is_refused(
    client: httpx.AsyncClient, problem: Problem, content: bytes, status: int, kind: str, headers: dict[str, str]
) -> None:
    answer = await client.post("/project", content=content, headers=headers)
    assert answer.status_code == status
    problem(answer, kind)


async def test_too_many_pixels_are_too_large(
    client: httpx.AsyncClient, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.pictures.uploads.MAX_PIXELS", 15)
    answer = await client.post("/project", content=PNG)
    assert answer.status_code == 413
    problem(answer, "too-large")


@pytest.mark.parametrize("query", ["model=none", "version=9"])
async def test_an_unknown_model_is_one(client: httpx.AsyncClient, problem: Problem, query: str) -> None:
    answer = await client.post(f"/project?{query}", content=PNG)
    assert answer.status_code == 404
    problem(answer, "unknown-model")


async def test_get_is_not_allowed(client: httpx.AsyncClient, problem: Problem) -> None:
    answer = await client.get("/project")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    problem(answer, "method-not-allowed")


async def test_more_than_may_wait_are_refused(serve: Serve, tiny_store: Any, problem: Problem) -> None:  # noqa: ANN401
    async with serve(tiny_store, project_waiting=1, project_seconds=20) as service:
        projector, desk = service.engines["tiny"].fake_projector, service.app.state.desk
        projector.gate.clear()
        asked = [asyncio.create_task(service.client.post("/project?steps=1", content=PNG)) for _ in range(2)]
        await until(lambda: desk.taken == 2 and projector.begun.is_set())
        answer = await service.client.post("/project?steps=1", content=PNG)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "20"
        problem(answer, "overloaded")
        assert (await service.client.get("/generate?seed=1")).status_code == 200  # drawing goes on
        projector.gate.set()
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]
        assert (await service.client.post("/project?steps=1", content=PNG)).status_code == 200


@pytest.mark.parametrize("error", [EngineError("it broke"), ZeroDivisionError("secret")])
async def test_a_model_that_fails_is_a_problem_and_the_next_search_is_none_the_worse(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Problem, error: Exception
) -> None:
    kind = "inference-failed" if isinstance(error, EngineError) else "internal"
    engine.fake_projector.failures.append(error)
    answer = await client.post("/project?steps=1", content=PNG)
    assert answer.status_code == 500
    problem(answer, kind)
    engine.fake_projector.failures.append(error)
    answer = await client.post("/project?steps=1", content=PNG, headers=EVENTS)
    ((name, about),) = events_of(answer.text)
    assert (name, about["type"], about["status"]) == ("error", f"/problems/{kind}", 500)
    assert "secret" not in answer.text
    assert (await client.post("/project?steps=1", content=PNG)).status_code == 200


async def hang_up(service: Service, headers: dict[str, str], query: str) -> list[dict[str, Any]]:
    """Send a request, leave once its search runs, and return what was sent by when the application was done."""
    projector, sent, gone = service.engines["tiny"].fake_projector, list[dict[str, Any]](), asyncio.Event()
    bodies = [{"type": "http.request", "body": PNG}]

    async def receive() -> dict[str, Any]:
        if bodies:
            return bodies.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/project",
             "raw_path": b"/project", "query_string": query.encode(), "root_path": "", "scheme": "http",
             "server": ("figment", 80), "client": ("test", 1), "state": {},
             "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
    answering = asyncio.create_task(service.app(scope, receive, send))
    await until(projector.begun.is_set)
    gone.set()
    await answering
    return sent


@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_a_client_that_hangs_up_ends_the_search(service: Service, headers: dict[str, str]) -> None:
    projector, desk, model = (
        service.engines["tiny"].fake_projector,
        service.app.state.desk,
        service.catalogue.models["tiny"],
    )
    sent = await hang_up(service, headers, "steps=1000&seconds=30")
    assert not any(b"event: result" in message.get("body", b"") for message in sent)
    rows = projector.rows
    await asyncio.sleep(0.02)
    assert projector.rows == rows
    assert (desk.taken, model.users) == (0, 0)
    assert (await service.client.post("/project?steps=1", content=PNG)).status_code == 200


@pytest.mark.parametrize("headers", [{}, EVENTS])
async def test_the_model_is_held_until_the_answer_is_there(service: Service, headers: dict[str, str]) -> None:
    projector, model = service.engines["tiny"].fake_projector, service.catalogue.models["tiny"]
    projector.gate.clear()
    asked = asyncio.create_task(service.client.post("/project?steps=5", content=PNG, headers=headers))
    await until(projector.begun.is_set)
    assert model.users == 1
    service.catalogue._retire(model)  # as when a new version takes its place
    projector.gate.set()
    answer = await asked
    result = answer.json() if not headers else events_of(answer.text)[-1][1]
    assert result["steps"] < 5
    assert result["model"] == "tiny"
    await until(lambda: model.users == 0)


async def test_a_picture_on_the_way_is_left_out_where_the_queue_is_full(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.engine.schedule import QueueFull

    monkeypatch.setattr("service.projection.search.REPORTED", 0.0)
    batcher, refusals = service.catalogue.models["tiny"].batcher, [0]
    generate = batcher.generate

    async def full(latents: Latents, deadline: float | None = None, timing: Any = None) -> Any:  # noqa: ANN401
        refusals[0] += 1
        if refusals[0] <= 2:
            raise QueueFull("full", 1.0)
        return await generate(latents, deadline, timing)

    monkeypatch.setattr(batcher, "generate", full)
    monkeypatch.setattr("service.api.project.AGAIN", 0.0)
    answer = await service.client.post("/project?steps=100", content=PNG, headers=EVENTS)
    assert events_of(answer.text)[-1][0] == "result"
    assert refusals[0] > 2


@pytest.mark.parametrize(("one", "other", "expected"), [(0, 0, 0.0), (0, 255, 1.0), (255, 0, 1.0), (100, 151, 0.04)])
def test_the_distance_of_pictures_is_0_to_1(one: int, other: int, expected: float) -> None:
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in (one, other)]
    assert distance(*pictures) == pytest.approx(expected)


async def test_the_desk_is_the_application_s(service: Service) -> None:
    assert isinstance(service.app.state.desk, Desk)


@pytest.mark.parametrize(
    ("accept", "events"),
    [("text/event-stream", True), ("TEXT/event-stream", True), ("text/event-stream;q=0", False), ("*/*", False),
     ("application/json, text/event-stream;q=0.5", False), ("application/json, text/event-stream", True), ("", False)],
)  # fmt: skip
def test_events_are_sent_to_who_asks_for_them(accept: str, events: bool) -> None:
    assert wants_events(accept) is events


@pytest.mark.parametrize("seconds", [0.01, 0.03])
async def test_a_silent_stream_has_a_heartbeat(seconds: float) -> None:
    async def slow() -> AsyncIterator[Event]:
        yield "progress", {}
        await asyncio.sleep(6 * seconds)
        yield "result", {}

    found = [None if each is None else each[0] async for each in beating(slow(), seconds)]
    assert (found[0], found[-1]) == ("progress", "result")
    assert found.count(None) >= 2
    assert set(found) == {"progress", None, "result"}


async def test_who_does_not_send_the_picture_takes_no_place(service: Service) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"\x89PNG"
        await asyncio.sleep(60)

    slow = [asyncio.create_task(service.client.post("/project", content=never())) for _ in range(4)]
    await asyncio.sleep(0.05)
    assert service.app.state.desk.taken == 0
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
