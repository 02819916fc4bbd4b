import asyncio
import time
from contextlib import aclosing

import numpy as np
import pytest

from service.engine.protocol import EngineError
from service.engine.schedule import QueueFull
from service.projection.desk import GIVING_WAY, Desk
from service.projection.search import Limits, State
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import FakeEngine, until

TARGET = np.zeros((4, 4, 3), np.uint8)
FOR_EVER = Limits(10**9, 1e6, 0)


@pytest.fixture
def desk(service: Service) -> Desk:
    desk: Desk = service.app.state.desk
    return desk


async def states_of(service: Service, desk: Desk, limits: Limits) -> list[State]:
    async with service.catalogue.borrow("tiny") as model:
        return [state async for state in desk.search(model, TARGET, limits)]


async def test_states_come_and_the_last_is_done(service: Service, desk: Desk) -> None:
    states = await states_of(service, desk, Limits(50, 60.0, 1))
    assert [state.done for state in states] == [False] * (len(states) - 1) + [True]
    assert states[-1].step == 50


@pytest.mark.parametrize("waiting", [0, 1, 3])
async def test_so_many_may_wait_and_no_more(serve: Serve, tiny_store: object, waiting: int) -> None:
    async with serve(tiny_store, project_waiting=waiting, project_seconds=9) as service:
        desk: Desk = service.app.state.desk
        places = [desk.place() for _ in range(waiting + 1)]
        for place in places:
            place.__enter__()
        with pytest.raises(QueueFull, match=f"{waiting} wait already") as full, desk.place():
            pass
        assert full.value.retry_after == 9
        places[0].__exit__(None, None, None)
        with desk.place():
            assert desk.taken == waiting + 1
        for place in places[1:]:
            place.__exit__(None, None, None)
        assert desk.taken == 0


async def test_one_search_runs_at_a_time(service: Service, desk: Desk, engine: FakeEngine) -> None:
    projector = engine.fake_projector
    projector.gate.clear()
    first = asyncio.create_task(states_of(service, desk, Limits(3, 60.0, 1)))
    await until(projector.begun.is_set)
    second = asyncio.create_task(states_of(service, desk, Limits(3, 60.0, 1)))
    await asyncio.sleep(0.02)
    assert projector.rows == 1
    projector.gate.set()
    for states in await asyncio.gather(first, second):
        assert states[-1].step == 3


async def test_a_search_whose_reader_leaves_ends(service: Service, desk: Desk, engine: FakeEngine) -> None:
    async with service.catalogue.borrow("tiny") as model, aclosing(desk.search(model, TARGET, FOR_EVER)) as states:
        async for state in states:
            assert not state.done
            break
    rows = engine.fake_projector.rows
    await asyncio.sleep(0.02)
    assert engine.fake_projector.rows == rows
    assert (await states_of(service, desk, Limits(3, 60.0, 1)))[-1].step == 3


@pytest.mark.parametrize("at", ["running", "waiting"])
async def test_a_search_that_is_cancelled_ends(service: Service, desk: Desk, engine: FakeEngine, at: str) -> None:
    tasks = [asyncio.create_task(states_of(service, desk, FOR_EVER)) for _ in range(2 if at == "waiting" else 1)]
    await until(engine.fake_projector.begun.is_set)
    for task in reversed(tasks):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    rows = engine.fake_projector.rows
    await asyncio.sleep(0.02)
    assert engine.fake_projector.rows == rows


@pytest.mark.parametrize("reason", ["retired", "stopping"])
async def test_it_ends_with_what_it_has_when_the_model_goes_or_the_service_stops(
    service: Service, desk: Desk, reason: str
) -> None:
    model = service.catalogue.models["tiny"]
    task = asyncio.create_task(states_of(service, desk, FOR_EVER))
    await until(service.engines["tiny"].fake_projector.begun.is_set)
    setattr(*((model, "retired", True) if reason == "retired" else (service.catalogue, "stopping", True)))
    assert (await task)[-1].done


async def test_an_error_of_the_engine_is_the_reader_s(service: Service, desk: Desk, engine: FakeEngine) -> None:
    engine.fake_projector.failures.append(EngineError("no"))
    with pytest.raises(EngineError, match="no"):
        await states_of(service, desk, FOR_EVER)
    assert (await states_of(service, desk, Limits(3, 60.0, 1)))[-1].step == 3


async def test_it_gives_way_while_pictures_are_drawn_but_not_for_ever(
    service: Service, desk: Desk, engine: FakeEngine
) -> None:
    def seconds(taken: float, stopped: bool = False) -> float:
        begin = time.perf_counter()
        desk._give_way(taken, lambda: stopped)
        return time.perf_counter() - begin

    assert await asyncio.to_thread(seconds, 60.0) < 1.0
    engine.gate.clear()
    drawing = asyncio.create_task(service.client.get("/generate?seed=1"))
    await engine.begun()
    assert 0.02 * GIVING_WAY <= await asyncio.to_thread(seconds, 0.02) < 1.0
    assert await asyncio.to_thread(seconds, 60.0, True) < 1.0
    waiting = asyncio.create_task(asyncio.to_thread(seconds, 60.0))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    engine.gate.set()
    assert await waiting < 5.0
    assert (await drawing).status_code == 200
