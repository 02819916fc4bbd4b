from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from training.gan import Gan  # noqa: E402
from training.probe import PROBE_STEPS, time_recipe, time_steps  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
REALS = np.zeros((1, 4, 32, 32, 3), np.uint8)


class FakeGan:
    """Steps take as long as they are told to, on a clock of their own; the first two take 10 s more."""

    def __init__(self, every: int, n_critic: int, seconds: Callable[[int], float]) -> None:
        self.recipe = SimpleNamespace(regulariser=SimpleNamespace(every=every), n_critic=n_critic)
        self.seconds, self.now, self.state = seconds, 100.0, "before"
        self.steps: list[int] = []

    def clock(self) -> float:
        return self.now

    def train(self, reals: object, step: int, rate: float, labels: object) -> dict[str, float]:
        self.now += self.seconds(step) + (10 if len(self.steps) < 2 else 0)
        self.steps.append(step)
        self.state = "after"
        return {"loss_g": 1.0}

    def snapshot(self) -> str:
        return self.state

    def restore(self, state: str) -> None:
        self.state = state


@pytest.mark.parametrize(("every", "n_critic", "turn"), [(1, 1, 1), (4, 1, 4), (4, 2, 2), (2, 5, 2), (16, 1, 16)])
def test_a_step_is_the_mean_over_all_that_steps_do_in_turn(every: int, n_critic: int, turn: int) -> None:
    def seconds(step: int) -> float:  # a regularised step takes thrice as long
        return 3.0 if any((step * n_critic + i) % every == 0 for i in range(n_critic)) else 1.0

    gan = FakeGan(every, n_critic, seconds)
    timing = time_steps(gan, REALS, None, clock=gan.clock)  # type: ignore[arg-type]
    assert timing.step == pytest.approx(np.mean([seconds(step) for step in range(turn)]))
    assert timing.compiling == pytest.approx(20 + seconds(0) + seconds(1))
    assert timing.total == pytest.approx(gan.now - 100)
    assert len(gan.steps) - 2 == turn * -(-PROBE_STEPS // turn)
    assert gan.state == "before"


@pytest.mark.parametrize("measuring", [5.0, 20.0])
def test_it_measures_for_as_long_as_it_is_told(measuring: float) -> None:
    gan = FakeGan(1, 1, lambda step: 0.25)
    timing = time_steps(gan, REALS, None, measuring, gan.clock)  # type: ignore[arg-type]
    assert measuring <= timing.total - timing.compiling <= measuring + 0.25


def test_a_step_that_was_held_up_is_no_part_of_the_estimate() -> None:
    gan = FakeGan(1, 1, lambda step: 0.5)
    gan.seconds = lambda step: 30.0 if len(gan.steps) == 4 else 0.5
    assert time_steps(gan, REALS, None, clock=gan.clock).step == 0.5  # type: ignore[arg-type]


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Steps are not compiled: compiling takes longer than all that is tested."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("classes", [0, 3])
def test_a_recipe_is_timed_on_random_images(small_recipe: Small, classes: int) -> None:
    timing = time_recipe(small_recipe("ns"), 32, 3, classes)
    assert 0 < timing.step < timing.total
    assert 0 < timing.compiling < timing.total


@pytest.mark.usefixtures("eagerly")
def test_a_probe_changes_nothing(small_recipe: Small) -> None:
    gan = Gan(small_recipe("ns"), 32, 3, 0)
    before = gan.snapshot()
    time_steps(gan, REALS, None)
    assert all(np.array_equal(a, b) for a, b in zip(before, gan.snapshot(), strict=True))
