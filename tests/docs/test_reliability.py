"""docs/reliability.md says what the last drill saw, and what is tried."""

import json
import re

from bench.machine import RESULTS
from tests.faults.catalogue import FAULTS
from tests.faults.outcome import PAGE, filled, table
from tests.fuzz.test_guided import RUNS

DRILL = json.loads((RESULTS / "drill.json").read_text())


def test_the_table_is_that_of_the_last_drill() -> None:
    page, rows = PAGE.read_text(encoding="utf-8"), list(DRILL["outcomes"].values())
    assert table(rows) in page
    assert filled(page, rows) == page


def test_every_fault_is_in_it_and_left_nothing_behind() -> None:
    outcomes = DRILL["outcomes"]
    assert list(outcomes) == list(FAULTS)
    for outcome in outcomes.values():
        assert outcome["sent"] == outcome["answered"] + outcome["refused"] + sum(outcome["failed"].values())
        assert not outcome["leaks"] + outcome["damaged"]


def test_every_fuzzer_is_named() -> None:
    rows = re.findall(r"^\| .*Atheris.*\| ([\d,]+) each \|$|^\| .*tests\.fuzz.*\| ([\d,]+) \|$", PAGE.read_text(), re.M)
    assert [int("".join(row).replace(",", "")) for row in rows] == [RUNS["exif"], RUNS["uploads"]]
    assert set(RUNS) <= set(re.findall(r"`(?:python -m tests\.fuzz\.)?(\w+)`", PAGE.read_text()))
