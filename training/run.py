"""A run: one folder that holds everything of one training, `runs/00003-adventurer-wgan-gp/`.

run.json      what was asked for: recipe with all settings, data, resolution, images, seed
recipe.toml   the recipe as it was given, with its comments
log.jsonl     and measures.jsonl, best.json, rollbacks.json: see `journal`
samples/      sheets of the same seeds as training goes on
checkpoints/  the last states, from which the run can go on
best/         the state that was nearest to the held-out images
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.recipe import Recipe
from training.watch import Policy

if TYPE_CHECKING:
    from training.dataset import ImageSet

MAX_SLUG = 60
"""Characters of the data's name in a run's folder."""


class RunError(Exception):
    """The run cannot be used: says which folder, and what is wrong with it."""


class RunSettings(BaseModel):
    """What a run was asked to do; all that `resume` and `export` need."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    resolution: Literal[32, 64, 128]
    channels: int = Field(ge=1, le=4)
    images: int = Field(ge=1)
    """How many real images the discriminator is to see, with repeats."""
    seed: int = Field(ge=0, lt=2**32)
    source: str
    cache: str
    name: str
    license: str
    attribution: str
    count: int
    digest: str
    """Of the images and the labels that are used."""
    pixels: str | None = None
    """The digest of the images alone, by which held-out ones are told from them; None in older runs."""
    every: int | None = None
    """Images between two checkpoints; None for a fortieth of the run."""
    labels: str | None = None
    """What the generator is conditional on: a key of dataset.jsonl, "folders" or "labels"; None for nothing."""
    class_names: tuple[str, ...] = ()
    class_shares: tuple[float, ...] = ()
    """The share of each class in the data."""
    holdout: float = Field(default=0.0, ge=0, le=0.5)
    """The share of the data that is not trained on but measured against."""
    heldout: str | None = None
    """Images of their own to measure against instead, where they are; None for that share of the data."""
    on_trouble: Policy = "rollback"
    started: datetime


@dataclass(frozen=True)
class Run:
    """A run's folder and what it was asked to do."""

    path: Path
    settings: RunSettings

    @property
    def samples(self) -> Path:
        """The folder of the sample sheets."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The folder of the checkpoint whose measures were the best."""
        return self.path / "best"

    @property
    def log_file(self) -> Path:
        """One JSON object a line: step, images, losses, images/s."""
        return self.path / "log.jsonl"

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on from: a run that died before its first checkpoint begins."""
        return self.last_step >= 0

    @property
    def last_step(self) -> int:
        """The step of the last whole checkpoint, or −1: TensorFlow renames its index when all else is written."""
        names = (re.fullmatch(r"ckpt-(\d+)\.index", path.name) for path in self.checkpoints.glob("ckpt-*.index"))
        return max((int(match[1]) for match in names if match), default=-1)

    def check_unchanged(self, data: "ImageSet") -> None:
        """Check that images are those that the run began with, and the labels too where they were read.

        Raises:
            RunError: they have changed.
        """
        settings = self.settings
        found, began = (data.digest, settings.digest) if settings.labels is None or data.labels is not None else (
            data.facts.digest, settings.pixels or data.facts.digest
        )  # fmt: skip
        if found != began:
            raise RunError(f"{settings.source} is not what the run began with: its images have changed")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the run from being trained by two processes at once; the lock ends with the process at the latest.

        Raises:
            RunError: another process is training it.
        """
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RunError(f"{self.path} is being trained by another process") from None
        finally:
            os.close(folder)

    def with_images(self, images: int) -> "Run":
        """The same run, to be trained to another number of images; written to its folder.

        Raises:
            RunError: it has seen more already.
        """
        seen = self.last_step * self.settings.recipe.images_per_step
        if images < seen:
            raise RunError(f"{self.path} has seen {seen:,} images already, more than {images:,}")
        changed = Run(self.path, self.settings.model_copy(update={"images": images}))
        _write_settings(changed)
        return changed


def create_run(out: Path, settings: RunSettings) -> Run:
    """Make the folder of a new run, numbered one above the highest there is."""
    out.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", settings.name.lower())[:MAX_SLUG].strip("-") or "images"
    number = 1 + max((int(p.name[:5]) for p in out.iterdir() if re.match(r"\d{5}-", p.name)), default=-1)
    run = Run(out / f"{number:05d}-{slug}-{settings.recipe.name}", settings)
    run.path.mkdir()
    run.samples.mkdir()
    _write_settings(run)
    return run


def open_run(path: Path) -> Run:
    """The run in a folder.

    Raises:
        RunError: the folder holds no run, or one that cannot be read.
    """
    try:
        settings = RunSettings.model_validate_json((path / "run.json").read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{path} is no run: it has no run.json (a run is a folder such as runs/00000-avatars-ns)"
        ) from None
    except OSError as error:
        raise RunError(f"{path / 'run.json'} cannot be read: {error}") from error
    except ValidationError as error:
        raise RunError(f"{path / 'run.json'} cannot be read: {first_complaint(error)}") from error
    return Run(path, settings)


def first_complaint(error: ValidationError) -> str:
    """The first thing that is wrong with a file, in one line."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _write_settings(run: Run) -> None:
    beside = run.path / "run.json.tmp"
    beside.write_text(run.settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    beside.rename(run.path / "run.json")
