import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bundle.manifest import Measure
from training.appraisal import Appraisal
from training.journal import Journal
from training.recipe import Recipe
from training.run import Run, RunSettings, create_run
from training.watch import Trouble

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]


@pytest.fixture
def run(tmp_path: Path, small_recipe: Small) -> Run:
    settings = RunSettings(
        recipe=small_recipe(), resolution=32, channels=3, images=400, seed=7, source="x", cache="x", name="x",
        license="", attribution="", count=20, digest="x", started=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return create_run(tmp_path, settings)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def appraisal(distance: float, spread: float = 60.0) -> Appraisal:
    values = {"distance": distance, "spread": spread}
    return Appraisal({name: Measure(value=v, floor=70.0, about="") for name, v in values.items()}, 1.0)


def test_the_log_grows_a_line_at_a_time(run: Run) -> None:
    journal = Journal(run)
    for step in (50, 100):
        journal.log({"step": step, "loss_d": 1.5})
    assert [line["step"] for line in lines(run.log_file)] == [50, 100]


@pytest.mark.parametrize(("step", "kept"), [(0, []), (49, []), (50, [50]), (120, [50, 100]), (150, [50, 100, 150])])
def test_what_was_logged_later_is_forgotten(run: Run, step: int, kept: list[int]) -> None:
    journal = Journal(run)
    for logged in (50, 100, 150):
        journal.log({"step": logged})
        journal.measures(logged, appraisal(float(logged)))
    again = Journal(run)
    again.truncate(step)
    assert [line["step"] for line in lines(run.log_file)] == kept
    assert [line["step"] for line in again.lines] == kept
    assert [line["step"] for line in lines(run.path / "measures.jsonl")] == kept


def test_what_went_wrong_is_not_forgotten(run: Run) -> None:
    journal = Journal(run)
    for kind in ("best", "collapse", "resumed", "rollback"):
        journal.event(100, kind, "text")
    journal.truncate(50)
    assert [line["event"] for line in lines(run.log_file)] == ["collapse", "rollback"]


@pytest.mark.parametrize("rest", ['{"step": 15', "", "null", '{"images": 3}', '{"step": "x"}', "\x00\x00"])
def test_a_line_cut_off_by_a_kill_is_dropped(run: Run, rest: str) -> None:
    journal = Journal(run)
    journal.log({"step": 50})
    with run.log_file.open("a") as file:
        file.write(rest)
    journal.truncate(1000)
    journal.log({"step": 100})
    assert [line["step"] for line in lines(run.log_file)] == [50, 100]


def test_without_files_there_is_nothing_to_forget(run: Run) -> None:
    before = sorted(path.name for path in run.path.iterdir())
    Journal(run).truncate(10)
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_the_smallest_distance_is_the_best(run: Run) -> None:
    journal = Journal(run)
    assert journal.is_best(9.0)
    journal.best(10, 9.0)
    assert not journal.is_best(9.0)
    assert not Journal(run).is_best(9.5)  # in another process too
    assert Journal(run).is_best(8.9)


def test_rollbacks_count_from_where_they_went_to(run: Run) -> None:
    journal = Journal(run)
    assert journal.rollbacks(1000) == 0
    journal.roll_back(300, 200, Trouble("collapse", "text"))
    journal.roll_back(250, 100, Trouble("diverged", "text"))
    for found in (journal, Journal(run)):
        assert [found.rollbacks(step) for step in (99, 100, 199, 200, 1000)] == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("spreads", [[10.0, 63.0, 20.0], [63.0], [20.0, 63.0]])
def test_the_widest_spread_is_remembered(run: Run, spreads: list[float]) -> None:
    journal = Journal(run)
    for step, spread in enumerate(spreads):
        journal.measures(step, appraisal(1.0, spread))
    assert journal.widest == pytest.approx(0.9)
    again = Journal(run)
    again.truncate(1000)
    assert again.widest == pytest.approx(0.9)


@pytest.mark.parametrize(
    "damage",
    [b"\xff\xfe", b"[]", b"5", b'{"step": "5"}', b'{"step": -1}', b'{"step": 5}', b'{"step": 5, "values": 3}',
     b'{"step": 5, "values": {"spread": {"value": "x"}}}', b'{"step": 5, "dist', b"[" * 5000],
)  # fmt: skip
def test_a_damaged_line_is_passed_over(run: Run, damage: bytes) -> None:
    journal = Journal(run)
    journal.log({"step": 50})
    journal.measures(50, appraisal(5.0))
    journal.best(50, 5.0)
    journal.roll_back(60, 50, Trouble("collapse", "x"))
    for name in ("log.jsonl", "measures.jsonl", "rollbacks.json"):
        with (run.path / name).open("ab") as file:
            file.write(damage + b"\n")
    again = Journal(run)
    again.truncate(60)
    assert (again.widest, again.rollbacks(60)) == (60.0 / 70.0, 1)


def test_a_damaged_best_is_none(run: Run) -> None:
    journal = Journal(run)
    journal.best(50, 5.0)
    assert not journal.is_best(6.0)
    (run.path / "best.json").write_bytes(b'{"step": 50, "dist')
    assert journal.is_best(6.0)
