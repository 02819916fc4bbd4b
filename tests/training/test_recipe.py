import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.recipe import (
    AUGMENT_BELOW,
    FOLDER,
    Adam,
    Recipe,
    RecipeError,
    RmsProp,
    load_recipe,
    parse_recipe,
    recipe_file,
    recipe_names,
)  # fmt: skip

RECIPES = ["hinge", "lsgan", "minimax", "ns", "r3", "wgan", "wgan-gp"]


def test_the_recipes_are_listed_in_order() -> None:
    assert recipe_names() == RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_loads_and_is_named_like_its_file(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about.endswith(".")
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
    with pytest.raises(RecipeError, match=r"there are hinge, .*, wgan, wgan-gp, or name a \.toml file"):
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
        ("discriminator.clip=0", 0.0, lambda r: r.discriminator.clip),
        ("network=resnet", "resnet", lambda r: r.network),
        ("augment=colour", "colour", lambda r: r.augment),
        ("precision=bfloat16", "bfloat16", lambda r: r.precision),
        (
            'generator.optimizer={kind = "rmsprop", learning_rate = 1e-4, rho = 0.9}',
            RmsProp(kind="rmsprop", learning_rate=1e-4, rho=0.9),
            lambda r: r.generator.optimizer,
        ),
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
        (
            "generator.optimizer.learning_rate=0",
            "generator.optimizer.adam.learning_rate: Input should be greater than 0",
        ),
        ("generator.optimizer.beta_1=1.0", "generator.optimizer.adam.beta_1: Input should be less than 1"),
        ("generator.optimizer.rho=0.9", "no setting 'generator.optimizer.rho'"),
        ("generator.optimizer.kind=sgd", "does not match any of the expected tags: 'adam', 'rmsprop'"),
        ("generator.optimizer.kind=rmsprop", "generator.optimizer.rmsprop.rho: Field required"),
        ("discriminator.clip=-0.01", "discriminator.clip: Input should be greater than or equal to 0"),
        ("discriminator.norm=instance", "discriminator.norm: Input should be 'layer', 'batch', 'spectral' or 'none'"),
        ("network=unet", "network: Input should be 'dcgan' or 'resnet'"),
        ("augment=cutout", "augment: Input should be 'auto', 'none', 'translation', 'colour' or 'translation+colour'"),
        ("precision=float64", "precision: Input should be 'float32', 'bfloat16' or 'float16'"),
        ("regulariser.weight=nan", "regulariser.weight: Input should be a finite number"),
        ("regulariser.weight=-1", "regulariser.weight: Input should be greater than or equal to 0"),
        ("regulariser.every=0", "regulariser.every: Input should be greater than or equal to 1"),
        ("decay_from=1.5", "decay_from: Input should be less than or equal to 1"),
        ("flip=perhaps", "flip: Input should be a valid boolean"),
        (
            "loss=logistic",
            "loss: Input should be 'minimax', 'non-saturating', 'least-squares', 'wasserstein', 'hinge' or",
        ),
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
        ("wgan-gp", ["regulariser.kind=none"], "a Wasserstein critic must be kept Lipschitz"),
        ("wgan-gp", ["regulariser.kind=r1"], "a Wasserstein critic must be kept Lipschitz"),
        ("wgan", ["discriminator.clip=0"], "a Wasserstein critic must be kept Lipschitz"),
        ("ns", ["loss=wasserstein"], "a Wasserstein critic must be kept Lipschitz"),
        ("ns", ["batch_size=12"], "batch_size 12 is not a multiple of minibatch_stddev 8"),
        ("ns", ["regulariser.kind=gradient-penalty"], "minibatch_stddev makes a score depend on other samples"),
        *(
            (name, ["discriminator.clip=0.01"], "discriminator.clip keeps a Wasserstein critic Lipschitz; the")
            for name in ("hinge", "lsgan", "minimax", "ns", "r3")
        ),
        ("wgan-gp", ["discriminator.clip=0.01"], "discriminator.clip beside a gradient penalty or spectral norm"),
        ("wgan", ["discriminator.norm=spectral"], "discriminator.clip beside a gradient penalty or spectral norm"),
        *(
            (name, ["network=resnet"], "the resnet discriminator has no place for batch norm")
            for name in ("lsgan", "minimax", "wgan")
        ),
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
        ["discriminator.norm=spectral", "network=resnet"],
        ["loss=wasserstein", "discriminator.norm=spectral"],
        ["loss=relativistic"],
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


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_explains_itself_with_sources(name: str) -> None:
    """A name and a year, or "Measured", in the comment of each setting by which recipes differ."""
    source = re.compile(r"[A-Z][a-z]+( & [A-Z][a-z]+)? 20\d\d|Measured")
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    assert max(len(line) for line in lines) <= 160
    comments: dict[str, str] = {}
    above = ""
    for line in lines:
        if line.startswith("#"):
            above += line
        elif "=" in line or line.startswith("["):
            setting, _, beside = line.partition("#")
            key = setting.partition("=")[0].strip()
            comments[key] = comments.get(key, "") + above + beside  # D's comments join G's of the same key
            above = "" if "=" in line else above
        else:
            above = ""
    for key in ("loss", "network", "ema_half_life", "augment", "width", "optimizer"):
        assert source.search(comments[key]), key
    for key in ("decay_from", "flip", "precision", "norm", "kind"):
        assert comments[key], key


PAPERS: dict[str, dict[str, object]] = {
    "minimax": {"loss": "minimax", "n_critic": 1, "regulariser": "none"},
    "ns": {"loss": "non-saturating", "n_critic": 1, "regulariser": "r1"},
    "lsgan": {"loss": "least-squares", "n_critic": 1, "regulariser": "none"},
    "wgan": {"loss": "wasserstein", "n_critic": 5, "regulariser": "none", "clip": 0.01},
    "wgan-gp": {"loss": "wasserstein", "n_critic": 5, "regulariser": "gradient-penalty", "weight": 10.0, "every": 1},
    "hinge": {"loss": "hinge", "n_critic": 1, "norm": "spectral", "regulariser": "none"},
    "r3": {"loss": "relativistic", "n_critic": 1, "norm": "none", "regulariser": "r1+r2"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_what_its_paper_has(name: str) -> None:
    recipe = load_recipe(name)
    found: dict[str, object] = {
        "loss": recipe.loss,
        "n_critic": recipe.n_critic,
        "norm": recipe.discriminator.norm,
        "clip": recipe.discriminator.clip,
        "regulariser": recipe.regulariser.kind,
        "weight": recipe.regulariser.weight,
        "every": recipe.regulariser.every,
    }
    assert found | {"clip": 0.0} | PAPERS[name] == found


def test_the_optimizers_of_the_papers() -> None:
    slow = RmsProp(kind="rmsprop", learning_rate=5e-5, rho=0.99)  # Arjovsky 2017, algorithm 1
    gulrajani = Adam(learning_rate=1e-4, beta_1=0.0, beta_2=0.9)  # Gulrajani 2017, algorithm 1
    miyato = Adam(learning_rate=2e-4, beta_1=0.5, beta_2=0.999)  # Miyato 2018, table 1, C; Radford 2016
    expected = {"wgan": slow, "wgan-gp": gulrajani, "hinge": miyato, "ns": miyato, "lsgan": miyato}
    for name, optimizer in expected.items():
        recipe = load_recipe(name)
        assert (recipe.generator.optimizer, recipe.discriminator.optimizer) == (optimizer, optimizer), name


def test_a_critic_under_a_gradient_penalty_has_layer_norm() -> None:
    assert load_recipe("wgan-gp").discriminator.norm == "layer"


@pytest.mark.parametrize(
    ("count", "chosen"),
    [(1, "translation+colour"), (AUGMENT_BELOW - 1, "translation+colour"), (AUGMENT_BELOW, "none"), (70_000, "none")],
)
def test_few_images_are_augmented(count: int, chosen: str) -> None:
    assert load_recipe("ns").augment == "auto"
    assert load_recipe("ns").for_count(count) == load_recipe("ns", [f"augment={chosen}"])


@pytest.mark.parametrize("decided", ["none", "translation", "colour", "translation+colour"])
def test_what_was_decided_stays_decided(decided: str) -> None:
    for count in (10, 10**6):
        assert load_recipe("hinge", [f"augment={decided}"]).for_count(count).augment == decided


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_tiny_form_for_tests(small_recipe: Callable[..., Recipe], name: str) -> None:
    assert small_recipe(name, "flip=true").name == name
    assert small_recipe(name).batch_size == 4
