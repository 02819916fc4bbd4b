import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from service.engine.batcher import Batcher
from service.engine.device import Device
from service.engine.protocol import EngineError, Latents, Pixels
from service.engine.schedule import BatcherClosed, QueueFull
from tests.service.fake_engine import PATIENCE, FakeEngine, at_once, pixels_of

Build = Callable[..., Batcher]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def device(engine: FakeEngine) -> Iterator[Device]:
    device = Device()
    yield device
    engine.gate.set()
    device.close(PATIENCE)


@pytest.fixture
def build(engine: FakeEngine, device: Device) -> Build:
    def batcher(max_batch: int = 8, max_rows: int = 1024, deadline: float = 30.0) -> Batcher:
        return Batcher(device, engine, engine.warm(max_batch, at_once), max_rows, deadline)

    return batcher


def rows(n: int, seed: int = 0) -> Latents:
    return np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)


async def start(batcher: Batcher, latents: Latents) -> asyncio.Task[Pixels]:
    """A request that is in the queue when this returns."""
    task = asyncio.create_task(batcher.generate(latents))
    await asyncio.sleep(0)
    return task


async def busy(engine: FakeEngine, batcher: Batcher) -> asyncio.Task[Pixels]:
    """A request whose batch runs, and goes on running until the gate opens."""
    engine.gate.clear()
    task = await start(batcher, rows(1, seed=99))
    await engine.begun()
    return task


async def test_a_machine_that_became_slow_is_believed(build: Build, engine: FakeEngine, device: Device) -> None:
    batcher = build(deadline=10.0)
    batcher._lane.slowdown = 1e9  # as after batches that took far longer than at warm-up
    running = await busy(engine, batcher)
    with pytest.raises(QueueFull):
        await batcher.generate(rows(1))
    engine.gate.set()
    await running


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 30])
async def test_a_request_gets_its_images_in_order(build: Build, n: int) -> None:
    latents = rows(n)
    assert np.array_equal(await build().generate(latents), pixels_of(latents))


async def test_a_lone_request_starts_at_once(build: Build, engine: FakeEngine) -> None:
    task = await busy(engine, build())
    assert engine.sizes == [1]
    engine.gate.set()
    await task


async def test_rows_of_several_requests_share_a_batch(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    first = await busy(engine, batcher)
    asked = [rows(n, seed=n) for n in (1, 3, 2)]
    tasks = [await start(batcher, latents) for latents in asked]
    engine.gate.set()
    answers = await asyncio.gather(first, *tasks)
    assert engine.sizes == [1, 8]
    for latents, answer in zip(asked, answers[1:], strict=True):
        assert np.array_equal(answer, pixels_of(latents))


async def test_padding_is_zero_and_only_behind_the_rows(build: Build, engine: FakeEngine) -> None:
    latents = rows(5)
    await build().generate(latents)
    assert np.array_equal(engine.batches[0], np.concatenate([latents, np.zeros((3, 4), np.float32)]))


async def test_a_large_request_is_cut_and_its_last_rows_share_a_batch(build: Build, engine: FakeEngine) -> None:
    batcher = build(max_batch=4)
    first = await busy(engine, batcher)
    large, small = await start(batcher, rows(9, seed=1)), await start(batcher, rows(2, seed=2))
    engine.gate.set()
    await asyncio.gather(first, large, small)
    assert engine.sizes == [1, 4, 4, 4]
    assert np.array_equal(large.result(), pixels_of(rows(9, seed=1)))
    assert np.array_equal(small.result(), pixels_of(rows(2, seed=2)))


async def test_requests_are_answered_in_the_order_of_their_arrival(build: Build, engine: FakeEngine) -> None:
    batcher = build(max_batch=1)
    first = await busy(engine, batcher)
    order: list[int] = []
    tasks = [await start(batcher, rows(1, seed=i)) for i in range(5)]
    for i, task in enumerate(tasks):
        task.add_done_callback(lambda _, i=i: order.append(i))
    engine.gate.set()
    await asyncio.gather(first, *tasks)
    await asyncio.sleep(0)
    assert order == list(range(5))


async def test_the_rows_of_a_cancelled_request_leave_the_queue(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    first = await busy(engine, batcher)
    before, gone, after = [await start(batcher, rows(2, seed=i)) for i in range(3)]
    gone.cancel()
    await asyncio.wait([gone])
    assert batcher.waiting_rows == 4
    engine.gate.set()
    await asyncio.gather(first, before, after)
    assert engine.sizes == [1, 4]
    assert np.array_equal(after.result(), pixels_of(rows(2, seed=2)))


async def test_a_request_cancelled_in_a_running_batch_keeps_its_slot_and_its_neighbours_are_answered(
    build: Build, engine: FakeEngine
) -> None:
    batcher = build(max_batch=4)
    engine.gate.clear()
    large = await start(batcher, rows(7, seed=1))
    await engine.begun()  # the first four rows of `large`
    neighbour = await start(batcher, rows(1, seed=2))
    large.cancel()
    await asyncio.wait([large])
    assert batcher.waiting_rows == 1
    engine.gate.set()
    assert np.array_equal(await neighbour, pixels_of(rows(1, seed=2)))
    assert large.cancelled()


@pytest.mark.parametrize("error", [EngineError("burst"), ValueError("odd"), MemoryError()], ids=repr)
async def test_a_failing_batch_fails_its_own_requests_and_the_next_batch_works(
    build: Build, engine: FakeEngine, error: Exception
) -> None:
    batcher = build(max_batch=4)
    first = await busy(engine, batcher)
    engine.failures.extend([error])
    engine.gate.set()
    with pytest.raises(EngineError):
        await first
    assert np.array_equal(await batcher.generate(rows(3)), pixels_of(rows(3)))


async def test_the_other_rows_of_a_failed_large_request_leave_the_queue(build: Build, engine: FakeEngine) -> None:
    batcher = build(max_batch=4)
    engine.gate.clear()
    large = await start(batcher, rows(20, seed=1))
    await engine.begun()
    other = await start(batcher, rows(2, seed=2))
    engine.failures.append(EngineError("burst"))
    engine.gate.set()
    with pytest.raises(EngineError, match="burst"):
        await large
    assert np.array_equal(await other, pixels_of(rows(2, seed=2)))
    assert engine.sizes == [4, 2]


async def test_what_an_engine_did_not_foresee_is_logged_and_not_told(
    build: Build, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.failures.append(RuntimeError("/etc/secret"))
    with caplog.at_level(logging.ERROR), pytest.raises(EngineError, match="RuntimeError") as told:
        await build().generate(rows(1))
    assert "/etc/secret" not in str(told.value)
    assert "/etc/secret" in caplog.text


async def test_an_engine_that_draws_too_few_images_fails_the_request(build: Build, engine: FakeEngine) -> None:
    engine.run = lambda latents: pixels_of(latents)[:-1]  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="drew 3 images for 4"):
        await asyncio.wait_for(build(max_batch=4).generate(rows(3)), PATIENCE)


async def test_one_bad_request_never_fails_its_neighbours(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    first = await busy(engine, batcher)
    before, odd, after = rows(1), np.full((1, 4), np.nan, np.float32), rows(3, seed=1)
    run = engine.run

    def refusing(latents: Latents) -> Pixels:
        if np.isnan(latents).any():
            raise EngineError("not a number")
        return run(latents)

    engine.run = refusing  # type: ignore[method-assign]
    tasks = [await start(batcher, latents) for latents in (before, odd, after)]
    engine.gate.set()
    async with asyncio.timeout(PATIENCE):
        await first
        assert np.array_equal(await tasks[0], pixels_of(before))
        assert np.array_equal(await tasks[2], pixels_of(after))
        with pytest.raises(EngineError, match="not a number"):
            await tasks[1]
        assert len(await batcher.generate(rows(2))) == 2


async def test_the_same_latents_in_flight_are_computed_once(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    first = await busy(engine, batcher)
    tasks = [await start(batcher, rows(2, seed=5)) for _ in range(10)]
    tasks[0].cancel()  # who came first may go
    engine.gate.set()
    await first
    for task in tasks[1:]:
        assert np.array_equal(await task, pixels_of(rows(2, seed=5)))
    assert engine.sizes == [1, 2]


async def test_a_shorter_deadline_of_the_request_counts(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 3.0
    batcher = build(max_batch=1)
    first = await busy(engine, batcher)
    with pytest.raises(QueueFull, match="of the 2 s it may take"):
        await batcher.generate(rows(1), deadline=2.0)
    later = asyncio.create_task(batcher.generate(rows(1), deadline=60.0))  # not longer than the service's 30
    engine.gate.set()
    await asyncio.gather(first, later)


async def test_a_full_queue_is_refused_with_the_real_wait(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 3.0
    batcher = build(max_batch=4, max_rows=10)
    tasks = [await busy(engine, batcher), await start(batcher, rows(8))]
    with pytest.raises(QueueFull) as refused:  # the running batch and two of four rows
        await batcher.generate(rows(3))
    assert refused.value.retry_after == 3
    tasks.append(await start(batcher, rows(2)))  # exactly full
    engine.gate.set()
    await asyncio.gather(*tasks)


async def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits(build: Build) -> None:
    assert len(await build(max_rows=2).generate(rows(9))) == 9


async def test_what_would_be_answered_after_the_deadline_is_refused(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 4.0
    batcher = build(max_batch=4, deadline=14.0)
    first, second = await busy(engine, batcher), await start(batcher, rows(4))
    with pytest.raises(QueueFull) as refused:
        await batcher.generate(rows(1))
    assert refused.value.retry_after == 2
    engine.gate.set()
    await asyncio.gather(first, second)
    assert len(await batcher.generate(rows(1))) == 1


async def test_an_idle_engine_takes_a_request_however_slow_it_is(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 100.0
    batcher = build(deadline=1.0)
    for _ in range(2):  # the second time the estimate of the first batch is still in the future
        assert len(await batcher.generate(rows(9))) == 9


async def test_close_answers_what_waits_and_takes_no_more(build: Build, engine: FakeEngine) -> None:
    batcher = build(max_batch=2)
    tasks = [await busy(engine, batcher), await start(batcher, rows(5))]
    closing = asyncio.create_task(batcher.close(PATIENCE))
    await asyncio.sleep(0)
    with pytest.raises(BatcherClosed):
        await batcher.generate(rows(1))
    assert not closing.done()
    engine.gate.set()
    async with asyncio.timeout(PATIENCE):
        await closing
        assert [len(answer) for answer in await asyncio.gather(*tasks)] == [1, 5]


async def test_cancelling_close_does_not_cancel_the_requests(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    task = await busy(engine, batcher)
    closing = asyncio.create_task(batcher.close(PATIENCE))
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    engine.gate.set()
    assert len(await task) == 1


async def test_closing_an_idle_batcher_returns_at_once(build: Build) -> None:
    batcher = build()
    await batcher.generate(rows(1))
    await asyncio.wait_for(batcher.close(PATIENCE), PATIENCE)


async def test_when_the_batch_loop_dies_nobody_waits_for_ever_and_it_is_started_again(
    build: Build, engine: FakeEngine, device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batcher = build(max_batch=1)
    tasks = [await busy(engine, batcher), await start(batcher, rows(3))]
    finish = device._schedule.finish
    monkeypatch.setattr(device._schedule, "finish", lambda *arguments: 1 / 0)
    async with asyncio.timeout(PATIENCE):
        engine.gate.set()
        for task in tasks:
            with pytest.raises(EngineError, match="the batch loop died"):
                await task
        monkeypatch.setattr(device._schedule, "finish", finish)
        assert np.array_equal(await batcher.generate(rows(2)), pixels_of(rows(2)))
    assert device.restarts >= 1
    assert "the batch loop died and is started again" in caplog.text


async def test_calls_run_between_batches_and_hold_no_batch_up(build: Build, engine: FakeEngine, device: Device) -> None:
    batcher = build(max_batch=1)
    first = await busy(engine, batcher)
    order: list[str] = []
    task = await start(batcher, rows(3))
    run = engine.run
    engine.run = lambda latents: (order.append("batch"), run(latents))[1]  # type: ignore[method-assign, func-returns-value]
    calls = [device.call(lambda i=i: order.append(f"call {i}")) for i in range(3)]
    engine.gate.set()
    await asyncio.gather(first, task, *map(asyncio.wrap_future, calls))
    assert order == ["call 0", "batch", "call 1", "batch", "call 2", "batch"]


async def test_a_call_s_error_is_its_caller_s(device: Device) -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.wrap_future(device.call(lambda: 1 / 0))
    assert device.restarts == 0


@pytest.mark.parametrize("in_flight", [2, 3])
async def test_several_batches_are_in_flight_on_a_device_that_wants_them(in_flight: int) -> None:
    engine, device = FakeEngine(), Device(in_flight)
    batcher = Batcher(device, engine, engine.warm(4, at_once), 1024, 30.0)
    engine.gate.clear()
    task = await start(batcher, rows(4 * in_flight))
    for _ in range(in_flight):
        await engine.begun()
    engine.gate.set()
    assert np.array_equal(await task, pixels_of(rows(4 * in_flight)))
    await asyncio.to_thread(device.close, PATIENCE)


@pytest.mark.parametrize("in_flight", [2, 3])
async def test_every_thread_that_has_nothing_to_do_is_woken(in_flight: int) -> None:
    """Also where one request gives work to several."""
    engine, device = FakeEngine(), Device(in_flight)
    batcher = Batcher(device, engine, engine.warm(4, at_once), 1024, 30.0)
    assert len(await batcher.generate(rows(1, 99))) == 1  # they all wait now
    await engine.begun()
    for seed in range(5):
        engine.gate.clear()
        tasks = [await start(batcher, rows(4 * in_flight, 1000 * seed))]
        for _ in range(in_flight):
            await engine.begun()
        engine.gate.set()
        await asyncio.gather(*tasks)
    await asyncio.to_thread(device.close, PATIENCE)


async def test_a_request_that_comes_as_the_worker_ends_is_answered(build: Build) -> None:
    batcher = build()
    async with asyncio.timeout(PATIENCE):
        for i in range(50):  # each is sent in the callback of the last answer, before the worker can look again
            done = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(batcher.generate(rows(1, seed=i)))
            task.add_done_callback(
                lambda _, i=i, done=done: done.set_result(asyncio.create_task(batcher.generate(rows(2, seed=i))))
            )
            assert np.array_equal(await (await done), pixels_of(rows(2, seed=i)))


async def test_a_lane_is_drained_when_its_last_caller_leaves_while_a_call_runs(build: Build, device: Device) -> None:
    batcher, gate = build(), threading.Event()
    call = device.call(lambda: gate.wait(PATIENCE))
    task = await start(batcher, rows(2))
    closing = asyncio.create_task(batcher.close(PATIENCE))
    await asyncio.sleep(0.05)
    task.cancel()
    async with asyncio.timeout(PATIENCE / 2):
        assert await closing
    gate.set()
    await asyncio.wrap_future(call)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
async def test_the_threads_that_compute_let_the_event_loop_go_first(build: Build, engine: FakeEngine) -> None:
    niceness: list[int] = []
    run = engine.run

    def noted(latents: Latents) -> Pixels:
        niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return run(latents)

    engine.run = noted  # type: ignore[method-assign]
    await build().generate(rows(1))
    assert niceness[0] > os.getpriority(os.PRIO_PROCESS, 0)


async def test_a_call_has_the_device_to_itself(build: Build) -> None:
    """What is timed by it is not slowed by a batch beside it."""
    engine, device = FakeEngine(), Device(3)
    batcher = Batcher(device, engine, engine.warm(4, at_once), 1024, 30.0)
    beside: list[int] = []

    def run(latents: Latents) -> Pixels:
        beside.append(calling)
        return pixels_of(latents)

    def call() -> int:
        nonlocal calling
        calling += 1
        time.sleep(0.01)
        found = len(device._schedule.running)
        calling -= 1
        return found

    calling = 0
    engine.run = run  # type: ignore[method-assign]
    for seed in range(5):
        tasks = [await start(batcher, rows(12, 100 * seed + i)) for i in range(4)]
        calls = [asyncio.wrap_future(device.call(call)) for _ in range(6)]
        assert await asyncio.gather(*calls) == [0] * 6
        for i, pixels in enumerate(await asyncio.gather(*tasks)):
            assert np.array_equal(pixels, pixels_of(rows(12, 100 * seed + i)))
    assert not any(beside)
    assert await asyncio.to_thread(device.close, PATIENCE)


async def test_parts_that_do_not_fit_together_are_an_error_and_not_a_wait(build: Build, engine: FakeEngine) -> None:
    heights = iter((4, 5))

    def run(latents: Latents) -> Pixels:
        return pixels_of(latents, (next(heights), 4, 3))

    engine.run = run  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="ValueError"):
        await build(max_batch=4).generate(rows(8))
