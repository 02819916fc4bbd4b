import numpy as np
import pytest

from service.engine.timing import Timing
from service.engine.work import Work


@pytest.mark.parametrize(
    ("begun", "ended", "asked", "now", "queue", "inference"),
    [
        (2.0, 5.0, 1.0, 5.5, 1.0, 3.0),  # it waited, ran, and was answered
        (2.0, 5.0, 4.0, 5.5, 0.0, 1.0),  # somebody else had asked before, and it ran already
        (None, None, 1.0, 4.0, 3.0, 0.0),  # given up in the queue
        (2.0, None, 1.0, 4.0, 1.0, 2.0),  # given up while it ran
        (2.0, 3.0, 3.5, 3.6, 0.0, 0.0),  # done before it was asked for, and not yet told
    ],
)
def test_times_are_those_since_one_has_asked(
    begun: float | None, ended: float | None, asked: float, now: float, queue: float, inference: float
) -> None:
    timing = Timing()
    timing.note(Work(None, np.zeros((1, 4), np.float32), b"", 0.0, 1, None, begun=begun, ended=ended), asked, now)
    assert (timing.begun - timing.asked, timing.done - timing.begun) == (queue, inference)
