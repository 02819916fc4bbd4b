"""Recipes: what a run does, as one commented TOML file in `training/recipes/`."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

FOLDER = Path(__file__).parent / "recipes"


class RecipeError(Exception):
    """A recipe that does not exist, does not parse, or is known to be wrong; says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Adam(_Part):
    """Adam (Kingma & Ba 2015): learning rate and the decay of the two moments."""

    kind: Literal["adam"] = "adam"
    learning_rate: float = Field(gt=0, le=1)
    beta_1: float = Field(ge=0, lt=1)
    beta_2: float = Field(ge=0, lt=1)


class RmsProp(_Part):
    """RMSprop (Tieleman & Hinton 2012): learning rate and the decay `rho` of the mean square; no momentum."""

    kind: Literal["rmsprop"]
    learning_rate: float = Field(gt=0, le=1)
    rho: float = Field(ge=0, lt=1)


Optimizer = Annotated[Adam | RmsProp, Field(discriminator="kind")]


class GeneratorSettings(_Part):
    """The generator: `width` is the channels of its last hidden layer; each layer before has twice as many."""

    width: int = Field(ge=4, le=512)
    norm: Literal["batch", "none"]
    optimizer: Optimizer


class DiscriminatorSettings(_Part):
    """The discriminator: `width` is the channels of its first layer; each layer after has twice as many.

    `norm` is of its layers: `spectral` divides each kernel by its largest singular value (Miyato 2018), the others
    normalise what the layers give. `minibatch_stddev` is the number of images whose spread it sees (Karras 2018), 0
    for none. `clip` is the bound of every weight after every step (Arjovsky 2017), 0 for none.
    """

    width: int = Field(ge=4, le=512)
    norm: Literal["layer", "batch", "spectral", "none"]
    minibatch_stddev: int = Field(ge=0, le=64)
    clip: float = Field(ge=0, le=1)
    optimizer: Optimizer


class Regulariser(_Part):
    """What keeps the discriminator smooth.

    `r1` (Mescheder 2018), `r1+r2` (the same on generated images too; Huang 2024), `gradient-penalty` (Gulrajani
    2017) or `none`. Its term is added at every `every`-th step, times `every` (lazily, as in StyleGAN 2), so
    `weight` keeps its meaning.
    """

    kind: Literal["r1", "r1+r2", "gradient-penalty", "none"]
    weight: float = Field(ge=0)
    every: int = Field(ge=1, le=64)


Loss = Literal["minimax", "non-saturating", "least-squares", "wasserstein", "hinge", "relativistic"]

Augment = Literal["auto", "none", "translation", "colour", "translation+colour"]

AUGMENT_BELOW = 30_000
"""Images: below, `augment = "auto"` augments (DiffAugment helps 10,000 images and hurts 70,000; Zhao 2020, table 5)."""


class Recipe(_Part):
    """One way to train a GAN."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    """Part of the name of a run's folder."""
    about: str
    loss: Loss
    network: Literal["dcgan", "resnet"]
    """`dcgan` (Radford 2016), or `resnet`: the residual blocks of SNGAN (Miyato 2018)."""
    latent_dim: int = Field(ge=1, le=4096)
    """Numbers of noise; a conditional generator's latent has one more for each class."""
    batch_size: int = Field(ge=2, le=4096)
    n_critic: int = Field(ge=1, le=20)
    ema_half_life: int = Field(ge=1)
    """The half-life of the averaged weights, in images."""
    decay_from: float = Field(ge=0, le=1)
    """The part of the run after which both learning rates fall linearly to zero; 1 for never."""
    flip: bool
    """Whether images are mirrored at random."""
    augment: Augment
    """What is done to real and generated images alike before the discriminator sees them (Zhao 2020)."""
    precision: Literal["float32", "bfloat16", "float16"]
    """What the networks compute in; weights, losses and optimizers stay float32 (Micikevicius 2018)."""
    generator: GeneratorSettings
    discriminator: DiscriminatorSettings
    regulariser: Regulariser

    @property
    def images_per_step(self) -> int:
        """How many real images the discriminator sees in one step."""
        return self.batch_size * self.n_critic

    def for_count(self, count: int) -> Self:
        """The recipe for so many images, with `augment = "auto"` decided."""
        if self.augment != "auto":
            return self
        chosen: Augment = "translation+colour" if count < AUGMENT_BELOW else "none"
        return self.model_copy(update={"augment": chosen})

    @model_validator(mode="after")
    def _known_to_be_wrong(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self


def _problems(recipe: Recipe) -> Iterator[str]:
    """Why a combination of settings is known to be wrong."""
    critic, penalised = recipe.discriminator, recipe.regulariser.kind == "gradient-penalty"
    if penalised and critic.norm == "batch":
        yield (
            "batch norm in a critic under a gradient penalty: the penalty is on the gradient of each sample by "
            "itself, and batch norm mixes the samples; take norm = 'layer' or 'none'"
        )
    if penalised and critic.minibatch_stddev:
        yield "minibatch_stddev makes a score depend on other samples, so a penalty per sample is wrong"
    if recipe.loss == "wasserstein" and not (penalised or critic.clip or critic.norm == "spectral"):
        yield (
            "a Wasserstein critic must be kept Lipschitz, or its loss has no bound; take the gradient penalty, "
            "discriminator.clip or discriminator.norm = 'spectral'"
        )
    if critic.clip and recipe.loss != "wasserstein":
        yield f"discriminator.clip keeps a Wasserstein critic Lipschitz; the {recipe.loss} loss has no use for it"
    if critic.clip and (penalised or critic.norm == "spectral"):
        yield "discriminator.clip beside a gradient penalty or spectral norm: one of them is enough, take clip = 0"
    if critic.minibatch_stddev and recipe.batch_size % critic.minibatch_stddev:
        yield f"batch_size {recipe.batch_size} is not a multiple of minibatch_stddev {critic.minibatch_stddev}"
    if recipe.network == "resnet" and critic.norm == "batch":
        yield "the resnet discriminator has no place for batch norm (SNGAN has none there); take 'spectral' or 'layer'"


def recipe_names() -> list[str]:
    """The names of the recipes that come with Figment, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def recipe_file(name: str) -> Path:
    """The file of a recipe that comes with Figment, or of one that is given by its path."""
    return Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """The recipe of that name, or in that TOML file, with `key=value` overrides ("generator.width=32").

    Raises:
        RecipeError: no such recipe, a setting that does not exist or is out of range, or a combination known
            to be wrong.
    """
    path = recipe_file(name)
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"no recipe {name!r}; there are {', '.join(recipe_names())}, or name a .toml file") from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read: {error}") from error
    for override in overrides or []:
        _override(settings, override)
    return parse_recipe(settings)


def parse_recipe(settings: dict[str, object]) -> Recipe:
    """The recipe of plain settings, as they stand in TOML.

    Raises:
        RecipeError: see `load_recipe`.
    """
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        found = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
        problems = [f"{place}: {reason}".lstrip(": ") for place, reason in found]
        raise RecipeError("; ".join(problems)) from None


def _override(settings: dict[str, object], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise RecipeError(f"--set takes key=value, for example generator.width=32; got {override!r}")
    *tables, last = key.strip().split(".")
    table: object = settings
    for name in tables:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict) or last not in table:
        raise RecipeError(f"there is no setting {key.strip()!r} in the recipe")
    table[last] = _value(text.strip())


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML: a word, or what Python does not take for a number
        return text
