from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from training.cli import main
from training.dataset import load_images
from training.recipe import Recipe
from training.run import Run, RunSettings, create_run
from training.sheet import write_sheet


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(tmp_path: Path, cache: Path, pictures: Path, small_recipe: Callable[..., Recipe]) -> Run:
    data = load_images(pictures, 32, 3, cache)
    settings = RunSettings(
        recipe=small_recipe(), resolution=32, channels=3, images=4000, seed=0, source=str(pictures),
        cache=str(cache), name="colours", license="CC0", attribution="nobody",
        count=data.facts.count, digest=data.facts.digest, started=datetime(2026, 1, 2, tzinfo=UTC), holdout=0.25,
    )  # fmt: skip
    made = create_run(tmp_path / "runs", settings)
    write_sheet(made.samples / "000000400.png", np.asarray(data.images)[np.arange(64) % 20])
    return made


def change(run: Run, **settings: object) -> None:
    (run.path / "run.json").write_text(run.settings.model_copy(update=settings).model_dump_json())


def test_the_report_of_a_run_is_written_and_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path)]) == 0
    assert capsys.readouterr().out.strip() == str(run.path / "report.html")
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "15 training images" in page  # the quarter that is held out is not searched
    assert "5 held-out images" in " ".join(page.split())


def test_images_of_their_own_may_give_the_scale(run: Run, tmp_path: Path, make_pictures: Callable[..., Path]) -> None:
    change(run, heldout=str(make_pictures(tmp_path / "other", 7, seed=3)))
    assert main(["report", str(run.path), "--out", str(tmp_path / "page.html")]) == 0
    page = " ".join((tmp_path / "page.html").read_text(encoding="utf-8").split())
    assert "7 held-out images" in page
    assert "20 training images" in page


@pytest.mark.parametrize(("settings", "reason"), [({"source": "gone"}, "gone"), ({"digest": "sha256:1"}, "changed")])
def test_without_the_images_of_the_run_there_is_a_report_without_neighbours(
    run: Run, capsys: pytest.CaptureFixture[str], settings: dict[str, str], reason: str
) -> None:
    change(run, **settings)
    assert main(["report", str(run.path)]) == 0
    said = capsys.readouterr().err
    assert "left out, the nearest training images" in said
    assert reason in said
    assert "Nearest training images" not in (run.path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 1
    assert "is no run" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_an_error(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path), "--out", str(run.path / "missing" / "page.html")]) == 1
    assert "No such file" in capsys.readouterr().err
