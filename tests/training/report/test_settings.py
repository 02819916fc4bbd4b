from collections.abc import Callable

from pydantic import BaseModel

from training.recipe import Recipe
from training.report.settings import Group, docstrings, groups
from training.run import Run


def rows(found: tuple[Group, ...]) -> dict[str, tuple[str, str]]:
    return {row.key: (row.value, row.about) for group in found for row in group.rows}


def test_every_setting_of_the_recipe_is_shown(new_run: Callable[..., Run]) -> None:
    run = new_run()

    def keys(part: BaseModel, prefix: str = "") -> set[str]:
        nested = {name: value for name, value in part if isinstance(value, BaseModel)}
        below = set().union(*(keys(value, f"{prefix}{name}.") for name, value in nested.items()))
        return below | {prefix + name for name, _ in part if name not in nested}

    shown = rows(groups(run.settings))
    assert keys(run.settings.recipe) - {"about"} <= shown.keys()
    assert {"resolution", "images", "seed"} <= shown.keys()
    assert shown["generator.width"][0] == "4"
    assert shown["generator.optimizer.learning_rate"][0] == "0.0002"


def test_a_setting_says_what_its_docstring_says(new_run: Callable[..., Run]) -> None:
    shown = rows(groups(new_run().settings))
    assert shown["decay_from"][1].startswith("The part of the run after which")
    assert "Adam" in shown["generator.optimizer.beta_1"][1]  # the part's own, where a setting has none
    assert docstrings(Recipe)["flip"] == "Whether images are mirrored at random."


def test_where_files_lie_is_not_shown(new_run: Callable[..., Run]) -> None:
    assert not {"source", "cache"} & rows(groups(new_run().settings)).keys()


def test_a_class_without_source_has_no_docstrings() -> None:
    made = type("Made", (BaseModel,), {"__module__": "nowhere"})
    assert docstrings(made) == {}
