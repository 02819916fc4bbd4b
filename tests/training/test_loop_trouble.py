"""What the loop does when something goes wrong, and which state it keeps as the best; its measures are made up."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from bundle.manifest import Measure  # noqa: E402
from training import loop  # noqa: E402
from training.appraisal import Appraisal  # noqa: E402
from training.checkpoints import Checkpoints  # noqa: E402
from training.dataset import DataFacts, ImageSet  # noqa: E402
from training.gan import Gan  # noqa: E402
from training.loop import TrainingFailed, gan_of, train  # noqa: E402
from training.recipe import Recipe  # noqa: E402
from training.run import Run, RunSettings, create_run  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
BATCH, STEPS = 4, 8
DATA = ImageSet(
    np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3)).astype(np.uint8),
    DataFacts("colours", 20, f"sha256:{64 * '0'}", ()),
)
HEALTHY = {"distance": 10.0, "spread": 60.0, "memorisation": 0.01}


class Silent:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def estimate(self, *arguments: float) -> None:
        pass

    def advance(self, *arguments: object) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


class Scripted:
    """Instead of an appraiser: what is measured at each step, the first time or later."""

    def __init__(self, script: dict[int, list[dict[str, float]]]) -> None:
        self.script = {step: list(values) for step, values in script.items()}

    def appraise(self, gan: Gan) -> Appraisal:
        values = self.script.get(int(gan.step.numpy()), [])
        found = HEALTHY | (values.pop(0) if values else {})
        return Appraisal({name: Measure(value=v, floor=70.0, about="") for name, v in found.items()}, 0.0)


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Steps take no time; returns each step with its learning-rate factor."""
    made: list[tuple[int, float]] = []

    def step_made(gan: Gan, reals: object, step: int, rate: float, labels: object = None) -> dict[str, Any]:
        made.append((step, rate))
        gan.generator.variables[0].assign_add(tf.ones_like(gan.generator.variables[0].value))
        gan.step.assign(step + 1)
        return {"loss_d": 1.0, "loss_g": 1.0, "score_spread": 1.0}

    monkeypatch.setattr(loop, "LOG_EVERY", 2)
    monkeypatch.setattr(loop, "seconds_per_step", lambda *arguments: 0.5)
    monkeypatch.setattr(Gan, "train", step_made)
    return made


@pytest.fixture
def start(
    tmp_path: Path, small_recipe: Small, monkeypatch: pytest.MonkeyPatch, rates: list[tuple[int, float]]
) -> Callable[..., Run]:
    def run_with(script: dict[int, list[dict[str, float]]], on_trouble: str = "rollback") -> Run:
        monkeypatch.setattr(loop, "appraiser_of", lambda *arguments: Scripted(script))
        settings = RunSettings(
            recipe=small_recipe("ns", "decay_from=1.0").for_count(20), resolution=32, channels=3, images=STEPS * BATCH,
            seed=3, source="x", cache="x", name="colours", license="", attribution="", count=20, digest="x",
            on_trouble=on_trouble, started=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        return create_run(tmp_path / "runs", settings)

    return run_with


def events(run: Run) -> list[tuple[int, str]]:
    lines = map(json.loads, run.log_file.read_text().splitlines())
    return [(line["step"], line["event"]) for line in lines if "event" in line]


COLLAPSED, COPIED = {"spread": 5.0}, {"memorisation": 0.9}


@pytest.mark.parametrize(("trouble", "kind"), [(COLLAPSED, "collapse"), (COPIED, "memorisation")])
def test_trouble_goes_back_to_the_last_good_state_and_learns_half_as_fast(
    start: Callable[..., Run], rates: list[tuple[int, float]], trouble: dict[str, float], kind: str
) -> None:
    run, display = start({6: [trouble]}), Silent()
    assert train(run, DATA, display, every=2 * BATCH, heldout=DATA) is True
    assert rates == [(s, 1.0) for s in range(6)] + [(s, 0.5) for s in range(4, 8)]
    assert [e for e in events(run) if e[1] != "best"] == [(6, kind), (4, "rollback")]
    assert "Back to step 4" in display.notes[0]
    logged = [line for line in map(json.loads, run.log_file.read_text().splitlines()) if "event" not in line]
    assert [line["step"] for line in logged] == [2, 4, 6, 8]  # every step once, as it ended up
    assert sorted(p.name for p in run.samples.iterdir()) == [f"{i * BATCH:09d}.png" for i in (0, 2, 4, 6, 8)]


def test_trouble_at_the_last_step_is_rolled_back_too(start: Callable[..., Run], rates: list[tuple[int, float]]) -> None:
    run = start({8: [COPIED]})
    assert train(run, DATA, Silent(), every=2 * BATCH, heldout=DATA) is True
    assert rates == [(s, 1.0) for s in range(8)] + [(s, 0.5) for s in (6, 7)]
    assert [e for e in events(run) if e[1] != "best"] == [(8, "memorisation"), (6, "rollback")]


def test_a_state_in_trouble_is_never_kept(start: Callable[..., Run]) -> None:
    run = start({6: [COLLAPSED]}, "stop")
    with pytest.raises(TrainingFailed, match=r"^collapse at step 6: .*the generator repeats itself.*checkpoints"):
        train(run, DATA, Silent(), every=2 * BATCH, heldout=DATA)
    assert Checkpoints(gan_of(run), run.checkpoints).restore() == 4
    assert (run.path / "report.html").exists()  # it says why


def test_trouble_that_comes_back_ends_the_run(start: Callable[..., Run], rates: list[tuple[int, float]]) -> None:
    run = start({4: [COLLAPSED] * 9})
    with pytest.raises(TrainingFailed, match="it was rolled back 3 times"):
        train(run, DATA, Silent(), every=2 * BATCH, heldout=DATA)
    assert [rate for step, rate in rates if step == 3] == [1.0, 0.5, 0.25, 0.125]


def test_trouble_can_be_reported_only(start: Callable[..., Run]) -> None:
    run, display = start({4: [COLLAPSED], 6: [COPIED]}, "report"), Silent()
    assert train(run, DATA, display, every=2 * BATCH, heldout=DATA) is True
    assert [e for e in events(run) if e[1] != "best"] == [(4, "collapse"), (6, "memorisation")]
    assert len(display.notes) == 2


def test_a_resumed_run_goes_on_as_slowly_as_it_was(start: Callable[..., Run], rates: list[tuple[int, float]]) -> None:
    run = start({4: [COLLAPSED]})
    train(run, DATA, Silent(), every=2 * BATCH, heldout=DATA)
    rates.clear()
    assert train(run.with_images(10 * BATCH), DATA, Silent(), resume=True, heldout=DATA) is True
    assert rates == [(8, 0.5), (9, 0.5)]


@pytest.mark.parametrize("best", [2, 4, 6])
def test_the_state_with_the_smallest_distance_is_the_best(start: Callable[..., Run], best: int) -> None:
    run = start({best: [{"distance": 3.0}], 8: [{"distance": 5.0}]})
    train(run, DATA, Silent(), every=2 * BATCH, heldout=DATA)
    assert Checkpoints(gan_of(run), run.best).restore() == best
    assert json.loads((run.path / "best.json").read_text()) == {"step": best, "images": best * BATCH, "distance": 3.0}
    measured = [json.loads(line) for line in (run.path / "measures.jsonl").read_text().splitlines()]
    assert [line["step"] for line in measured] == [0, 2, 4, 6, 8]


def test_without_held_out_images_nothing_is_measured_and_nothing_is_best(
    start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start({})
    monkeypatch.setattr(loop, "appraiser_of", lambda *arguments: None)
    assert train(run, DATA, Silent()) is True
    assert not (run.path / "best.json").exists()
    assert not (run.path / "measures.jsonl").exists()
