from itertools import pairwise

import numpy as np
import pytest

from service.engine.protocol import EngineError
from service.projection.search import Limits, State, search
from service.projection.space import DRAWN, Space
from tests.service.fake_engine import FakeProjector

TARGET = np.zeros((4, 4, 3), np.uint8)


class Clock:
    """Goes on by a tick each time it is read."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


@pytest.mark.parametrize(("differentiable", "method"), [(True, "gradient"), (False, "search")])
@pytest.mark.parametrize("steps", [1, 30])
def test_it_ends_after_its_steps_and_says_how_it_searched(differentiable: bool, method: str, steps: int) -> None:
    found = search(FakeProjector(differentiable), TARGET, Space(16), Limits(steps, 60.0, 0))
    assert (found.step, found.method, found.done) == (steps, method, True)
    assert found.distance == pytest.approx(float(((found.latent - 0.5) ** 2).mean()))


@pytest.mark.parametrize("differentiable", [True, False])
@pytest.mark.parametrize("seconds", [1.0, 5.0])
def test_it_ends_in_time_with_the_best_it_has(differentiable: bool, seconds: float) -> None:
    found = search(FakeProjector(differentiable), TARGET, Space(16), Limits(10**6, seconds, 0), clock=Clock(0.001))
    assert seconds <= found.seconds <= seconds + 0.1
    assert found.done


def test_it_ends_even_before_the_first_step() -> None:
    projector = FakeProjector()
    found = search(projector, TARGET, Space(16), Limits(100, 60.0, 0), stopped=lambda: True)
    assert (found.step, projector.rows) == (0, 1)


@pytest.mark.parametrize("after", [100, 300, 500])
def test_it_ends_when_it_is_stopped(after: int) -> None:
    projector = FakeProjector()
    search(projector, TARGET, Space(16), Limits(1000, 60.0, 0), stopped=lambda: projector.rows >= after)
    assert after <= projector.rows < after + 64


@pytest.mark.parametrize("differentiable", [True, False])
def test_reports_come_a_few_times_a_second_and_never_get_worse(differentiable: bool) -> None:
    states: list[State] = []
    search(
        FakeProjector(differentiable, goal=0.9), TARGET, Space(16), Limits(300, 1e6, 0),
        report=states.append, clock=Clock(0.01),
    )  # fmt: skip
    assert len(states) >= 5
    assert not any(state.done for state in states)
    distances = [state.distance for state in states]
    assert distances == sorted(distances, reverse=True)
    assert all(b.seconds - a.seconds >= 0.24 for a, b in pairwise(states))


def test_it_pauses_after_each_piece() -> None:
    pieces: list[float] = []
    search(FakeProjector(), TARGET, Space(16), Limits(3, 60.0, 0), pause=pieces.append)
    assert len(pieces) >= DRAWN // 32 + 3


def test_the_engine_s_error_is_the_caller_s() -> None:
    projector = FakeProjector()
    projector.failures.append(EngineError("no"))
    with pytest.raises(EngineError, match="no"):
        search(projector, TARGET, Space(16), Limits(3, 60.0, 0))
