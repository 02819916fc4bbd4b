from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundle.manifest import Measure
from training.compare.plan import Comparison, Conditions, Entry
from training.recipe import Recipe
from training.run import Run, RunSettings, create_run

KEYS = ("swd_mean", "colour", "precision", "recall", "coverage")


@pytest.fixture
def conditions() -> Conditions:
    return Conditions(
        data="/data/faces.zip", resolution=32, channels=3, labels=None, classes=None, holdout=0.05, heldout=None,
        settings=("generator.width=4",), images=200, budget=None,
    )  # fmt: skip


@pytest.fixture
def comparison(conditions: Conditions) -> Comparison:
    return Comparison(conditions=conditions, images={"ns": 200, "wgan": 200})


@pytest.fixture
def done() -> Callable[..., Entry]:
    """An entry that is done, whose measures are all `value`."""

    def make(recipe: str, seed: int, value: float = 1.0, **more: object) -> Entry:
        measures = {key: Measure(value=value, floor=0.5, about=key) for key in (*KEYS, "hair_covered")}
        given = {"status": "done", "run": None, "cpu_seconds": 60.0, "images": 200, "images_per_second": 50.0}
        return Entry.model_validate({"recipe": recipe, "seed": seed, "measures": measures, **given, **more})

    return make


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """A run's folder without a state."""

    def make(out: Path, recipe: Recipe, seed: int = 0, images: int = 200) -> Run:
        return create_run(
            out,
            RunSettings(
                recipe=recipe.for_count(20), resolution=32, channels=3, images=images, seed=seed, source="x", cache="y",
                name="faces", license="", attribution="", count=20, digest="", started=datetime.now(UTC),
            ),
        )  # fmt: skip

    return make


@pytest.fixture
def make_tiles() -> Callable[..., NDArray[np.uint8]]:
    def make(count: int, level: int, channels: int = 3, side: int = 32) -> NDArray[np.uint8]:
        return np.full((count, side, side, channels), level, np.uint8)

    return make
