from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from training.cli import main
from training.compare.plan import FILE, Comparison
from training.compare.sheet import GAP, MARGIN, SMALLEST_TILE

pytest.importorskip("tensorflow")

pytestmark = pytest.mark.tensorflow

SMALL = ["latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4"]


def test_two_recipes_are_compared_and_what_is_done_is_not_done_again(
    tmp_path: Path, make_pictures: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = make_pictures(tmp_path / "data", 120), tmp_path / "out"
    told = ["compare", "--data", str(data), "--out", str(out), "--resolution", "32", "--holdout", "0.4"]
    told += ["--recipes", "hinge", "lsgan", "--seeds", "1", "--images", "40"]
    told += [word for setting in SMALL for word in ("--set", setting)]
    assert main(told) == 0
    found = Comparison.model_validate_json((out / FILE).read_bytes())
    assert {(e.recipe, e.seed, e.status, e.images) for e in found.entries} == {
        ("hinge", 0, "done", 40), ("lsgan", 0, "done", 40)
    }  # fmt: skip
    assert all(entry.cpu_seconds > 1 and entry.measures["swd_mean"].value > 0 for entry in found.entries)
    assert len({entry.measures["swd_mean"].floor for entry in found.entries}) == 1  # the same real images
    assert "| hinge | 1 of 1 | 40 |" in (out / "compare.md").read_text()
    with Image.open(out / "compare.png") as picture:
        assert picture.height == 2 * MARGIN + 3 * (SMALLEST_TILE + GAP) - GAP
    logs = {path: path.stat().st_mtime_ns for path in (out / "logs").iterdir()}
    assert main(told) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "logs").iterdir()} == logs
    assert "lsgan" in capsys.readouterr().out
