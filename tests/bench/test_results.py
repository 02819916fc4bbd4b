"""The results that are kept, the pictures of them, and a short run of what makes them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.limit import summary
from bench.machine import RESULTS, facts, resident_mib, write_result
from bench.plots import PLOTS
from bench.tables import PAGE, TABLES, filled

ROOT = Path(__file__).parents[2]


def test_a_result_says_where_it_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results"))
    written = json.loads(write_result("one", {"value": 7}).read_text())
    assert written["value"] == 7
    assert written["machine"]["cores"] == facts()["cores"] >= 1
    assert written["machine"]["versions"]["numpy"]


def test_the_memory_of_a_process() -> None:
    assert 10 < resident_mib(os.getpid()) < 10_000


def test_a_summary_is_the_median_of_every_number() -> None:
    rounds = [{"a": value, "b": {1: 10 * value}} for value in (3.0, 1.0, 2.0)]
    assert summary(rounds) == {"a": 2.0, "b": {1: 20.0}}


@pytest.mark.parametrize("name", sorted(PLOTS))
def test_what_is_kept_can_be_drawn(name: str, tmp_path: Path) -> None:
    source = RESULTS / f"{name}.json"
    PLOTS[name](json.loads(source.read_text()), tmp_path / "plot.svg")
    assert len(list(ElementTree.parse(tmp_path / "plot.svg").getroot().iter())) > 50


def test_the_page_shows_what_is_kept() -> None:
    page = PAGE.read_text()
    assert filled(page) == page
    for name in TABLES:
        assert (RESULTS / f"{name}.json").exists()
        assert page.count(f"<!-- {name} -->\n| ") + page.count(f"<!-- {name} -->\nn=1") == 1


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("limit", ["--rounds", "1", "--seconds", "0.2"]),
        ("rates", ["--seconds", "0.6"]),
        ("fairness", ["--seconds", "0.2"]),
        ("png", ["--repeats", "1"]),
        ("startup", ["--rounds", "1"]),
        ("soak", ["--minutes", "0.1", "--measure", "1", "--clients", "2", "--share", "0.5"]),
    ],
)
def test_a_benchmark_runs_and_leaves_its_result(module: str, options: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"BENCH_RESULTS": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", *options], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / f"{module}.json").read_text())["machine"]["processor"]
