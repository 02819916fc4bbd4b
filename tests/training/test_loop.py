import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from training import loop  # noqa: E402
from training.checkpoints import Checkpoints  # noqa: E402
from training.dataset import DataFacts, ImageSet  # noqa: E402
from training.gan import Gan  # noqa: E402
from training.loop import TrainingFailed, learning_rate_factor, train  # noqa: E402
from training.recipe import Recipe  # noqa: E402
from training.run import Run, RunError, RunSettings, create_run  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
ROOT = Path(__file__).parents[2]
BATCH = 4


HONEST_STEP = Gan.train


def quick_step(gan: Gan, reals: NDArray[np.uint8], step: int, rate: float, labels: object = None) -> dict[str, Any]:
    """Instead of a step: every network changes, by what depends on step, rate and images."""
    change = rate * float(reals.astype(np.float64).mean() + step) / 1000
    for network in (gan.generator, gan.ema, gan.discriminator):
        network.variables[0].assign_add(tf.fill(network.variables[0].shape, change))
    gan.step.assign(step + 1)
    terms = {"loss_d": 1.0, "loss_g": 2.0, "score_real": 0.5, "score_fake": change}
    return terms | ({"r1": 0.25} if step % 4 == 0 else {})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here is the loop: its steps take no time. A line is logged every 3 steps."""
    monkeypatch.setattr(loop, "LOG_EVERY", 3)
    monkeypatch.setattr(loop, "seconds_per_step", lambda gan, reals, labels: 0.5)
    monkeypatch.setattr(Gan, "train", quick_step)


@pytest.fixture
def data() -> ImageSet:
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3)).astype(np.uint8)
    return ImageSet(images, DataFacts("colours", 20, f"sha256:{64 * '0'}", ()))


@pytest.fixture
def make_run(data: ImageSet, tmp_path: Path, small_recipe: Small) -> Callable[..., Run]:
    def make(steps: int, name: str = "ns", *overrides: str, on_trouble: str = "stop") -> Run:
        recipe = small_recipe(name, *overrides)
        settings = RunSettings(
            recipe=recipe.for_count(20), resolution=32, channels=3, images=steps * recipe.images_per_step, seed=3,
            source=data.facts.source, cache=str(tmp_path / "cache"), name="colours", license="", attribution="",
            count=len(data), digest=data.facts.digest, on_trouble=on_trouble, started=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        return create_run(tmp_path / "runs", settings)

    return make


@dataclass
class Recorder:
    """Notes what it is told, and does something at a step."""

    at: int = -1
    do: Callable[[], object] = lambda: None
    told: list[tuple[str, Any]] = field(default_factory=list)

    def estimate(self, images_per_second: float, images_left: int) -> None:
        self.told.append(("estimate", (images_per_second, images_left)))
        if self.at == 0:
            self.do()

    def advance(self, images_seen: int, logs: dict[str, float]) -> None:
        self.told.append(("advance", images_seen))
        if images_seen == self.at * BATCH:
            self.do()

    def note(self, text: str) -> None:
        self.told.append(("note", text))


def interrupt(number: int = signal.SIGINT) -> Callable[[], object]:
    return lambda: os.kill(os.getpid(), number)


def logged(run: Run) -> list[dict[str, Any]]:
    """The lines with means."""
    return [line for line in everything(run) if "event" not in line]


def everything(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.log_file.read_text().splitlines()]


def state(run: Run) -> tuple[int, list[NDArray[Any]]]:
    gan = Gan(run.settings.recipe, 32, 3, seed=99)
    step = Checkpoints(gan, run.checkpoints).restore()
    return step, gan.snapshot()


def same(one: list[NDArray[Any]], two: list[NDArray[Any]]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_run_leaves_checkpoints_sheets_and_a_log(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(7)
    display = Recorder()
    assert train(run, data, display, every=2 * BATCH) is True
    assert state(run)[0] == 7
    assert sorted(p.name for p in run.samples.iterdir()) == [f"{i * BATCH:09d}.png" for i in (0, 2, 4, 6, 7)]
    assert [(line["step"], line["images"]) for line in logged(run)] == [(3, 12), (6, 24), (7, 28)]
    assert all(line["images_per_second"] > 0 for line in logged(run))
    assert {"loss_d", "loss_g", "score_real", "score_fake", "r1"} <= logged(run)[0].keys()
    assert [value for kind, value in display.told if kind == "advance"] == [BATCH * i for i in range(1, 8)]


def test_the_estimate_comes_before_the_first_step(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(3)
    display = Recorder()
    train(run, data, display)
    assert display.told[0] == ("estimate", (BATCH / 0.5, 3 * BATCH))
    assert [kind for kind, _ in display.told[1:]] == ["advance"] * 3


def test_a_run_can_be_resumed_before_its_first_step(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(3)
    assert train(run, data, Recorder(at=0, do=interrupt(signal.SIGTERM))) is False
    assert state(run)[0] == 0
    assert train(run, data, Recorder(), resume=True) is True
    assert state(run)[0] == 3


@pytest.mark.parametrize(("number", "step"), [(signal.SIGINT, 1), (signal.SIGTERM, 3), (signal.SIGINT, 5)])
def test_a_signal_ends_the_run_after_the_step_with_a_checkpoint(
    make_run: Callable[..., Run], data: ImageSet, number: int, step: int
) -> None:
    run = make_run(7)
    display = Recorder(at=step, do=interrupt(number))
    assert train(run, data, display) is False
    assert state(run)[0] == step
    assert display.told[-1] == ("note", f"stopped by a signal after step {step} of 7")


@pytest.mark.parametrize("step", [1, 3, 4, 6])
def test_the_log_of_a_stopped_and_resumed_run_is_that_of_one_that_never_stopped(
    make_run: Callable[..., Run], data: ImageSet, step: int
) -> None:
    clocks = {"images_per_second", "cpu_seconds"}
    whole, stopped = make_run(9), make_run(9)
    train(whole, data, Recorder(), every=4 * BATCH)
    train(stopped, data, Recorder(at=step, do=interrupt()), every=4 * BATCH)
    train(stopped, data, Recorder(), every=4 * BATCH, resume=True)
    one, two = (
        [{k: v for k, v in line.items() if k not in clocks} for line in logged(run)] for run in (whole, stopped)
    )
    assert one == two
    assert [line["step"] for line in one] == [3, 6, 9]


def test_a_second_ctrl_c_interrupts_at_once(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(7)

    def twice() -> None:
        interrupt()()
        interrupt()()

    with pytest.raises(KeyboardInterrupt):
        train(run, data, Recorder(at=5, do=twice), every=2 * BATCH)
    assert state(run)[0] == 4
    assert train(run, data, Recorder(), resume=True) is True


def test_the_signals_are_given_back(make_run: Callable[..., Run], data: ImageSet) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train(make_run(2), data, Recorder(at=1, do=interrupt()))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_resumed_log_has_every_step_once(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(9)
    train(run, data, Recorder(at=4, do=interrupt()))
    display = Recorder()
    train(run, data, display, resume=True)
    assert [line["step"] for line in logged(run)] == [3, 6, 9]
    assert display.told[0] == ("estimate", (BATCH / 0.5, 5 * BATCH))
    assert display.told[1] == ("advance", 5 * BATCH)


def test_what_was_logged_after_the_checkpoint_is_dropped_on_resume(
    make_run: Callable[..., Run], data: ImageSet
) -> None:
    run = make_run(9)

    def killed() -> None:
        raise KeyboardInterrupt  # as a kill: no checkpoint any more

    with pytest.raises(KeyboardInterrupt):
        train(run, data, Recorder(at=8, do=killed), every=5 * BATCH)
    assert [line["step"] for line in logged(run)] == [3, 6]
    with run.log_file.open("a") as file:
        file.write('{"step": 7, "ima')
    train(run, data, Recorder(), resume=True)  # from step 5
    assert [line["step"] for line in logged(run)] == [3, 6, 9]


def test_a_damaged_last_checkpoint_costs_only_the_steps_since_the_one_before(
    make_run: Callable[..., Run], data: ImageSet
) -> None:
    run = make_run(9)
    train(run, data, Recorder(at=7, do=interrupt()), every=4 * BATCH)
    os.truncate(run.checkpoints / "ckpt-7.data-00000-of-00001", 1000)
    display = Recorder()
    assert train(run, data, display, resume=True) is True
    assert "ckpt-7" in str(display.told[0])
    assert [kind for kind, _ in display.told[:3]] == ["note", "estimate", "advance"]
    assert display.told[2] == ("advance", 5 * BATCH)
    assert state(run)[0] == 9


def test_without_a_checkpoint_there_is_nothing_to_resume(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(3)
    with pytest.raises(RunError, match="there is none"):
        train(run, data, Recorder(), resume=True)


def test_resuming_a_complete_run_changes_nothing(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(4)
    train(run, data, Recorder())
    before, log = state(run), logged(run)
    display = Recorder()
    assert train(run, data, display, resume=True) is True
    after = state(run)
    assert after[0] == before[0] == 4
    assert same(after[1], before[1])
    assert (logged(run), display.told) == (log, [])


def test_a_complete_run_can_be_made_longer(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(2)
    train(run, data, Recorder())
    longer = run.with_images(5 * BATCH)
    assert train(longer, data, Recorder(), resume=True) is True
    assert state(run)[0] == 5


@pytest.mark.parametrize(
    ("term", "value", "every"), [("loss_d", math.nan, 1), ("loss_g", math.inf, 2), ("r1", -math.inf, 100)]
)
def test_a_loss_that_is_not_finite_stops_the_run_and_the_last_good_state_is_kept(
    make_run: Callable[..., Run], data: ImageSet, monkeypatch: pytest.MonkeyPatch, term: str, value: float, every: int
) -> None:
    def diverging(gan: Gan, reals: NDArray[np.uint8], step: int, rate: float, labels: object) -> dict[str, Any]:
        logs = quick_step(gan, reals, step, rate)
        return logs | ({term: tf.constant(value)} if step >= 4 else {})

    monkeypatch.setattr(Gan, "train", diverging)
    run = make_run(9)
    with pytest.raises(TrainingFailed, match=f"^diverged at step [56]: {term} is no longer finite.*{run.checkpoints}"):
        train(run, data, Recorder(), every=every * BATCH)
    step, values = state(run)
    assert step <= 4
    assert all(np.isfinite(v).all() for v in values)
    assert [line["step"] for line in logged(run)] == [3]


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_weights_that_are_not_finite_are_not_kept(
    make_run: Callable[..., Run], data: ImageSet, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    """The loss of a step is computed before its weights change: it can look well when they no longer are."""

    def breaking(gan: Gan, reals: NDArray[np.uint8], step: int, rate: float, labels: object) -> dict[str, Any]:
        logs = quick_step(gan, reals, step, rate)
        if step == 4:
            model = getattr(gan, network)
            model.set_weights([w * np.nan for w in model.get_weights()])
        return logs

    monkeypatch.setattr(Gan, "train", breaking)
    run = make_run(9)
    with pytest.raises(TrainingFailed, match=f"^diverged at step 5: {network}_norm is no longer finite"):
        train(run, data, Recorder(), every=BATCH)
    step, values = state(run)
    assert step == 4
    assert all(np.isfinite(v).all() for v in values)


def test_a_run_that_really_diverges_is_stopped(
    make_run: Callable[..., Run], data: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gan, "train", HONEST_STEP)
    rates = [f"{net}.optimizer.learning_rate=1.0" for net in ("generator", "discriminator")]
    run = make_run(60, "ns", "regulariser.weight=1e38", *rates)
    with pytest.raises(TrainingFailed, match="Half the learning rates"):
        train(run, data, Recorder())


def test_a_checkpoint_that_cannot_be_written_ends_the_run_with_the_reason(
    make_run: Callable[..., Run], data: ImageSet
) -> None:
    run = make_run(5)

    def block() -> None:
        (run.checkpoints / "ckpt-2.index").mkdir()
        (run.checkpoints / "ckpt-2.index" / "x").touch()

    with pytest.raises(RunError, match="no checkpoint can be written"):
        train(run, data, Recorder(at=1, do=block), every=2 * BATCH)
    assert state(run)[0] == 0


def test_a_batch_larger_than_the_data_set_trains(make_run: Callable[..., Run], data: ImageSet) -> None:
    run = make_run(2, "ns", "batch_size=24")
    assert train(run, data, Recorder()) is True


@pytest.mark.parametrize(
    ("step", "steps", "decay_from", "factor"),
    [
        (0, 100, 0.5, 1.0), (49, 100, 0.5, 1.0), (50, 100, 0.5, 1.0), (75, 100, 0.5, 0.5), (99, 100, 0.5, 0.02),
        (100, 100, 0.5, 0.0), (99, 100, 1.0, 1.0), (0, 100, 0.0, 1.0), (25, 100, 0.0, 0.75), (0, 1, 0.5, 1.0),
        (0, 1, 0.0, 1.0), (120, 100, 0.5, 0.0), (120, 100, 1.0, 0.0),
    ],
)  # fmt: skip
def test_the_learning_rate_is_whole_then_falls_to_zero(step: int, steps: int, decay_from: float, factor: float) -> None:
    assert learning_rate_factor(step, steps, decay_from) == pytest.approx(factor)
