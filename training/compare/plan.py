"""What is compared and what came of it: `compare.json`, from which a comparison goes on where it stopped."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bundle.manifest import Measure
from training.errors import Failed
from training.recipe import Recipe, load_recipe
from training.run import first_complaint

FILE: Final = "compare.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Conditions(_Part):
    """What is the same for all runs of a comparison."""

    data: str
    """The path of the images, as are `heldout`'s."""
    resolution: int
    channels: int
    labels: str | None
    """What the generators are conditional on."""
    classes: str | None
    """The label whose classes are counted in what is drawn; no network is told it."""
    holdout: float
    heldout: str | None
    settings: tuple[str, ...]
    """Overrides of every recipe, "key=value"."""
    images: int | None
    """That every discriminator sees; None for an equal time."""
    budget: float | None
    """Seconds of each run's steps: CPU time of all threads, on a GPU wall time; None for equally many images."""


class Entry(_Part):
    """One run: a recipe and a seed, and what came of it.

    `status`: "stopped" is to go on, "failed" is not if it began. `reason` says why it failed. `cpu_seconds` is of the
    whole process, with its start, its measures and its report.
    """

    recipe: str
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    status: Literal["stopped", "done", "failed"]
    run: str | None
    """The run's folder, seen from that of the comparison; None where there is none."""
    reason: str = ""
    cpu_seconds: float = 0.0
    images: int = 0
    images_per_second: float | None = None
    troubles: tuple[str, ...] = ()
    measures: dict[str, Measure] = {}

    @property
    def again(self) -> bool:
        """Whether the same command trains it once more: it was stopped, or failed before it began."""
        return self.status == "stopped" or (self.status == "failed" and self.run is None)


class Comparison(_Part):
    """A whole comparison."""

    conditions: Conditions
    images: dict[str, int]
    """How many images each recipe's runs see: decided before the first of them."""
    entries: tuple[Entry, ...] = ()

    def entry(self, recipe: str, seed: int) -> Entry | None:
        """That of a recipe and a seed, or None where it was not begun."""
        return next((e for e in self.entries if (e.recipe, e.seed) == (recipe, seed)), None)

    def of(self, recipe: str) -> list[Entry]:
        """All entries of a recipe."""
        return [entry for entry in self.entries if entry.recipe == recipe]

    def with_entry(self, entry: Entry) -> "Comparison":
        """With an entry in place of the one of its recipe and seed."""
        others = [e for e in self.entries if (e.recipe, e.seed) != (entry.recipe, entry.seed)]
        return self.model_copy(update={"entries": (*others, entry)})

    def with_images(self, recipe: str, images: int) -> "Comparison":
        """With the length of a recipe's runs."""
        return self.model_copy(update={"images": self.images | {recipe: images}})

    def load(self, recipe: str) -> Recipe:
        """A recipe under the comparison's settings."""
        return load_recipe(recipe, list(self.conditions.settings))


def title(recipe: str) -> str:
    """A recipe as a table calls it: its name, or the name of its file."""
    return Path(recipe).stem if recipe.endswith(".toml") else recipe


def open_comparison(out: Path, conditions: Conditions) -> Comparison:
    """The comparison of a folder, or a new one where there is none.

    Raises:
        Failed: the folder holds a comparison under other conditions, or one that cannot be read.
    """
    file = out / FILE
    try:
        found = Comparison.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Comparison(conditions=conditions, images={})
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        raise Failed(f"{file} cannot be read: {first_complaint(error)}") from error
    before, now = found.conditions.model_dump(), conditions.model_dump()
    other = [f"{key} {before[key]!r} there, {now[key]!r} here" for key in now if before[key] != now[key]]
    if other:
        raise Failed(f"{out} holds a comparison under other conditions: {'; '.join(other)}; take another --out")
    return found


def write_comparison(out: Path, comparison: Comparison) -> None:
    """Write `compare.json`, beside and then in place."""
    out.mkdir(parents=True, exist_ok=True)
    beside = out / f"{FILE}.part"
    beside.write_text(comparison.model_dump_json(indent=2) + "\n", encoding="utf-8")
    beside.replace(out / FILE)
