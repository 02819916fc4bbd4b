import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy
import pytest

from training.report.cost import cost_of, machine
from training.report.record import read_record
from training.run import Run


def test_the_log_tells_time_and_speed(new_run: Callable[..., Run]) -> None:
    run = new_run()
    run.log_file.write_text(
        '{"images": 100, "images_per_second": 50, "cpu_seconds": 3.5}\n{"images": 300, "images_per_second": 100}\n'
        '{"images": 400, "images_per_second": 10, "cpu_seconds": 4}\n'
    )
    end = (run.settings.started + timedelta(hours=2)).timestamp()
    os.utime(run.log_file, (end, end))
    cost = cost_of(run, read_record(run))
    assert (cost.training_seconds, cost.elapsed_seconds, cost.cpu_seconds) == (14.0, 7200.0, 7.5)
    assert cost.images_per_second == 50
    assert f"numpy {numpy.__version__}" in cost.versions


def test_a_run_without_log_has_no_figures(new_run: Callable[..., Run]) -> None:
    cost = cost_of(run := new_run(), read_record(run))
    assert (cost.training_seconds, cost.elapsed_seconds, cost.cpu_seconds, cost.images_per_second) == (None,) * 4


def test_a_clock_that_went_backwards_is_not_believed(new_run: Callable[..., Run]) -> None:
    run = new_run()
    run.log_file.write_text("")
    os.utime(run.log_file, (0, 0))
    assert cost_of(run, read_record(run)).elapsed_seconds is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("processor: 0\nmodel name\t: AMD EPYC 9575F\nmodel name\t: other\n", "AMD EPYC 9575F, "), ("model name:\n", "")],
)
def test_the_machine_is_its_processor_and_cores(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert machine(tmp_path / "cpuinfo").startswith(name)
    assert " core" in machine(tmp_path / "missing")
