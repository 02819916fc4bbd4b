import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.engine.batcher import (
    Batcher,
    BatcherClosed,
    QueueFull,
    batch_rows,
    is_too_late,
    seconds_for,
    smoothed_slowdown,
)
from service.engine.protocol import BatchSize, EngineError, Latents, Pixels
from tests.service.fake_engine import PATIENCE, FakeEngine, pixels_of

SIZES = (BatchSize(1, 1.0), BatchSize(2, 1.5), BatchSize(8, 4.0))

Build = Callable[..., Batcher]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def build(engine: FakeEngine) -> Iterator[Build]:
    with ThreadPoolExecutor(max_workers=1) as executor:

        def batcher(max_batch: int = 8, max_rows: int = 1024, deadline: float = 30.0) -> Batcher:
            return Batcher(engine, executor, engine.warm(max_batch), max_rows, deadline)

        yield batcher
        engine.gate.set()


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


@pytest.mark.parametrize(("waiting", "rows"), [(1, 1), (2, 2), (3, 2), (5, 2), (6, 8), (8, 8), (9, 8), (1000, 8)])
def test_the_next_batch_is_the_one_that_costs_least_a_row_it_answers(waiting: int, rows: int) -> None:
    assert batch_rows(waiting, SIZES).rows == rows


@pytest.mark.parametrize("seconds", [0.0, 1.0])
@pytest.mark.parametrize(("waiting", "rows"), [(1, 1), (2, 2), (3, 4), (4, 4), (9, 4)])
def test_where_all_sizes_cost_the_same_the_smallest_that_holds_all_is_taken(
    waiting: int, rows: int, seconds: float
) -> None:
    assert batch_rows(waiting, tuple(BatchSize(size, seconds) for size in (1, 2, 4))).rows == rows


@pytest.mark.parametrize(("rows", "seconds"), [(0, 0), (1, 1), (2, 1.5), (3, 2.5), (8, 4), (9, 5), (16, 8), (18, 9.5)])
def test_the_estimate_is_that_of_the_batches_that_will_be_taken(rows: int, seconds: float) -> None:
    assert seconds_for(rows, SIZES) == seconds


@pytest.mark.parametrize(
    ("before", "taken", "measured", "after"),
    [(1.0, 1.0, 1.0, 1.0), (1.0, 0.1, 1.0, 1.0), (1.0, 11.0, 1.0, 4.0), (4.0, 1.0, 1.0, 3.1), (1.0, 0.00001, 0.0, 1.0)],
)
def test_the_slowdown_follows_what_batches_take_and_is_never_below_one(
    before: float, taken: float, measured: float, after: float
) -> None:
    assert smoothed_slowdown(before, taken, measured) == pytest.approx(after)


async def test_a_machine_that_became_slow_is_believed(build: Build, engine: FakeEngine) -> None:
    batcher = build(deadline=10.0)
    batcher._slowdown = 1e9  # as after batches that took far longer than at warm-up
    running = await busy(engine, batcher)
    with pytest.raises(QueueFull):
        await batcher.generate(rows(1))
    engine.gate.set()
    await running


@pytest.mark.parametrize(
    ("ahead", "own", "late"), [(0, 99, False), (1, 9, False), (1, 9.1, True), (11, 0, True), (0.001, 11, True)]
)
def test_a_request_is_late_when_it_would_end_behind_the_deadline_and_something_is_ahead(
    ahead: float, own: float, late: bool
) -> None:
    assert is_too_late(ahead, own, deadline=10) is late


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
    large, neighbour = await start(batcher, rows(7, seed=1)), await start(batcher, rows(1, seed=2))
    await engine.begun()  # the first four rows of `large`
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
    large, other = await start(batcher, rows(20, seed=1)), await start(batcher, rows(2, seed=2))
    await engine.begun()
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


async def test_latents_of_another_length_fail_alone_and_the_batcher_lives_on(build: Build, engine: FakeEngine) -> None:
    batcher = build()
    first = await busy(engine, batcher)
    odd = await start(batcher, np.zeros((1, 5), np.float32))
    also = await start(batcher, rows(1))
    engine.gate.set()
    async with asyncio.timeout(PATIENCE):
        await first
        for task in (odd, also):
            with pytest.raises(EngineError):
                await task
        assert len(await batcher.generate(rows(2))) == 2


async def test_a_full_queue_is_refused_with_the_real_wait(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 3.0
    batcher = build(max_batch=4, max_rows=10)
    tasks = [await busy(engine, batcher), await start(batcher, rows(8))]
    with pytest.raises(QueueFull) as refused:  # the running batch and two of four rows
        await batcher.generate(rows(3))
    assert refused.value.retry_after == 9
    tasks.append(await start(batcher, rows(2)))  # exactly full
    engine.gate.set()
    await asyncio.gather(*tasks)


async def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits(build: Build) -> None:
    assert len(await build(max_rows=2).generate(rows(9))) == 9


async def test_what_would_be_answered_after_the_deadline_is_refused(build: Build, engine: FakeEngine) -> None:
    engine.seconds = 4.0
    batcher = build(max_batch=4, deadline=10.0)
    first, second = await busy(engine, batcher), await start(batcher, rows(4))
    with pytest.raises(QueueFull) as refused:
        await batcher.generate(rows(1))
    assert refused.value.retry_after == 8
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
    closing = asyncio.create_task(batcher.close())
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
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    engine.gate.set()
    assert len(await task) == 1


async def test_closing_an_idle_batcher_returns_at_once(build: Build) -> None:
    batcher = build()
    await batcher.generate(rows(1))
    await asyncio.wait_for(batcher.close(), PATIENCE)


async def test_when_the_worker_dies_nobody_waits_for_ever(build: Build, engine: FakeEngine) -> None:
    batcher = build(max_batch=1)
    tasks = [await busy(engine, batcher), await start(batcher, rows(3))]
    worker = next(task for task in asyncio.all_tasks() if task.get_name() == "batcher")
    worker.cancel()
    async with asyncio.timeout(PATIENCE):
        for task in tasks:
            with pytest.raises(BatcherClosed):
                await task
        engine.gate.set()
        assert len(await batcher.generate(rows(2))) == 2


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
