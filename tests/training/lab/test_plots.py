from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from training.lab.divergences import compute
from training.lab.mixtures import mixture
from training.lab.modes import Clouds
from training.lab.plots import animate, plot_divergences, plot_modes
from training.lab.results import plain


def test_divergences(tmp_path: Path) -> None:
    path = tmp_path / "d.svg"
    plot_divergences(plain(compute([0.0, 0.5, 1.5])), path)
    first = path.read_bytes()
    assert ElementTree.fromstring(first).tag.endswith("svg")
    plot_divergences(plain(compute([0.0, 0.5, 1.5])), path)
    assert path.read_bytes() == first


def test_modes(tmp_path: Path) -> None:
    row = {"modes": {"mean": 6.0, "error": 0.5}, "high_quality": {"mean": 0.5, "error": 0.1}}
    results = {name: {"modes": modes, "rows": {"r3": row}} for name, modes in (("ring", 8), ("grid", 25))}
    plot_modes(results, tmp_path / "m.svg")
    assert ElementTree.fromstring((tmp_path / "m.svg").read_bytes()).tag.endswith("svg")


@pytest.mark.parametrize("count", [1, 6])
def test_animation(tmp_path: Path, count: int) -> None:
    target = mixture("ring")
    clouds = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
    clouds[1, 0] = np.nan
    animate({f"row{i}": Clouds(clouds, np.arange(3)) for i in range(count)}, target, tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 3
