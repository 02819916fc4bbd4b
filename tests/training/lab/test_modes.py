import math

import numpy as np
import pytest

from training.lab.mixtures import Coverage
from training.lab.modes import FRAMES, MEASURES, VARIANTS, frame_marks, make_row, row_names, run, summary
from training.recipe import RecipeError, recipe_names

pytestmark = pytest.mark.tensorflow


def test_rows() -> None:
    assert sorted(row_names()) == sorted([*VARIANTS, *recipe_names()])
    best = make_row("r3-blur")
    assert (best.recipe.generator.optimizer.beta_2, best.settings.blur) == (0.99, (0.2, 0.003))
    plain, packed = make_row("plain"), make_row("plain-pack2")
    assert (plain.recipe.loss, plain.recipe.regulariser.kind) == ("non-saturating", "none")
    assert plain.recipe.discriminator.minibatch_stddev == 0
    assert (plain.settings.pack, packed.settings.pack) == (1, 2)
    assert make_row("r3", 77).settings.steps == 77
    with pytest.raises(RecipeError, match="no row 'nonesuch'; there are plain"):
        make_row("nonesuch")


@pytest.mark.parametrize("steps", [1, 50, 10_000])
def test_frame_marks(steps: int) -> None:
    marks = list(frame_marks(steps))
    assert marks[0] == 0
    assert marks[-1] == steps
    assert marks == sorted(set(marks))
    assert len(marks) <= FRAMES


def test_summary() -> None:
    found = summary([1.0, 2.0, 3.0, 6.0])
    assert found["mean"] == 3.0
    assert found["error"] == pytest.approx(math.sqrt(14 / 3) / 2)  # s / √n
    assert summary([2.0]) == {"mean": 2.0, "error": 0.0, "each": [2.0]}


@pytest.mark.parametrize("data", ["ring", "grid"])
def test_run(data: str) -> None:
    reports: list[tuple[int, Coverage]] = []
    results, clouds = run(make_row("lsgan", 3), data, count=2, seed=1, report=lambda *one: reports.append(one))
    assert clouds.marks.tolist() == [steps for steps, _ in reports] == [0, 1, 2, 3]
    assert clouds.points.shape[0] == 4
    assert clouds.points.shape[2] == 2
    assert not np.array_equal(clouds.points[0], clouds.points[-1])
    assert set(MEASURES) < set(results)
    assert len(results["modes"]["each"]) == 2
    assert results["settings"]["steps"] == 3
