"""The ingress's side of a Ray deployment, without Ray: which replica is asked next, and what the service is told."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bundle.store import Bundle, Store
from deploy.ray.answers import Described, Refused
from service.engine.protocol import BatchSize, EngineError
from service.engine.schedule import BatcherClosed, QueueFull
from tests.service.conftest import publish_fake
from tests.service.fake_engine import at_once, until

SIZES = (BatchSize(1, 0.001), BatchSize(4, 0.002))


class Died(Exception):
    """Stands for RayActorError."""


class Unavailable(Exception):
    """Stands for ReplicaUnavailableError."""


class BackPressure(Exception):
    """Stands for BackPressureError."""

    retry_after_s = 4.0


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, with Ray's names as far as it uses them."""
    named = {
        "ray": {},
        "ray.exceptions": {"RayActorError": Died},
        "ray.serve": {},
        "ray.serve.exceptions": {"BackPressureError": BackPressure, "ReplicaUnavailableError": Unavailable},
        "ray.serve.handle": {"DeploymentHandle": object},
    }
    for name, members in named.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "deploy.ray.remote", raising=False)
    module = importlib.import_module("deploy.ray.remote")
    monkeypatch.setattr(module, "PAUSE", 0.001)
    yield module
    sys.modules.pop("deploy.ray.remote", None)


class Response:
    """What a handle returns: it waits for the answer, raises it if it is an error, and can be cancelled."""

    def __init__(self, answer: Any, gate: asyncio.Event | None) -> None:  # noqa: ANN401
        self._answer, self._gate, self.cancelled = answer, gate, False

    def __await__(self) -> Any:  # noqa: ANN401
        return self._wait().__await__()

    async def _wait(self) -> Any:  # noqa: ANN401
        if self._gate is not None:
            await self._gate.wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def cancel(self) -> None:
        self.cancelled = True


class Handle:
    """Gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: object, gate: asyncio.Event | None = None) -> None:
        self.answers, self.gate = list(answers), gate
        self.asked: list[tuple[object, ...]] = []
        self.responses: list[Response] = []

    def __getattr__(self, method: str) -> SimpleNamespace:
        def call(*arguments: object) -> Response:
            self.asked.append((method, *arguments))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.responses.append(Response(answer, self.gate))
            return self.responses[-1]

        return SimpleNamespace(remote=call)


@pytest.fixture
def ask(remote: ModuleType) -> Callable[..., Any]:
    async def asked(handle: Handle) -> Any:  # noqa: ANN401
        return await remote.Replicas(handle, asyncio.get_running_loop()).ask("generate", 7)

    return asked


@pytest.mark.parametrize("gone", [Died(), Unavailable(), Refused("stopping", "it stops")])
@pytest.mark.parametrize("times", [0, 1, 4])
async def test_what_was_in_flight_on_a_replica_that_is_gone_is_asked_of_another(
    ask: Callable[..., Any], gone: object, times: int
) -> None:
    handle = Handle(*[gone] * times, "pixels")
    assert await ask(handle) == "pixels"
    assert handle.asked == [("generate", 7)] * (times + 1)


async def test_it_is_given_up_when_one_after_the_other_is_gone(remote: ModuleType, ask: Callable[..., Any]) -> None:
    handle = Handle(Died())
    with pytest.raises(BatcherClosed, match="one after the other"):
        await ask(handle)
    assert len(handle.asked) == remote.TRIES


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Refused("full", "too many wait", 6), QueueFull, "too many wait; come again in about 6 s"),
        (BackPressure(), QueueFull, "come again in about 4 s"),
        (Refused("failed", "no memory"), EngineError, "no memory"),
    ],
)
async def test_what_another_would_say_too_is_said_at_once(
    ask: Callable[..., Any], answer: object, error: type[Exception], text: str
) -> None:
    handle = Handle(answer)
    with pytest.raises(error, match=text):
        await ask(handle)
    assert len(handle.asked) == 1


async def test_an_error_of_rays_own_is_not_hidden(ask: Callable[..., Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        await ask(Handle(ZeroDivisionError()))


async def test_who_hangs_up_takes_the_rows_from_the_replicas_queue(ask: Callable[..., Any]) -> None:
    handle = Handle("pixels", gate=asyncio.Event())
    task = asyncio.create_task(ask(handle))
    await until(lambda: bool(handle.responses))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handle.responses[0].cancelled


@pytest.fixture
def bundle(tmp_path: Any) -> Bundle:  # noqa: ANN401
    return publish_fake(Store(tmp_path / "models"), "tiny")


async def loaded(remote: ModuleType, bundle: Bundle, handle: Handle) -> Any:  # noqa: ANN401
    engine = remote.remote_loader(remote.Replicas(handle, asyncio.get_running_loop()))(bundle)
    assert await asyncio.to_thread(engine.warm, 16, at_once) == SIZES
    return engine


async def test_an_engine_is_what_a_replica_says(remote: ModuleType, bundle: Bundle) -> None:
    handle = Handle(Described(bundle.digest, "float16", "finger", SIZES))
    engine = await loaded(remote, bundle, handle)
    assert handle.asked == [("describe", "tiny", 1)]
    assert (engine.precision, engine.fingerprint) == ("float16", "finger")
    assert engine.wanted.digest == bundle.digest


async def test_a_replica_with_another_store_is_refused(remote: ModuleType, bundle: Bundle) -> None:
    with pytest.raises(EngineError, match="another bundle"):
        await loaded(remote, bundle, Handle(Described("sha256:0", "float32", "finger", SIZES)))


async def test_rows_are_sent_at_once_with_what_is_left_of_the_deadline(remote: ModuleType, bundle: Bundle) -> None:
    handle = Handle(Described(bundle.digest, "float32", "finger", SIZES), "pixels")
    engine = await loaded(remote, bundle, handle)
    batcher = remote.RemoteBatcher(None, engine, SIZES, 64, 30.0)
    latents = np.ones((3, 16), np.float32)
    assert await batcher.generate(latents) == "pixels"
    assert await batcher.generate(latents, 2.5) == "pixels"
    assert [asked[3] for asked in handle.asked[1:]] == [30.0, 2.5]
    assert handle.asked[1][1] == engine.wanted


async def test_it_closes_when_what_is_under_way_is_answered(remote: ModuleType, bundle: Bundle) -> None:
    handle = Handle(Described(bundle.digest, "float32", "finger", SIZES), "pixels")
    batcher = remote.RemoteBatcher(None, await loaded(remote, bundle, handle), SIZES, 64, 30.0)
    handle.gate = asyncio.Event()
    under_way = asyncio.create_task(batcher.generate(np.ones((3, 16), np.float32)))
    await until(lambda: batcher.waiting_rows == 3)
    assert await batcher.close(0.01) is False
    with pytest.raises(BatcherClosed):
        await batcher.generate(np.ones((1, 16), np.float32))
    handle.gate.set()
    assert await batcher.close(30.0) is True
    assert await under_way == "pixels"
    assert batcher.waiting_rows == 0


async def test_a_search_is_made_by_replicas(remote: ModuleType, bundle: Bundle) -> None:
    handle = Handle(Described(bundle.digest, "float32", "finger", SIZES), True, "measured")
    engine = await loaded(remote, bundle, handle)
    projector = await asyncio.to_thread(engine.projector)
    assert projector.differentiable is True
    assert await asyncio.to_thread(engine.projector) is projector
    assert await asyncio.to_thread(projector.slope, "latents", "target") == "measured"
    assert await asyncio.to_thread(projector.measure, "latents", "target") == "measured"
    assert [asked[2] for asked in handle.asked if asked[0] == "project"] == ["slope", "measure"]
