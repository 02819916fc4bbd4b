import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bundle.manifest import Measure
from training.compare import conduct
from training.compare.conduct import length, train_one
from training.compare.plan import Comparison
from training.compare.runs import Ended
from training.run import Run, RunError, open_run

MakeRun = Callable[..., Run]


class Trainer:
    """Instead of training: a run's folder with a log, and an end."""

    def __init__(self, comparison: Comparison, make_run: MakeRun) -> None:
        self.comparison, self.make_run = comparison, make_run
        self.ended = Ended(0, 30.0, "done; write the bundle with …", False)
        self.lines: list[dict[str, object]] = [
            {"step": 50, "images": 100, "loss_g": 1.0, "images_per_second": 40.0},
            {"step": 100, "images": 200, "loss_g": 1.0, "images_per_second": 60.0},
        ]
        self.calls: list[list[str]] = []
        self.begins = True

    def __call__(self, words: Sequence[str], log: Path, watch: Callable[[], None]) -> Ended:
        self.calls.append(list(words))
        assert log.parent.is_dir()
        if words[0] == "fit" and self.begins:
            seed, out = int(words[words.index("--seed") + 1]), Path(words[words.index("--out") + 1])
            run = self.make_run(out, self.comparison.load(words[words.index("--recipe") + 1]), seed)
            run.checkpoints.mkdir()
            (run.checkpoints / "checkpoint").touch()
            run.log_file.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        watch()
        return self.ended


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch, comparison: Comparison, make_run: MakeRun) -> Trainer:
    made = Trainer(comparison, make_run)
    monkeypatch.setattr(conduct, "train_apart", made)
    monkeypatch.setattr(conduct, "apart", lambda function, path, *_: measured(path))
    return made


def measured(path: Path) -> dict[str, Measure]:
    open_run(path)
    return {"swd_mean": Measure(value=7.0, floor=1.0, about="")}


def test_a_run_is_trained_and_measured(tmp_path: Path, comparison: Comparison, trainer: Trainer) -> None:
    seen: list[int] = []
    entry = train_one(tmp_path, comparison, "ns", 1, seen.append)
    assert (entry.recipe, entry.seed, entry.status, entry.run) == ("ns", 1, "done", "00000-faces-ns")
    assert (entry.images, entry.images_per_second, entry.cpu_seconds) == (200, 50.0, 30.0)
    assert (entry.measures["swd_mean"].value, entry.troubles, entry.reason) == (7.0, (), "")
    assert seen == [200]


def test_a_run_that_was_stopped_goes_on_and_its_time_adds_up(
    tmp_path: Path, comparison: Comparison, trainer: Trainer
) -> None:
    trainer.ended = Ended(130, 30.0, "stopped", True)
    stopped = train_one(tmp_path, comparison, "ns", 0)
    assert (stopped.status, stopped.measures, stopped.reason) == ("stopped", {}, "")
    trainer.ended = Ended(0, 12.0, "done", False)
    entry = train_one(tmp_path, comparison.with_entry(stopped), "ns", 0)
    assert [words[0] for words in trainer.calls] == ["fit", "resume"]
    assert (entry.status, entry.cpu_seconds, entry.run) == ("done", 42.0, stopped.run)


def test_a_run_that_was_done_when_the_signal_came_is_measured_the_next_time(
    tmp_path: Path, comparison: Comparison, trainer: Trainer
) -> None:
    trainer.ended = Ended(0, 30.0, "done", True)
    assert train_one(tmp_path, comparison, "ns", 0).status == "stopped"


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [(1, "no memory", "no memory"), (-9, "it said nothing", "ended by signal 9; it said nothing")],
)
def test_a_run_that_fails_is_an_entry(
    tmp_path: Path, comparison: Comparison, trainer: Trainer, status: int, words: str, reason: str
) -> None:
    trainer.lines.append({"step": 80, "images": 160, "event": "collapse", "text": "it repeats itself"})
    trainer.lines.append({"step": 90, "images": 180, "event": "best", "text": "…"})
    trainer.ended = Ended(status, 30.0, words, False)
    entry = train_one(tmp_path, comparison, "wgan", 0)
    assert (entry.status, entry.reason, entry.measures) == ("failed", reason, {})
    assert entry.troubles == ("collapse at 160 images",)


def test_a_run_that_never_began_is_an_entry_too(tmp_path: Path, comparison: Comparison, trainer: Trainer) -> None:
    trainer.begins, trainer.ended = False, Ended(2, 1.0, "no such data", False)
    entry = train_one(tmp_path, comparison, "ns", 0)
    assert (entry.status, entry.run, entry.images, entry.images_per_second) == ("failed", None, 0, None)


def test_a_run_that_another_process_is_training_is_left_alone(
    tmp_path: Path, comparison: Comparison, trainer: Trainer
) -> None:
    trainer.ended = Ended(130, 1.0, "", True)
    stopped = train_one(tmp_path, comparison, "ns", 0)
    with open_run(tmp_path / str(stopped.run)).locked(), pytest.raises(RunError, match="being trained by another"):
        train_one(tmp_path, comparison, "ns", 0)
    assert len(trainer.calls) == 1


@pytest.mark.parametrize(("budget", "each", "images"), [(600.0, 0.02, 30_000), (60.0, 0.5, 120), (1.0, 0.5, 64)])
def test_an_equal_time_is_so_many_images(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, budget: float, each: float, images: int
) -> None:
    asked: list[tuple[object, ...]] = []

    def timed(function: object, *told: object) -> float:
        asked.append(told)
        return each

    monkeypatch.setattr(conduct, "apart", timed)
    told = comparison.conditions.model_copy(update={"images": None, "budget": budget})
    assert length(comparison.model_copy(update={"conditions": told}), "ns", 5000, 3) == images
    assert [arguments[1:4] for arguments in asked] == [("ns", 5000, 3)]


def test_equally_many_images_need_no_timing(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "apart", lambda *_: pytest.fail("it was timed"))
    assert length(comparison, "ns", 5000, 0) == 200
