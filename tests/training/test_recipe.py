from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.recipe import FOLDER, Recipe, RecipeError, load_recipe, parse_recipe, recipe_file, recipe_names

RECIPES = ["ns", "wgan-gp"]


def test_the_recipes_are_listed_in_order() -> None:
    assert recipe_names() == RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_loads_and_is_named_like_its_file(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about.endswith((".", "goes."))
    assert load_recipe(str(FOLDER / f"{name}.toml")) == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_being_written_and_read(name: str) -> None:
    recipe = load_recipe(name)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_recipe("ns").batch_size = 3


@pytest.mark.parametrize("name", ["", "nss", "NS", "../ns", "ns.json", "missing.toml"])
def test_an_unknown_recipe_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(RecipeError, match=r"there are ns, wgan-gp, or name a \.toml file"):
        load_recipe(name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"name = ", "cannot be read"), (b"\xff\xfe", "cannot be read"), (b"", "generator: Field required")],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(RecipeError, match=reason):
        load_recipe(str(tmp_path / "mine.toml"))


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("override", "value", "read"),
    [
        ("batch_size=16", 16, lambda r: r.batch_size),
        (" generator.width = 32 ", 32, lambda r: r.generator.width),
        ("generator.optimizer.learning_rate=1e-3", 1e-3, lambda r: r.generator.optimizer.learning_rate),
        ("discriminator.norm=layer", "layer", lambda r: r.discriminator.norm),
        ('discriminator.norm="layer"', "layer", lambda r: r.discriminator.norm),
        ("flip=true", True, lambda r: r.flip),
        ("about=a = b", "a = b", lambda r: r.about),
        ("regulariser.weight=0", 0.0, lambda r: r.regulariser.weight),
    ],
)
def test_a_setting_can_be_overridden(override: str, value: object, read: Callable[[Recipe], object]) -> None:
    assert read(load_recipe("ns", [override])) == value


def test_of_two_overrides_the_later_one_counts() -> None:
    assert load_recipe("ns", ["batch_size=16", "latent_dim=9", "batch_size=24"]).batch_size == 24


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("batch_size", "--set takes key=value"),
        ("", "--set takes key=value"),
        ("colour=blue", "no setting 'colour'"),
        ("width=32", "no setting 'width'"),
        ("generator.depth=3", "no setting 'generator.depth'"),
        ("encoder.width=3", "no setting 'encoder.width'"),
        ("batch_size.x=3", "no setting 'batch_size.x'"),
        (".=3", "no setting '.'"),
        ("=3", "no setting ''"),
        ("batch_size=many", "batch_size: Input should be a valid integer"),
        ("batch_size=64.5", "batch_size: Input should be a valid integer"),
        ("batch_size=1", "batch_size: Input should be greater than or equal to 2"),
        ("batch_size=[64]", "batch_size: Input should be a valid integer"),
        ("generator=32", "generator: Input should be a valid dictionary"),
        ("generator.width=3", "generator.width: Input should be greater than or equal to 4"),
        ("generator.norm=layer", "generator.norm: Input should be 'batch' or 'none'"),
        ("generator.optimizer.learning_rate=0", "learning_rate: Input should be greater than 0"),
        ("generator.optimizer.beta_1=1.0", "beta_1: Input should be less than 1"),
        ("regulariser.weight=nan", "regulariser.weight: Input should be a finite number"),
        ("regulariser.weight=-1", "regulariser.weight: Input should be greater than or equal to 0"),
        ("regulariser.every=0", "regulariser.every: Input should be greater than or equal to 1"),
        ("decay_from=1.5", "decay_from: Input should be less than or equal to 1"),
        ("flip=perhaps", "flip: Input should be a valid boolean"),
        ("loss=hinge", "loss: Input should be 'non-saturating' or 'wasserstein'"),
        ("name=../../x", "name: String should match pattern"),
        ("name=", "name: String should match pattern"),
    ],
)
def test_a_wrong_override_is_refused_and_named(override: str, reason: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        load_recipe("ns", [override])
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "overrides", "reason"),
    [
        ("wgan-gp", ["discriminator.norm=batch"], "batch norm in a critic under a gradient penalty"),
        ("wgan-gp", ["discriminator.minibatch_stddev=8"], "minibatch_stddev makes a score depend on other samples"),
        ("wgan-gp", ["regulariser.kind=none"], "a Wasserstein critic must be kept 1-Lipschitz"),
        ("wgan-gp", ["regulariser.kind=r1"], "a Wasserstein critic must be kept 1-Lipschitz"),
        ("ns", ["loss=wasserstein"], "a Wasserstein critic must be kept 1-Lipschitz"),
        ("ns", ["batch_size=12"], "batch_size 12 is not a multiple of minibatch_stddev 8"),
        ("ns", ["regulariser.kind=gradient-penalty"], "minibatch_stddev makes a score depend on other samples"),
    ],
)
def test_what_is_known_to_be_wrong_is_refused_with_the_reason(name: str, overrides: list[str], reason: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        load_recipe(name, overrides)
    assert str(refusal.value).startswith(reason)  # the reason alone, not "Value error, …"


@pytest.mark.parametrize(
    "overrides",
    [
        ["regulariser.kind=none"],
        ["batch_size=12", "discriminator.minibatch_stddev=0"],
        ["regulariser.kind=gradient-penalty", "discriminator.minibatch_stddev=0"],
        ["discriminator.norm=batch"],
    ],
)
def test_what_is_only_unusual_is_taken(overrides: list[str]) -> None:
    assert load_recipe("ns", overrides).name == "ns"


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(RecipeError) as refusal:
        load_recipe("ns", ["batch_size=0", "generator.width=0", "flip=perhaps"])
    assert [part.split(":")[0] for part in str(refusal.value).split("; ")] == ["batch_size", "flip", "generator.width"]


def test_an_unknown_field_of_a_file_is_refused() -> None:
    with pytest.raises(RecipeError, match="colour: Extra inputs"):
        parse_recipe(load_recipe("ns").model_dump() | {"colour": "blue"})


@pytest.mark.parametrize(("name", "path"), [("ns", FOLDER / "ns.toml"), ("a/b.toml", Path("a/b.toml"))])
def test_a_recipe_is_a_name_or_a_path(name: str, path: Path) -> None:
    assert recipe_file(name) == path
