from collections.abc import Callable
from pathlib import Path

import pytest

from training.report.record import read_record
from training.run import Run


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines))


def test_a_run_with_nothing_yet_is_an_empty_record(new_run: Callable[..., Run]) -> None:
    record = read_record(new_run())
    assert (record.points, record.happenings, record.measures, record.best_images) == ((), (), {}, None)
    assert (record.images, record.last_written, record.seconds_at(5)) == (0, None, None)


def test_lines_are_points_and_happenings(new_run: Callable[..., Run]) -> None:
    run = new_run()
    write(
        run.log_file,
        '{"step": 1, "images": 4, "loss_d": 1.5, "images_per_second": 2}',
        '{"step": 1, "images": 4, "event": "collapse", "text": "all alike"}',
        '{"step": 2, "images": 8, "loss_d": 1.25, "images_per_second": 4}',
    )
    record = read_record(run)
    assert [point["loss_d"] for point in record.points] == [1.5, 1.25]
    assert [(h.images, h.kind, h.text) for h in record.happenings] == [(4, "collapse", "all alike")]
    assert record.images == 8
    assert list(record.seconds) == [2.0, 3.0]
    assert record.seconds_at(6) == 2.5
    assert record.last_written is not None


@pytest.mark.parametrize(
    "line",
    ["", "{", '{"step": 88', "[]", "7", "null", '{"step": 9}', '{"images": "8"}', '{"images": true}', '{"images": NaN}',
     "\x00\x01", "[" * 5000, '{"images": 1' + "0" * 400 + "}"],
)  # fmt: skip
def test_lines_that_make_no_sense_are_left_out(new_run: Callable[..., Run], line: str) -> None:
    run = new_run()
    write(run.log_file, '{"images": 4, "loss_d": 1}', line, '{"images": 8, "loss_d": 2}', line)
    write(run.path / "measures.jsonl", line, '{"images": 4, "values": {"swd": {"value": 3}}}', line)
    write(run.path / "best.json", line)
    record = read_record(run)
    assert [point["loss_d"] for point in record.points] == [1, 2]
    assert [taken.value for taken in record.measures["swd"]] == [3]
    assert record.best_images is None


def test_values_that_are_no_finite_numbers_are_left_out(new_run: Callable[..., Run]) -> None:
    run = new_run()
    write(run.log_file, '{"images": 4, "loss_d": NaN, "loss_g": -Infinity, "r1": "x", "score_real": 2, "flag": true}')
    assert read_record(run).points == ({"images": 4.0, "score_real": 2.0},)


def test_what_a_run_that_fell_back_had_seen_later_is_dropped(new_run: Callable[..., Run]) -> None:
    run = new_run()
    write(run.log_file, *(f'{{"images": {images}, "loss_d": {i}}}' for i, images in enumerate([4, 8, 12, 8, 12, 16])))
    assert [point["loss_d"] for point in read_record(run).points] == [0, 3, 4, 5]


@pytest.mark.parametrize("values", ["7", "[]", '{"swd": 7}', '{"swd": {}}', '{"swd": {"value": null}}'])
def test_measures_without_values_are_left_out(new_run: Callable[..., Run], values: str) -> None:
    run = new_run()
    write(run.path / "measures.jsonl", f'{{"images": 4, "values": {values}}}')
    assert read_record(run).measures == {}


def test_measures_keep_floor_interval_and_meaning(new_run: Callable[..., Run]) -> None:
    run = new_run()
    entry = '{"value": 14.5, "floor": 3.5, "low": 12, "high": 16, "about": "what it is"}'
    write(run.path / "measures.jsonl", f'{{"images": 400, "values": {{"swd": {entry}}}}}')
    write(run.path / "best.json", '{"images": 400, "distance": 14.5}')
    record = read_record(run)
    [taken] = record.measures["swd"]
    assert (taken.value, taken.floor, taken.low, taken.high, taken.about) == (14.5, 3.5, 12, 16, "what it is")
    assert (record.best_images, record.images) == (400, 400)
