"""Which modes of a mixture each recipe finds: repetitions, measures, and clouds of samples on the way."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.lab.mixtures import EVALUATED, Coverage, coverage, mixture
from training.recipe import Recipe, RecipeError, load_recipe, recipe_names

if TYPE_CHECKING:
    from training.lab.trainer import Settings

MEASURES = ("modes", "held", "high_quality", "reverse_kl")
"""The fields of `Coverage`, in the order of the tables."""

FRAMES = 48
"""Clouds of a run, one for each frame of its animation."""

CLOUD = 500
"""Points of a cloud."""

PLAIN = ("discriminator.minibatch_stddev=0", 'regulariser.kind="none"')
"""Takes from `ns` what keeps it from losing modes: what is left is the GAN of the published rows."""

BEST = tuple(
    f"{who}.optimizer.beta_{k}={beta}" for who in ("generator", "discriminator") for k, beta in ((1, 0.5), (2, 0.99))
)
"""Moments of longer memory than `r3` has."""

VARIANTS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "plain": ("ns", PLAIN, {}),
    "plain-pack2": ("ns", PLAIN, {"pack": 2}),
    "r3-blur": ("r3", BEST, {"blur": (0.2, 0.003), "smoothing": (0.03, 1e-5), "rate": 40.0, "steps": 12_000}),
}
"""Rows beside the recipes: the recipe, its overrides, and the lab's settings that are not as for all."""

PUBLISHED = {
    "GAN": {"ring": 6.3, "grid": 17.3},
    "ALI": {"ring": 6.6, "grid": 24.1},
    "PacGAN2": {"ring": 7.9, "grid": 23.8},
    "PacGAN4": {"ring": 7.8, "grid": 24.8},
}
"""Mean modes of ten trials as published (PacGAN: Lin et al. 2018, table 1; ALI: Dumoulin et al. 2017, run by them)."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table: a recipe as the lab runs it."""

    name: str
    recipe: Recipe
    settings: "Settings"


@dataclasses.dataclass(frozen=True)
class Clouds:
    """What the first repetition draws on its way.

    Attributes:
        points: float32 [frames, points, 2], in the mixture's unit.
        marks: int64 [frames], steps of the generator.
    """

    points: NDArray[np.float32]
    marks: NDArray[np.int64]


def row_names() -> list[str]:
    """All rows there are: plain ones, the recipes, the best."""
    best = "r3-blur"
    return [*[name for name in VARIANTS if name != best], *recipe_names(), best]


def make_row(name: str, steps: int | None = None) -> Row:
    """The row of that name.

    Raises:
        RecipeError: there is none.
    """
    from training.lab.trainer import Settings

    if name not in row_names():
        raise RecipeError(f"the lab has no row {name!r}; there are {', '.join(row_names())}")
    recipe, overrides, own = VARIANTS.get(name, (name, (), {}))
    settings = dataclasses.replace(Settings(), **(own if steps is None else own | {"steps": steps}))
    return Row(name, load_recipe(recipe, list(overrides)), settings)


def run(
    row: Row, data: str, count: int, seed: int, report: Callable[[int, Coverage], None]
) -> tuple[dict[str, Any], Clouds]:
    """Train `count` repetitions of a row on a mixture, and measure them.

    Args:
        report: called at every frame with the steps made and the first repetition's measures.

    Returns:
        Plain numbers and names for the results file, and the clouds.
    """
    from training.lab.trainer import Repetitions

    began, target = time.monotonic(), mixture(data)
    repetitions = Repetitions(row.recipe, target, row.settings, count, seed)
    marks, clouds = list(frame_marks(row.settings.steps)), []
    for mark in repetitions.train(marks):
        drawn = repetitions.samples(EVALUATED)
        clouds.append(drawn[0, :CLOUD])
        report(mark, coverage(drawn[0], target))
    each = [coverage(points, target) for points in repetitions.samples(EVALUATED)]
    results = {
        "recipe": row.recipe.name,
        "settings": dataclasses.asdict(row.settings),
        "seconds": round(time.monotonic() - began, 1),
        **{name: summary([float(getattr(one, name)) for one in each]) for name in MEASURES},
    }
    return results, Clouds(np.stack(clouds), np.array(marks))


def frame_marks(steps: int) -> Iterator[int]:
    """The steps at which clouds are kept: from 0 to the end, close together at first, as most happens there."""
    return iter(sorted({round(steps * (i / (FRAMES - 1)) ** 2) for i in range(FRAMES)}))


def summary(values: list[float]) -> dict[str, Any]:
    """Mean, standard error of the mean (0 for one value) and the values themselves."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "error": error, "each": values}
