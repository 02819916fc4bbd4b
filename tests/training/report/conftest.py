from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from training.recipe import Recipe
from training.run import Run, RunSettings, create_run
from training.sheet import write_sheet

SIDE = 32


@pytest.fixture
def new_run(tmp_path: Path, small_recipe: Callable[..., Recipe]) -> Callable[..., Run]:
    """A run of which nothing is there but its folder and settings; further settings by name."""

    def create(recipe: str = "ns", **settings: object) -> Run:
        known = {
            "recipe": small_recipe(recipe), "resolution": SIDE, "channels": 3, "images": 4000, "seed": 0,
            "source": str(tmp_path / "gone"), "cache": str(tmp_path / "cache"), "name": "faces", "license": "CC0",
            "attribution": "nobody", "count": 100, "digest": "sha256:0", "started": datetime(2026, 1, 2, tzinfo=UTC),
        }  # fmt: skip
        return create_run(tmp_path / "runs", RunSettings.model_validate(known | settings))

    return create


@pytest.fixture
def write_sheets() -> Callable[..., None]:
    """Sheets of noise, of so many images seen each."""

    def write(run: Run, *images: int, side: int = SIDE, channels: int = 3) -> None:
        random = np.random.default_rng(len(images))
        for seen in images:
            tiles = random.integers(0, 256, (64, side, side, channels), dtype=np.uint8)
            write_sheet(run.samples / f"{seen:09d}.png", tiles)

    return write
