import numpy as np
import pytest

from service.engine.lane import SMALL, Batch, Lane, release_of
from service.engine.plan import Plan
from service.engine.protocol import BatchSize
from service.engine.schedule import Schedule
from tests.service.fake_engine import FakeEngine

SIZES = (BatchSize(1, 1.0), BatchSize(2, 1.5), BatchSize(8, 4.0))


def lane_of(schedule: Schedule) -> Lane:
    lane = Lane(FakeEngine((1, 4, 3)), Plan(SIZES), 1000, "tiny/1")
    schedule.lanes.append(lane)
    return lane


def add(schedule: Schedule, lane: Lane, n: int, now: float = 0.0, link: object = None) -> None:
    latents = np.random.RandomState(schedule._number).randn(n, 4).astype(np.float32)
    schedule.add(lane, latents, 1e9, None, now, link)


def take(schedule: Schedule, now: float = 0.0) -> Batch:
    batch = schedule.take(now)
    assert batch is not None
    return batch


@pytest.mark.parametrize(
    ("alone", "hurried", "left", "works", "release"),
    [
        (False, False, 0, 1, "lone"), (False, False, 0, 3, "drained"), (False, False, 5, 1, "full"),
        (False, True, 5, 2, "hurried"), (True, False, 0, 1, "retry"), (True, True, 5, 1, "retry"),
    ],
)  # fmt: skip
def test_why_a_batch_was_released(alone: bool, hurried: bool, left: int, works: int, release: str) -> None:
    assert release_of(alone, hurried, left, works) == release


def test_the_schedule_says_why_it_released_a_batch() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 1)
    assert take(schedule).release == "lone"
    add(schedule, lane, 1)
    add(schedule, lane, 1)
    assert take(schedule).release == "drained"
    add(schedule, lane, 20)
    assert [take(schedule).release for _ in range(4)] == ["full", "full", "full", "lone"]  # of 8, 8, 2, 2
    add(schedule, lane, 40)
    add(schedule, lane, 1)
    assert take(schedule).release == "hurried"


def test_works_of_a_batch_that_failed_are_tried_again() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    add(schedule, lane, 1)
    add(schedule, lane, 1)
    schedule.fail(take(schedule), ValueError(), 1.0)
    assert [take(schedule).release, take(schedule).release] == ["retry", "retry"]


def test_the_age_is_that_of_the_oldest_that_waits() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    assert lane.age(99.0) == 0.0
    add(schedule, lane, 20, now=1.0)  # its rank is behind that of the smaller one
    add(schedule, lane, 1, now=3.0)
    assert lane.age(5.0) == 4.0
    while lane.waiting:
        take(schedule, 6.0)
    assert lane.age(9.0) == 0.0


def test_what_names_requests_is_kept_with_the_rows_that_they_share() -> None:
    schedule = Schedule()
    lane = lane_of(schedule)
    latents = np.ones((2, 4), np.float32)
    first = schedule.add(lane, latents, 1e9, None, 0.0, "a")
    assert schedule.add(lane, latents, 1e9, None, 0.0, "b") is first
    assert schedule.add(lane, latents, 1e9, None, 0.0) is first
    assert first.links == ["a", "b"]


def test_a_full_queue_leaves_room_for_small_requests() -> None:
    lane = lane_of(Schedule())
    assert (lane.room(SMALL), lane.room(SMALL + 1)) == (1000, 875)
