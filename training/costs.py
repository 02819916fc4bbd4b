"""What a recipe's step costs beside another's: measured here, or once and kept in `recipes/costs.json`."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.budget import resized
from training.probe import Clock, Timing, time_recipe
from training.recipe import FOLDER, Recipe, RecipeError, load_recipe

FILE: Final = FOLDER / "costs.json"
WIDTH, BATCH, RESOLUTION, CHANNELS = 32, 16, 64, 3
"""Of what is timed: small, so that all recipes take minutes; px; RGB."""
MEASURING: Final = 3.0
"""Seconds of measuring a recipe."""
UNIT: Final = "ns"
"""The recipe whose step is 1."""

Timer = Callable[[Recipe], Timing]


class Cost(BaseModel):
    """What one recipe's step takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(gt=0)
    """Of a step: `n_critic` of the discriminator and one of the generator."""
    images_per_second: float = Field(gt=0)
    """Real images that the discriminator sees."""


class Costs(BaseModel):
    """Costs of several recipes on one machine; `machine` and `command` say how to have them again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    command: str
    clock: Literal["CPU time", "wall time"]
    resolution: int
    width: int
    batch_size: int
    recipes: dict[str, Cost]

    def step(self, name: str) -> float | None:
        """A recipe's step over one of `ns`, or None where it was not measured."""
        return self.recipes[name].seconds / self.recipes[UNIT].seconds if self._has(name) else None

    def image(self, name: str) -> float | None:
        """The same of a real image that the discriminator sees: what `--images` counts."""
        if not self._has(name):
            return None
        return self.recipes[UNIT].images_per_second / self.recipes[name].images_per_second

    def _has(self, name: str) -> bool:
        return name in self.recipes and UNIT in self.recipes


def read_costs(path: Path = FILE) -> Costs:
    """The costs that come with Figment.

    Raises:
        RecipeError: the file is missing or damaged.
    """
    try:
        return Costs.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RecipeError(f"{path} cannot be read: {error}") from error


def write_costs(path: Path, costs: Costs) -> None:
    """Write costs, beside and then in place."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(costs.model_dump(), indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def measure_costs(names: Iterable[str], timer: Timer) -> Iterator[tuple[str, Cost]]:
    """Time recipes one after another, each at the same width and batch, without augmentation."""
    for name in names:
        recipe = resized(load_recipe(name, ["augment=none", f"batch_size={BATCH}"]), WIDTH, None)
        seconds = timer(recipe).step
        yield name, Cost(seconds=seconds, images_per_second=recipe.images_per_step / seconds)


def small_timer(clock: Clock) -> Timer:
    """Times a recipe on this machine by a clock."""

    def timer(recipe: Recipe) -> Timing:
        return time_recipe(recipe, RESOLUTION, CHANNELS, measuring=MEASURING, clock=clock)

    return timer
