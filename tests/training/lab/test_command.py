from pathlib import Path

import pytest
from PIL import Image

from training.cli import main
from training.lab.results import read, read_clouds

pytestmark = pytest.mark.tensorflow


def test_divergences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "divergences", "--out", str(tmp_path)]) == 0
    assert read(tmp_path)["divergences"]["families"]["points"][-1]["kl"] == "inf"
    assert (tmp_path / "lab-divergences.svg").exists()
    assert "∞" in capsys.readouterr().out


def test_modes_adds_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--data", "ring", "--seeds", "2", "--steps", "2", "--out", str(tmp_path)]
    assert main(["lab", "modes", "--recipes", "ns", *tiny]) == 0
    assert main(["lab", "modes", "--recipes", "hinge", *tiny]) == 0
    assert list(read(tmp_path)["modes"]["ring"]["rows"]) == ["hinge", "ns"]
    assert "hinge" in capsys.readouterr().out
    assert list(read_clouds(tmp_path, "ring", ["hinge", "nonesuch", "ns"])) == ["hinge", "ns"]
    with Image.open(tmp_path / "lab-ring.webp") as image:
        assert image.n_frames == 3
    assert (tmp_path / "lab-modes.svg").exists()


def test_tables_fill_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "divergences", "--out", str(tmp_path)]) == 0
    page = tmp_path / "lab.md"
    page.write_text(
        "".join(f"<!-- table {t} -->\n<!-- end -->\n" for t in ("points", "intervals", "normals", "floors"))
    )
    assert main(["lab", "tables", "--out", str(tmp_path)]) == 0
    assert page.read_text().count("| 0.6931 |") >= 3
    assert "filled" in capsys.readouterr().out


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "tables", "--out", str(tmp_path / "none")]) == 1
    assert "make one with `lab divergences`" in capsys.readouterr().err
    assert main(["lab", "modes", "--recipes", "nonesuch", "--out", str(tmp_path)]) == 1
    assert "no row 'nonesuch'" in capsys.readouterr().err
    for wrong in (["--seeds", "0"], ["--steps", "x"], ["--data", "line"]):
        with pytest.raises(SystemExit, match="2"):
            main(["lab", "modes", *wrong])
