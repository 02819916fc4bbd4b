"""`AsyncFigment` is `Figment` awaited: the same script of answers gives the same results, requests and pauses."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from figment_client import AsyncFigment, Figment

Answer = Callable[..., httpx.Response]
Service = Callable[[httpx.Request], httpx.Response]
METHODS = ("generate", "image", "interpolate", "variations", "mix", "inspect", "verify", "models", "ready", "health")


class Recorder:
    """A transport's handler that remembers what was asked, and a sleep of both kinds that remembers for how long."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.asked: list[bytes] = []
        self.pauses: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path)
        return self.service(request)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except Exception as error:
        return type(error), str(error)


def asked_sync(service: Service, method: str, *args: object, **options: object) -> tuple[object, Recorder]:
    seen = Recorder(service)
    transport = httpx.MockTransport(seen.answer)
    with Figment("http://test", transport=transport, sleep=seen.pauses.append) as figment:
        return outcome(lambda: getattr(figment, method)(*args, **options)), seen


def asked_async(service: Service, method: str, *args: object, **options: object) -> tuple[object, Recorder]:
    seen = Recorder(service)

    async def ask() -> object:
        transport = httpx.MockTransport(seen.answer)
        async with AsyncFigment("http://test", transport=transport, sleep=seen.sleep) as figment:
            return await getattr(figment, method)(*args, **options)

    return outcome(lambda: asyncio.run(ask())), seen


@pytest.mark.parametrize(
    ("method", "args", "options"),
    [
        ("generate", (), {}),
        ("generate", (16,), {"seed": 7, "columns": 4, "truncation": 0.5, "model": "adventurer"}),
        ("generate", (65,), {}),
        ("generate", (), {"model": "nobody"}),
        ("generate", (), {"seed": -1}),
        ("generate", (4,), {"seed": 7, "label": "dog"}),
        ("image", (7,), {"label": 1}),
        ("interpolate", ([1, 2],), {"label": "cat"}),
        ("image", (7,), {"label": -1}),
        ("image", (7,), {}),
        ("image", ("a seed/of words",), {"truncation": 1.5}),
        ("interpolate", (), {}),
        ("interpolate", ([1, 2, "three"],), {"frames": 4, "mode": "lerp", "loop": True, "format": "gif", "fps": 9}),
        ("interpolate", (["a,b", 1],), {}),
        ("generate", (), {"seeds": [1, "ada", [0.5, 1.0]], "labels": ["cat", 1, 0], "padding": 2, "format": "webp"}),
        ("generate", (), {"latents": [[0.5, 1.0], [2.0, 3.0]], "version": 3}),
        ("generate", (), {"latents": [[float("nan")]]}),
        ("image", ("z:AACAPw",), {"format": "jpeg", "quality": 70, "scale": 2}),
        ("interpolate", ([1, 2, 3, 4],), {"shape": "8x8", "easing": "smooth"}),
        ("interpolate", ([1, 2],), {"t": 0.5, "format": "png"}),
        ("variations", (7, 4), {"distance": 0.3, "noise": 1}),
        ("variations", (), {}),
        ("mix", ([1, 2, 3], [1, -1, 1]), {"rescale": False}),
        ("mix", ([1, 2], [1]), {}),
        ("inspect", (b"no picture",), {}),
        ("inspect", ("no such file",), {}),
        ("verify", (b"no picture",), {}),
        ("health", (), {}),
        ("models", (), {}),
        ("ready", (), {}),
    ],
)
def test_both_clients_ask_the_same_and_give_the_same(
    service: Service, method: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    result, seen = asked_sync(service, method, *args, **options)
    awaited, seen_async = asked_async(service, method, *args, **options)
    assert awaited == result
    assert seen_async.asked == seen.asked


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        (503, 4),
        (429, 4),
        (502, 4),
        (504, 1),
        (422, 1),
        (500, 1),
        (httpx.ConnectError("refused"), 4),
        (httpx.ReadTimeout("slow"), 1),
    ],
)
def test_both_clients_try_again_alike(monkeypatch: pytest.MonkeyPatch, failure: int | Exception, attempts: int) -> None:
    monkeypatch.setattr("random.random", lambda: 0.5)

    def failing(_: httpx.Request) -> httpx.Response:
        if isinstance(failure, Exception):
            raise failure
        return httpx.Response(failure)

    result, seen = asked_sync(failing, "generate", seed=7)
    awaited, seen_async = asked_async(failing, "generate", seed=7)
    assert awaited == result
    assert seen_async.pauses == seen.pauses
    assert len(seen_async.asked) == len(seen.asked) == attempts


async def test_the_wait_the_server_asks_for_is_awaited(picture_answer: Answer) -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "2"}), picture_answer()]
    seen = Recorder(lambda _: answers.pop(0))
    transport = httpx.MockTransport(seen.answer)
    async with AsyncFigment("http://test", transport=transport, sleep=seen.sleep) as figment:
        picture = await figment.generate()
        assert figment.replay_url(picture) == "http://test/generate?n=2&seed=7&model=adventurer"
    assert len(seen.pauses) == 1
    assert 2 <= seen.pauses[0] < 2.5


async def test_many_may_ask_at_once(service: Service) -> None:
    async with AsyncFigment("http://test", transport=httpx.MockTransport(service)) as figment:
        pictures = await asyncio.gather(*(figment.image(seed) for seed in range(20)))
    assert [picture.seed for picture in pictures] == list(range(20))


async def test_a_cancelled_request_is_not_tried_again() -> None:
    attempts = 0
    asked = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        asked.set()
        await asyncio.Event().wait()
        return httpx.Response(200)

    async with AsyncFigment("http://test", transport=httpx.MockTransport(never)) as figment:
        task = asyncio.create_task(figment.generate())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert attempts == 1


async def test_a_closed_client_asks_no_more(service: Service) -> None:
    figment = AsyncFigment("http://test", transport=httpx.MockTransport(service))
    await figment.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await figment.ready()


@pytest.mark.parametrize("method", METHODS)
def test_both_clients_have_the_same_signatures(method: str) -> None:
    awaited = getattr(AsyncFigment, method)
    assert inspect.signature(awaited) == inspect.signature(getattr(Figment, method))
    assert inspect.iscoroutinefunction(awaited)


def test_neither_client_has_a_public_method_the_other_lacks() -> None:
    names = [{name for name in dir(kind) if not name.startswith("_")} for kind in (Figment, AsyncFigment)]
    assert names[0] - {"close"} == names[1] - {"aclose"}
    assert set(METHODS) <= names[0]


async def test_the_async_client_sleeps_without_holding_up_other_tasks(picture_answer: Answer) -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "0"}), picture_answer()]
    async with AsyncFigment("http://test", transport=httpx.MockTransport(lambda _: answers.pop(0))) as figment:
        ticks, task = 0, asyncio.create_task(figment.generate())
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.001)
    assert (await task).seed == 7
    assert ticks > 1
