import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.manifest import Measure
from training.commands import compare
from training.compare import conduct
from training.compare.plan import FILE, Comparison, Entry
from training.errors import Failed
from training.recipe import RecipeError, recipe_names
from training.source import DataError

Fill = Callable[..., Path]


class Trained:
    """Instead of training: which runs were asked for, in order, and how each ends."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.ends: dict[tuple[str, int], str] = {}
        self.lengths: list[str] = []

    def train(self, out: Path, comparison: Comparison, recipe: str, seed: int, watch: Callable[[int], None]) -> Entry:
        self.asked.append((recipe, seed))
        watch(10)
        status = self.ends.get((recipe, seed), "done")
        measures = {"swd_mean": Measure(value=float(seed), floor=0.5, about="")} if status == "done" else {}
        given: dict[str, Any] = {"recipe": recipe, "seed": seed, "status": status, "run": None, "images": 64}
        return Entry.model_validate(given | {"measures": measures, "reason": "no luck" if status == "failed" else ""})

    def length(self, comparison: Comparison, recipe: str, count: int, classes: int) -> int:
        self.lengths.append(recipe)
        return 64 + classes


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    made = Trained()
    monkeypatch.setattr(conduct, "train_one", made.train)
    monkeypatch.setattr(conduct, "length", made.length)
    monkeypatch.setattr(compare, "FEWEST_HELD_OUT", 1)
    return made


@pytest.fixture
def run(tmp_path: Path, pictures: Path) -> Callable[..., int]:
    def call(*words: str) -> int:
        parser = argparse.ArgumentParser()
        compare.add(parser)
        given = ["--data", str(pictures), "--resolution", "32", "--out", str(tmp_path / "out"), *words]
        return compare.run_compare(parser.parse_args(given))

    return call


def found(tmp_path: Path) -> Comparison:
    return Comparison.model_validate_json((tmp_path / "out" / FILE).read_bytes())


def test_every_recipe_is_trained_once_a_seed_one_of_each_first(
    tmp_path: Path, run: Callable[..., int], trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--recipes", "ns", "hinge", "ns", "--seeds", "2", "--images", "64") == 0
    assert trained.asked == [("ns", 0), ("hinge", 0), ("ns", 1), ("hinge", 1)]
    assert "0.5 ± 0.5" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {FILE, "compare.md", "compare.png"}


def test_all_recipes_are_compared_unless_some_are_named(run: Callable[..., int], trained: Trained) -> None:
    assert run("--seeds", "1", "--images", "64") == 0
    assert [recipe for recipe, _ in trained.asked] == recipe_names()


def test_what_ended_is_not_trained_again_and_more_can_be_added(run: Callable[..., int], trained: Trained) -> None:
    assert run("--recipes", "ns", "hinge", "--seeds", "1", "--budget", "1m") == 0
    trained.asked.clear()
    assert run("--recipes", "ns", "hinge", "r3", "--seeds", "2", "--budget", "1m") == 0
    assert trained.asked == [("r3", 0), ("ns", 1), ("hinge", 1), ("r3", 1)]
    assert trained.lengths == ["ns", "hinge", "r3"]


def test_a_run_that_fails_does_not_end_the_others(
    tmp_path: Path, run: Callable[..., int], trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.ends = {("ns", 0): "failed"}
    assert run("--recipes", "ns", "hinge", "--seeds", "1", "--images", "64") == 0
    assert trained.asked == [("ns", 0), ("hinge", 0)]
    assert "ns, seed 0: failed: no luck" in capsys.readouterr().err
    assert "seed 0: failed: no luck" in (tmp_path / "out" / "compare.md").read_text()


def test_what_was_stopped_goes_on(tmp_path: Path, run: Callable[..., int], trained: Trained) -> None:
    trained.ends = {("hinge", 0): "stopped"}
    words = ("--recipes", "ns", "hinge", "r3", "--seeds", "1", "--images", "64")
    assert run(*words) == 130
    assert [e.status for e in found(tmp_path).entries] == ["done", "stopped"]
    trained.ends = {}
    assert run(*words) == 0
    assert trained.asked == [("ns", 0), ("hinge", 0), ("hinge", 0), ("r3", 0)]
    assert {e.status for e in found(tmp_path).entries} == {"done"}


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        (("--recipes", "ns", "none"), RecipeError, "no recipe 'none'"),
        (("--recipes", "ns", "--set", "generator.width=1"), RecipeError, r"generator\.width"),
        (("--recipes", "ns", "--resolution", "64"), Failed, "resolution 32 there, 64 here; take another --out"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_run(
    run: Callable[..., int], trained: Trained, words: tuple[str, ...], error: type[Exception], match: str
) -> None:
    run("--recipes", "lsgan", "--seeds", "1", "--images", "64")
    trained.asked.clear()
    with pytest.raises(error, match=match):
        run(*words, "--seeds", "1", "--images", "64")
    assert trained.asked == []


def test_what_failed_before_it_began_is_tried_again(run: Callable[..., int], trained: Trained) -> None:
    trained.ends = {("ns", 0): "failed"}
    words = ("--recipes", "ns", "--seeds", "1", "--images", "64")
    assert [run(*words), run(*words)] == [0, 0]
    assert trained.asked == [("ns", 0)] * 2


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        (("--heldout", "missing"), DataError, "missing"),
        (("--classes", "hair"), DataError, "dataset.jsonl"),
        (("--holdout", "0.5"), Failed, "10 images are held out; at least 40 are needed"),
    ],
)
def test_what_would_make_every_run_fail_is_said_before_the_first(
    run: Callable[..., int], trained: Trained, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...],
    error: type[Exception], match: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(compare, "FEWEST_HELD_OUT", 40 if error is Failed else 1)
    with pytest.raises(error, match=match):
        run("--recipes", "ns", "--seeds", "1", "--images", "64", *words)
    assert trained.asked == []


@pytest.mark.parametrize(
    "words",
    [
        (), ("--images", "64", "--budget", "1m"), ("--budget", "64"), ("--images", "64", "--seeds", "0"),
        ("--images", "64", "--holdout", "0.1", "--heldout", "x"),
    ],
)  # fmt: skip
def test_wrong_usage_is_refused(run: Callable[..., int], trained: Trained, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


def test_the_same_real_images_are_shown_each_time(pictures: Path, tmp_path: Path) -> None:
    from training.dataset import load_images

    data = load_images(pictures, 32, 3, tmp_path)
    first, again = compare._some(data), compare._some(data)
    assert first.shape == (10, 32, 32, 3)
    assert np.array_equal(first, again)
