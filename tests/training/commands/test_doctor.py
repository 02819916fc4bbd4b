import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from training.commands import doctor
from training.doctor import Findings
from training.source import DataError


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    doctor.add(parser)
    options = parser.parse_args([str(argument) for argument in arguments])
    status: int = options.run(options)
    return status


def test_it_prints_what_it_finds(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pictures, "--out", tmp_path) == 0
    text = capsys.readouterr().out
    assert f"source             {pictures}" in text
    assert "images             20 of 20 files" in text
    assert "20 images are few" in text
    assert list((tmp_path / "cache").glob("*.npy"))


def test_json_goes_to_standard_output_alone(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pictures, "--out", tmp_path, "--json", "-", "--resolution", "32", "--channels", "1") == 0
    found = Findings.model_validate_json(capsys.readouterr().out)
    assert (found.images, found.resolution, found.channels) == (20, 32, 1)


def test_json_and_html_are_written_beside_the_text(
    make_pictures: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_pictures(tmp_path / "data", 4)
    (folder / "caf\udce9.png").write_bytes(b"")
    outputs = tmp_path / "doctor.json", tmp_path / "doctor.html"
    assert run(folder, "--out", tmp_path, "--json", outputs[0], "--html", outputs[1]) == 0
    assert json.loads(outputs[0].read_bytes())["unreadable"] == [{"name": "caf\udce9.png", "reason": "empty"}]
    assert outputs[1].read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "images             4 of 5 files" in capsys.readouterr().out


def test_what_cannot_be_examined_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        run(tmp_path / "nowhere", "--out", tmp_path)
