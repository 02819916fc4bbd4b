from pathlib import Path

import pytest

from training.costs import BATCH, FILE, WIDTH, Cost, Costs, measure_costs, read_costs, write_costs
from training.probe import Timing
from training.recipe import Recipe, RecipeError, recipe_names


@pytest.fixture
def costs() -> Costs:
    return Costs(
        machine="some", command="some", clock="CPU time", resolution=64, width=32, batch_size=32,
        recipes={
            "ns": Cost(seconds=0.5, images_per_second=64), "wgan-gp": Cost(seconds=2.0, images_per_second=80),
        },
    )  # fmt: skip


def test_a_cost_is_beside_that_of_ns(costs: Costs) -> None:
    assert (costs.step("ns"), costs.image("ns")) == (1.0, 1.0)
    assert (costs.step("wgan-gp"), costs.image("wgan-gp")) == (4.0, 0.8)
    assert (costs.step("mine"), costs.image("mine")) == (None, None)


def test_without_ns_there_is_no_unit(costs: Costs) -> None:
    alone = costs.model_copy(update={"recipes": {"wgan-gp": costs.recipes["wgan-gp"]}})
    assert (alone.step("wgan-gp"), alone.image("wgan-gp")) == (None, None)


def test_costs_are_read_as_they_were_written(tmp_path: Path, costs: Costs) -> None:
    write_costs(tmp_path / "costs.json", costs)
    assert read_costs(tmp_path / "costs.json") == costs
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"recipes": {"ns": {"seconds": 0}}}'])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "costs.json").write_bytes(content)
    with pytest.raises(RecipeError, match=r"costs\.json cannot be read"):
        read_costs(tmp_path / "costs.json")


def test_all_recipes_are_timed_alike_and_as_they_are() -> None:
    timed: list[Recipe] = []

    def timer(recipe: Recipe) -> Timing:
        timed.append(recipe)
        return Timing(0.25 * recipe.n_critic, 1.0, 2.0)

    found = dict(measure_costs(recipe_names(), timer))
    assert list(found) == recipe_names()
    assert {(r.generator.width, r.discriminator.width, r.batch_size, r.augment) for r in timed} == {
        (WIDTH, WIDTH, BATCH, "none")
    }  # fmt: skip
    assert {r.name: r.n_critic for r in timed}["wgan-gp"] == 5
    assert all(cost.images_per_second == BATCH / 0.25 for cost in found.values())


def test_every_recipe_that_comes_has_a_cost() -> None:
    costs = read_costs(FILE)
    assert set(costs.recipes) == set(recipe_names())
    assert costs.step("ns") == 1.0
    assert all(1 <= (costs.step(name) or 0) < 20 for name in ("wgan", "wgan-gp", "r3"))
