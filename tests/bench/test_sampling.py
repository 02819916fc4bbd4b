"""What a soak keeps of a process, and when it says that something grew."""

import os
import threading

import pytest

from bench.sampling import MOST, Sample, Sampler, count, growth, interval, percentile, thirds


def samples(**changes: list[float]) -> list[Sample]:
    """Nine samples that are flat but for what is given."""
    flat = {"at": range(9), "mib": [100.0] * 9, "threads": [10] * 9, "files": [20] * 9, "answered": [5] * 9,
            "p50": [0.1] * 9, "p99": [0.2] * 9} | changes  # fmt: skip
    return [Sample(**{key: values[i] for key, values in flat.items()}) for i in range(9)]  # type: ignore[arg-type, index]


def test_a_sample_is_of_what_the_process_holds_and_was_answered() -> None:
    sampler = Sampler(os.getpid())
    sampler.latencies += [0.3, 0.1, 0.2]
    sampler.sample()
    sampler.sample()
    first, second = sampler.samples
    assert (first.answered, first.p50, first.p99) == (3, 0.2, 0.3)
    assert (second.answered, second.p50) == (0, 0.0)
    assert first.mib > 10
    assert first.threads >= threading.active_count()
    assert first.files > 2
    assert sampler.as_json()[0]["mib"] == first.mib


def test_an_open_file_is_counted() -> None:
    before = count(os.getpid(), "fd")
    with open(os.devnull), open(os.devnull):  # noqa: PTH123
        assert count(os.getpid(), "fd") == before + 2


def test_what_is_flat_has_not_grown() -> None:
    assert growth(samples()) == []
    assert growth(samples(mib=[10.0, 20.0, 30.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0])) == []  # at the start


@pytest.mark.parametrize(("key", "most"), [("mib", 64), ("threads", 2), ("files", 16)])
def test_what_grows_from_the_middle_third_to_the_last_is_told(key: str, most: int) -> None:
    grown = samples(**{key: [50] * 6 + [50 + most + 1] * 3})
    assert thirds(grown, key) == (50, 50 + most + 1)
    assert growth(grown) == [f"{key} grew from 50 in the middle third to {50 + most + 1} in the last"]


def test_the_percentile_of_nothing_is_what_one_says() -> None:
    assert (percentile([], 0.5), percentile([], 0.5, 0.0)) == (float("inf"), 0.0)
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 3.0


def test_a_long_run_has_no_more_samples_than_a_plot_can_show() -> None:
    assert interval(60.0) == 1.0
    assert 1800.0 / interval(1800.0) <= MOST
