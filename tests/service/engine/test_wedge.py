import numpy as np
import pytest

from service.engine.lane import Batch, Lane
from service.engine.plan import Plan
from service.engine.protocol import BatchSize
from service.engine.wedge import CALLS, wedged
from service.engine.work import Work
from tests.service.fake_engine import FakeEngine

PATIENCE = 60.0


def lane_with(arrived: float | None = None) -> Lane:
    lane = Lane(FakeEngine(), Plan((BatchSize(4, 2.0),)), 100, "tiny/3")
    if arrived is not None:
        lane.line.add(Work(lane, np.zeros((2, 4), np.float32), b"", 0.0, 1, None, arrived=arrived))
    return lane


def batch(begun: float, due: float) -> Batch:
    lane = lane_with()
    return Batch(lane, lane.plan.sizes[0], (), begun, due)


@pytest.mark.parametrize(("now", "hangs"), [(10.0, False), (12.0, False), (72.0, False), (72.1, True), (1e6, True)])
def test_a_batch_hangs_once_it_has_run_for_the_patience_beyond_what_was_expected(now: float, hangs: bool) -> None:
    assert bool(wedged(now, PATIENCE, [batch(10.0, 12.0)], None, [])) is hangs


def test_the_reason_names_the_batch_the_model_and_the_times() -> None:
    reason = wedged(110.0, PATIENCE, [batch(109.0, 109.1), batch(10.0, 12.0)], None, [])
    assert reason == "a batch of 4 of tiny/3 has run for 100 s; 2 s were expected"


def test_a_warm_up_may_compile_for_long() -> None:
    assert wedged(CALLS * PATIENCE, PATIENCE, [], 0.0, []) == ""
    assert "warm-up has taken 601 s" in wedged(CALLS * PATIENCE + 1, PATIENCE, [], 0.0, [])


def test_images_that_wait_while_nothing_runs_are_a_sign() -> None:
    assert wedged(60.0, PATIENCE, [], None, [lane_with(), lane_with(0.0)]) == ""
    assert "images have waited for 61 s" in wedged(61.0, PATIENCE, [], None, [lane_with(), lane_with(0.0)])
    assert wedged(1000.0, PATIENCE, [batch(999.0, 1001.0)], None, [lane_with(0.0)]) == "", "a long queue is no wedge"
    assert wedged(500.0, PATIENCE, [], 499.0, [lane_with(0.0)]) == "", "they wait for a warm-up's run"


def test_an_idle_device_is_well() -> None:
    assert wedged(1e9, PATIENCE, [], None, [lane_with()]) == ""
