from pathlib import Path

import pytest

from training.cli import main
from training.commands import recipes
from training.costs import Cost, Costs, read_costs
from training.recipe import load_recipe, recipe_names


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Costs:
    """Instead of minutes of timing."""
    made = Costs(
        machine="this one", command="python -m training recipes --measure", clock="CPU time", resolution=64, width=32,
        batch_size=32,
        recipes={name: Cost(seconds=1.0 + i, images_per_second=100 + i) for i, name in enumerate(recipe_names())},
    )  # fmt: skip
    monkeypatch.setattr(recipes, "_measured", lambda: made)
    return made


def cells(text: str) -> dict[str, list[str]]:
    """The table's cells by the recipe's name."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    return {row[0]: row for row in rows if row[0]}


def test_every_recipe_is_listed_with_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    text = capsys.readouterr().out
    rows, costs = cells(text), read_costs()
    assert list(rows) == recipe_names()
    for name, row in rows.items():
        recipe = load_recipe(name)
        assert recipe.about.startswith(row[1][:30])
        assert row[3:6] == [str(recipe.n_critic), f"{costs.step(name):.1f}", f"{costs.image(name):.1f}"]
    assert (rows["hinge"][2], rows["wgan"][2], rows["ns"][4]) == ("spectral", "clipped, batch", "1.0")
    assert costs.machine in " ".join(text.split())
    assert costs.command in " ".join(text.split())


def test_what_is_measured_here_is_shown_with_its_speed(
    capsys: pytest.CaptureFixture[str], measured: Costs, tmp_path: Path
) -> None:
    out = tmp_path / "costs.json"
    assert main(["recipes", "--measure", "--out", str(out)]) == 0
    rows = cells(capsys.readouterr().out)
    assert rows["hinge"][6] == "100"
    assert read_costs(out) == measured


def test_a_recipe_without_a_cost_is_listed_all_the_same(
    capsys: pytest.CaptureFixture[str], measured: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = measured.model_copy(update={"recipes": {"ns": measured.recipes["ns"]}})
    monkeypatch.setattr("training.costs.read_costs", lambda: alone)
    assert main(["recipes"]) == 0
    rows = cells(capsys.readouterr().out)
    assert (rows["ns"][4], rows["wgan"][4]) == ("1.0", "–")
