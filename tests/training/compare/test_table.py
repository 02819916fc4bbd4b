from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.compare.plan import Comparison, Entry
from training.compare.table import markdown, mean_and_error, table, write_page

Done = Callable[..., Entry]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_error_is_that_of_the_mean(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(5, 2, count)
    mean, error = mean_and_error(list(values))
    assert mean == pytest.approx(sum(values) / count)
    assert error == pytest.approx((sum((values - mean) ** 2) / (count - 1) / count) ** 0.5)
    assert mean_and_error([4.0]) == (4.0, None)


def test_a_recipe_is_the_mean_of_its_runs(comparison: Comparison, done: Done) -> None:
    for entry in (done("ns", 0, 1.0), done("ns", 1, 3.0), done("wgan", 0, 7.0, images_per_second=10.0)):
        comparison = comparison.with_entry(entry)
    made = table(comparison)
    assert made.headings[:6] == ("recipe", "runs", "images", "images/s", "CPU time", "SWD × 10³ ↓")
    assert made.rows[0][:7] == ("ns", "2 of 2", "200", "50", "1 min", "2.0 ± 1.0", "2.00 ± 1.00")
    assert made.rows[1][:7] == ("wgan", "1 of 1", "200", "10", "1 min", "7.0", "7.00")
    assert made.rows[2] == ("real images", "", "", "", "", "0.5", "0.50", "0.50", "0.50", "0.50", "")


def test_a_run_that_failed_is_told_and_is_no_part_of_the_mean(comparison: Comparison, done: Done) -> None:
    collapsed = done("ns", 1, status="failed", measures={}, troubles=("collapse at 120,000 images",), reason="collapse")
    crashed = done("ns", 2, status="failed", measures={}, reason="no memory | left")
    stopped = done("ns", 3, status="stopped", measures={}, images=50)
    for entry in (done("ns", 0, 1.0), collapsed, crashed, stopped):
        comparison = comparison.with_entry(entry)
    row = table(comparison).rows[0]
    assert (row[1], row[5]) == ("1 of 4", "1.0")
    assert row[-1] == (
        "seed 1: collapse at 120,000 images; seed 2: failed: no memory | left; seed 3: stopped at 50 images"
    )
    assert "no memory \\| left" in markdown(comparison)


def test_a_recipe_of_which_no_run_is_done_has_no_numbers(comparison: Comparison, done: Done) -> None:
    failed = done("ns", 0, status="failed", measures={}, images_per_second=None, troubles=("diverged at 100 images",))
    made = table(comparison.with_entry(failed))
    assert [row[0] for row in made.rows] == ["ns", "real images"]
    assert made.rows[0][3:] == ("–", "1 min", "–", "–", "–", "–", "–", "seed 0: diverged at 100 images")


def test_classes_have_a_column_where_they_are_counted(comparison: Comparison, done: Done) -> None:
    told = comparison.conditions.model_copy(update={"classes": "hair"})
    made = table(comparison.model_copy(update={"conditions": told}).with_entry(done("ns", 0, 28.0)))
    assert made.headings[-2] == "hair covered ↑"
    assert made.rows[0][-2] == "28.0"


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({}, "32 px, RGB; every discriminator sees 200 images; measured against 5% of the data"),
        ({"images": None, "budget": 5400.0}, "every run has 1 h 30 min of steps: CPU time of all threads"),
        ({"heldout": "/data/test"}, "measured against /data/test, the same for all"),
        ({"channels": 1}, "32 px, grey;"),
        ({"labels": "hair"}, "Conditional on 'hair'."),
    ],
)  # fmt: skip
def test_the_page_says_under_which_conditions(comparison: Comparison, update: dict[str, object], words: str) -> None:
    told = comparison.conditions.model_copy(update=update)
    assert words in markdown(comparison.model_copy(update={"conditions": told}))


def test_the_page_is_a_table_that_every_reader_sees(tmp_path: Path, comparison: Comparison, done: Done) -> None:
    path = write_page(tmp_path, comparison.with_entry(done("ns", 0)))
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert [line.split("|")[1].strip() for line in lines] == ["recipe", "---", "ns", "real images"]
    assert list(tmp_path.iterdir()) == [path]
