"""What runs next, on a fake clock."""

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from service.engine.plan import Plan
from service.engine.protocol import BatchSize, EngineError, Latents
from service.engine.schedule import (
    MARGIN,
    PATIENCE,
    Batch,
    BatcherClosed,
    Lane,
    QueueFull,
    Schedule,
    Work,
    is_too_late,
    smoothed_slowdown,
)
from tests.service.fake_engine import FakeEngine, pixels_of

SIZES = (BatchSize(1, 1.0), BatchSize(2, 1.5), BatchSize(8, 4.0))
SHAPE = (1, 4, 3)


def lane_of(schedule: Schedule, sizes: tuple[BatchSize, ...] = SIZES, max_rows: int = 1000) -> Lane:
    lane = Lane(FakeEngine(SHAPE), Plan(sizes), max_rows)
    schedule.lanes.append(lane)
    return lane


def rows(n: int, seed: int = 0) -> Latents:
    return np.random.RandomState(seed).randn(n, 4).astype(np.float32)


def add(schedule: Schedule, lane: Lane, n: int, seed: int, now: float = 0.0, deadline: float = 1e9) -> Work:
    return schedule.add(lane, rows(n, seed), deadline, None, now)


def run(schedule: Schedule, now: float = 0.0) -> tuple[Batch, list[Work]]:
    batch = schedule.take(now)
    assert batch is not None
    return batch, schedule.finish(batch, pixels_of(batch.latents(), SHAPE), now)


@pytest.mark.parametrize("flood", [1, 5, 50])
def test_a_small_request_behind_large_ones_is_in_the_next_batch(flood: int) -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    for seed in range(flood):
        add(schedule, lane, 16, seed)
    running = schedule.take(0.0)
    small = add(schedule, lane, 1, 99)
    batch = schedule.take(0.0)
    assert running is not None
    assert batch is not None
    assert batch.slices[0][0] is small


def test_equal_requests_are_served_in_the_order_of_their_arrival() -> None:
    schedule = Schedule()
    lane = lane_of(schedule, (BatchSize(1, 1.0),))
    works = [add(schedule, lane, 1, seed) for seed in range(6)]
    assert [run(schedule)[1][0] for _ in works] == works


def test_a_large_request_is_passed_until_the_device_has_worked_so_many_times_as_it_takes() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    large = add(schedule, lane, 16, 999)
    for worked in range(0, int(PATIENCE * 8) + 1, 4):
        for i in range(8):
            add(schedule, lane, 1, worked * 8 + i)
        if any(work is large for work, _, _ in run(schedule)[0].slices):
            assert worked > PATIENCE * 8 / 2
            return
    pytest.fail("it starves")


def test_models_take_turns_by_the_same_rank() -> None:
    schedule = Schedule()
    one, other = lane_of(schedule), lane_of(schedule)
    for seed in range(10):
        add(schedule, one, 8, seed)
    small = add(schedule, other, 1, 50)
    batch, complete = run(schedule)
    assert batch.lane is other
    assert complete == [small]


def test_the_same_latents_are_computed_once_for_all_who_wait() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    works = [add(schedule, lane, 3, 7) for _ in range(4)]
    assert len({id(work) for work in works}) == 1
    assert lane.waiting == 3
    for _ in range(3):
        schedule.leave(works[0])
    batch = schedule.take(0.0)
    assert batch is not None
    assert add(schedule, lane, 3, 7) is works[0]  # in a running batch, too
    run(schedule)
    schedule.finish(batch, pixels_of(batch.latents(), SHAPE), 0.0)
    assert np.array_equal(works[0].pixels(), pixels_of(rows(3, 7), SHAPE))
    assert add(schedule, lane, 3, 7) is not works[0]  # it is answered: what comes now is computed anew


def test_pixels_that_several_may_have_cannot_be_written_to() -> None:
    schedule = Schedule()
    work = add(schedule, lane_of(schedule), 1, 0)
    run(schedule)
    with pytest.raises(ValueError, match="read-only"):
        work.pixels()[:] = 0


def test_a_batch_that_fails_is_tried_again_one_request_at_a_time() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    works = [add(schedule, lane, 2, seed) for seed in range(3)]
    batch = schedule.take(0.0)
    assert batch is not None
    assert schedule.fail(batch, EngineError("together"), 0.0) == []
    for i, work in enumerate(works):
        alone = schedule.take(0.0)
        assert alone is not None
        assert {one for one, _, _ in alone.slices} == {work}
        if i == 1:
            assert schedule.fail(alone, EngineError("alone"), 0.0) == [work]
        else:
            assert schedule.finish(alone, pixels_of(alone.latents(), SHAPE), 0.0) == [work]
    assert [str(work.error) for work in works] == ["None", "alone", "None"]


@pytest.mark.parametrize(
    ("ahead", "own", "late"), [(0, 99, False), (1, 6.5, False), (1, 6.6, True), (11, 0, True), (0.001, 11, True)]
)
def test_a_request_is_late_when_it_would_end_behind_the_deadline_and_something_is_ahead(
    ahead: float, own: float, late: bool
) -> None:
    assert is_too_late(ahead, own, deadline=10) is late


@pytest.mark.parametrize(
    ("before", "taken", "measured", "after"),
    [
        (1.0, 1.0, 1.0, 1.0),
        (1.0, 0.5, 1.0, 0.85),
        (1.0, 11.0, 1.0, 3.7),
        (4.0, 1.0, 1.0, 3.1),
        (1.0, 0.00001, 0.0, 1.0),
    ],
)
def test_the_slowdown_follows_the_last_batches(before: float, taken: float, measured: float, after: float) -> None:
    assert smoothed_slowdown(before, taken, measured) == pytest.approx(after)


@pytest.mark.parametrize("in_flight", [1, 2, 3])
def test_batches_that_run_side_by_side_shorten_the_wait(in_flight: int) -> None:
    schedule = Schedule(in_flight)
    lane = lane_of(schedule)
    for seed in range(6):
        add(schedule, lane, 8, seed)
    alone = Schedule()
    other = lane_of(alone)
    for seed in range(6):
        add(alone, other, 8, seed)
    assert schedule.ahead(0.0) == pytest.approx(alone.ahead(0.0) / in_flight)
    schedule.take(0.0)
    alone.take(0.0)
    assert schedule.ahead(0.0) == pytest.approx(alone.ahead(0.0) / in_flight)


def test_the_wait_is_that_of_what_is_served_before_with_the_rest_of_the_running_batch() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)  # until 4
    assert schedule.ahead(1.0) == 3.0
    add(schedule, lane, 10, 1)  # 5.5
    assert schedule.ahead(1.0) == 8.5
    assert schedule.ahead(1.0, rank=0.0) == 3.0
    assert schedule.ahead(99.0) == 5.5  # the batch is late: what it still takes is not known


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [(0, 4.0 + 1.0), (7, 4.0 + 4.0), (8, 4.0 + 1.0 + 4.0), (16, 4.0 + 4.0 + 1.0 + 4.0)],
    ids=["alone", "fills a batch", "one row behind a batch", "one row behind two"],
)
def test_a_request_is_answered_with_the_last_of_the_batch_that_it_shares(waiting: int, expected: float) -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)  # until 4
    for seed in range(waiting):
        add(schedule, lane, 1, seed + 1)
    with pytest.raises(QueueFull, match=rf"would take {expected:.1f} s"):
        add(schedule, lane, 1, 99, deadline=(expected - 0.01) / MARGIN)
    add(schedule, lane, 1, 99, deadline=expected / MARGIN)


@pytest.mark.parametrize(("deadline", "retry"), [(7.9, 5), (5.0, 7), (1.0, 11)])
def test_a_request_that_would_be_late_is_told_when_it_would_not_be(deadline: float, retry: int) -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)
    add(schedule, lane, 8, 1)
    with pytest.raises(QueueFull, match=r"would take 12\.0 s") as refused:
        add(schedule, lane, 8, 2, 0.0, deadline / MARGIN)
    assert refused.value.retry_after == retry
    add(schedule, lane, 8, 3, 0.0, 12.0 / MARGIN)


def test_a_flood_leaves_room_for_small_requests() -> None:
    schedule = Schedule()
    lane = lane_of(schedule, max_rows=64)
    add(schedule, lane, 56, 0)
    with pytest.raises(QueueFull, match="56, at most 56"):
        add(schedule, lane, 5, 1)
    for seed in (2, 3):
        add(schedule, lane, 4, seed)
    with pytest.raises(QueueFull, match="64, at most 64"):
        add(schedule, lane, 1, 4)


def test_who_joins_is_refused_too_if_it_would_be_late() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)
    work = add(schedule, lane, 8, 1)
    with pytest.raises(QueueFull):
        add(schedule, lane, 8, 1, deadline=7.0 / MARGIN)
    assert work.callers == 1
    assert add(schedule, lane, 8, 1, deadline=8.0 / MARGIN) is work


def test_who_joins_what_runs_already_is_not_judged_by_what_waits() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    work = add(schedule, lane, 8, 1)
    schedule.take(0.0)
    for seed in range(10, 16):
        add(schedule, lane, 8, seed)
    assert add(schedule, lane, 8, 1, deadline=5.0) is work


def test_who_joins_what_waits_is_judged_by_what_is_before_it_alone() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)
    work = add(schedule, lane, 8, 1)
    for seed in range(10, 16):
        add(schedule, lane, 8, seed)
    assert add(schedule, lane, 8, 1, deadline=8.0 / MARGIN) is work


def test_a_thread_that_has_nothing_to_do_takes_any_request() -> None:
    schedule = Schedule(in_flight=2)
    lane = lane_of(schedule)
    add(schedule, lane, 8, 0)
    schedule.take(0.0)
    assert schedule.ahead(0.0) == 0.0
    assert add(schedule, lane, 64, 1, deadline=1.0).callers == 1
    schedule.take(0.0)
    with pytest.raises(QueueFull):
        add(schedule, lane, 8, 2, deadline=1.0)


def test_one_model_that_became_slow_is_no_reason_to_refuse_another_s_requests() -> None:
    schedule = Schedule()
    slow, other = lane_of(schedule, (BatchSize(1, 0.001),)), lane_of(schedule)
    add(schedule, slow, 1, 0)
    batch = schedule.take(0.0)
    assert batch is not None
    schedule.finish(batch, pixels_of(batch.latents(), SHAPE), 1.0)
    assert 1.0 < slow.slowdown <= 4.0  # a pause of a second counts as ten times
    assert other.seconds(8) == 4.0


def test_a_closed_lane_takes_no_more_and_runs_what_it_has() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    work = add(schedule, lane, 1, 0)
    schedule.close(lane)
    with pytest.raises(BatcherClosed):
        add(schedule, lane, 1, 1)
    assert run(schedule)[1] == [work]


@pytest.mark.parametrize("seed", range(3))
def test_a_small_request_is_not_held_up_by_the_rows_that_fill_its_batch(seed: int) -> None:
    schedule = Schedule()
    sizes = (BatchSize(1, 1.0), BatchSize(4, 2.0), BatchSize(64, 10.0))
    lane = lane_of(schedule, sizes)
    large = [add(schedule, lane, 64, 10 * seed + i) for i in range(3)]
    small = add(schedule, lane, 1, 10 * seed + 9)
    batch, done = run(schedule)
    assert batch.size.rows == 4
    assert done == [small]
    assert {work for work, _, _ in batch.slices} == {small, large[0]}
    assert run(schedule)[0].size.rows == 64
    many = [add(schedule, lane, 1, 1000 + i) for i in range(70)]
    assert run(schedule)[0].size.rows == 64  # where all are small, the cheapest batch is the best for all
    assert sum(work.complete for work in many) == 64


@pytest.mark.parametrize("rows_", [1, 8, 16])
def test_what_would_be_refused_can_be_known_before(rows_: int) -> None:
    schedule = Schedule()
    lane = lane_of(schedule, max_rows=64)
    assert schedule.admit(lane, rows_, 1e9, 0.0) == add(schedule, lane, rows_, 0).rank
    add(schedule, lane, 40, 1)
    with pytest.raises(QueueFull):
        schedule.admit(lane, 64, 1e9, 0.0)
    assert lane.waiting == rows_ + 40
    schedule.close(lane)
    with pytest.raises(BatcherClosed):
        schedule.admit(lane, 1, 1e9, 0.0)


class Anything(RuleBasedStateMachine):
    """Arrivals, departures, batches that end in any order or fail, on two lanes: every row is answered exactly once."""

    callers = Bundle("callers")
    batches = Bundle("batches")

    def __init__(self) -> None:
        super().__init__()
        self.schedule, self.now = Schedule(), 0.0
        self.lanes = [lane_of(self.schedule, max_rows=24), lane_of(self.schedule, SIZES[:2], max_rows=10)]
        self.answered: dict[Work, int] = {}
        self.works: set[Work] = set()
        self.waited: dict[Work, int] = {}

    @initialize(target=batches)
    def nothing_runs(self) -> Any:  # noqa: ANN401
        return multiple()

    @rule(
        target=callers,
        lane=st.integers(0, 1),
        n=st.integers(1, 20),
        seed=st.integers(0, 3),
        limit=st.sampled_from([5.0, 1e9]),
    )
    def arrive(self, lane: int, n: int, seed: int, limit: float) -> Any:  # noqa: ANN401
        target, latents = self.lanes[lane], rows(n, seed)
        waiting = target.waiting
        try:
            work = self.schedule.add(target, latents, limit, None, self.now)
        except QueueFull:
            assert waiting + n > target.room(n) or limit == 5.0
            return multiple()
        assert work not in self.answered
        assert np.array_equal(work.latents, latents)
        self.works.add(work)
        return work

    @rule(work=consumes(callers))
    def hang_up(self, work: Work) -> None:
        self.schedule.leave(work)

    @rule(target=batches, seconds=st.floats(0, 3))
    def begin(self, seconds: float) -> Any:  # noqa: ANN401
        self.now += seconds
        batch = self.schedule.take(self.now)
        if batch is None:
            assert not any(lane.waiting for lane in self.lanes)
            return multiple()
        assert batch.rows <= batch.size.rows
        assert batch.size in batch.lane.plan.sizes
        assert all(work.lane is batch.lane for work, _, _ in batch.slices)
        return batch

    @rule(batch=consumes(batches), seconds=st.floats(0, 3))
    def end(self, batch: Batch, seconds: float) -> None:
        self.now += seconds
        for work in self.schedule.finish(batch, pixels_of(batch.latents(), SHAPE), self.now):
            assert np.array_equal(work.pixels(), pixels_of(work.latents, SHAPE))
            self.answer(work)

    @rule(batch=consumes(batches))
    def burst(self, batch: Batch) -> None:
        for work in self.schedule.fail(batch, EngineError("burst"), self.now):
            assert {one for one, _, _ in batch.slices} == {work}
            self.answer(work)

    def answer(self, work: Work) -> None:
        assert work not in self.answered, "answered twice"
        self.answered[work] = 1

    @invariant()
    def bounds_are_kept(self) -> None:
        for lane in self.lanes:
            assert (
                lane.waiting <= lane.max_rows
                or len(lane.line.works) == 1
                or any(work.alone for work in lane.line.works)
            )

    @invariant()
    def no_row_is_lost(self) -> None:
        for lane in self.lanes:
            assert all(work.waiting and work.queued for work in lane.line.works)
            assert lane.line.works == sorted(lane.line.works)
            assert lane.waiting == sum(work.waiting for work in lane.line.works)
            for work in lane.flying.values():
                running = [count for b in self.schedule.running for one, _, count in b.slices if one is work]
                assert work.waiting + sum(running) + sum(map(len, work.parts.values())) == len(work.latents)

    def teardown(self) -> None:
        while self.schedule.running:
            self.end(self.schedule.running[0], 0.0)
        while (batch := self.schedule.take(self.now)) is not None:
            self.end(batch, 0.0)
        for work in self.works:
            assert work in self.answered or not work.callers
        assert not any(lane.flying for lane in self.lanes)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
