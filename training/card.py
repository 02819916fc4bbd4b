"""The model card: what a bundle is, for a person (after Mitchell 2019)."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from bundle.manifest import Manifest, Measure
from training.recipe import Recipe, load_recipe, recipe_names
from training.run import Run


def model_card(run: Run, manifest: Manifest, parities: Mapping[str, object], heldout: Path | None, last: bool) -> str:
    """The card as Markdown: data and licence, recipe and command, measures, limits."""
    image, data = manifest.image, manifest.data
    return f"""# {manifest.name}, version {manifest.version}

A generator of {image.width} × {image.height} px images with {image.channels} channels, from latents of
{manifest.latent_dim} numbers, trained by Figment. `samples.png` shows the seeds 0 … 63.

## Data

{data.count:,} images of "{data.name}" ({data.digest}).

- Licence: {data.license}
- Attribution: {data.attribution}

Pictures that this model draws carry the same attribution.

## How it was made

Recipe `{manifest.recipe}`, {_seen(run, manifest)}; `manifest.json` holds every setting. To make it again:

    {command(run)}
    {export_command(run, manifest, heldout, last)}

Floating-point sums differ between machines, so another machine's weights are alike, not equal.

## Measures

{_measures(manifest)}

What is served, compared with the trained generator: {"; ".join(f"{what}: {p}" for what, p in parities.items())}.

## Limits

It draws what its data shows, no more; rare parts of the data are drawn rarely or not at all, and some images
are broken.
"""


def _seen(run: Run, manifest: Manifest) -> str:
    seen, asked = manifest.images_seen, run.settings.images
    return f"{seen:,} images seen" + (f" of the {asked:,} it was to see" if seen < asked else "")


def command(run: Run) -> str:
    """The command that began the run, with every setting in which its recipe differs from the shipped one.

    A recipe that is not shipped is named as the copy in the run's folder.
    """
    settings = run.settings
    shipped = settings.recipe.name in recipe_names()
    words = ["python", "-m", "training", "fit", "--data", relative(Path(settings.source))]
    words += ["--recipe", settings.recipe.name if shipped else relative(run.path / "recipe.toml")]
    base = load_recipe(settings.recipe.name if shipped else str(run.path / "recipe.toml"))
    for key, value in changed(settings.recipe, base).items():
        words += ["--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    words += ["--resolution", str(settings.resolution), "--channels", str(settings.channels)]
    if settings.labels:
        words += ["--labels", settings.labels]
    words += (
        ["--heldout", relative(Path(settings.heldout))] if settings.heldout else ["--holdout", f"{settings.holdout:g}"]
    )
    words += ["--every", str(settings.every)] if settings.every else []
    if settings.on_trouble != "rollback":
        words += ["--on-trouble", settings.on_trouble]
    words += ["--images", str(settings.images), "--seed", str(settings.seed), "--name", settings.name]
    words += ["--license", settings.license, "--attribution", settings.attribution]
    return shlex.join(words)


def export_command(run: Run, manifest: Manifest, heldout: Path | None, last: bool) -> str:
    """The command that wrote the bundle."""
    words = ["python", "-m", "training", "export", relative(run.path), "--name", manifest.name]
    words += ["--heldout", relative(heldout)] if heldout else []
    return shlex.join([*words, "--last"] if last else words)


def relative(path: Path) -> str:
    """A path as seen from here: a card is read on other machines."""
    return Path(os.path.relpath(path)).as_posix()


def changed(recipe: Recipe, base: Recipe) -> dict[str, object]:
    """The settings that differ from another recipe, as dotted keys."""
    before = flat(base.model_dump())
    return {key: value for key, value in flat(recipe.model_dump()).items() if before.get(key) != value}


def flat(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """A nested table as dotted keys."""
    result: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def _measures(manifest: Manifest) -> str:
    if not manifest.measures:
        return "None were taken: `export --heldout` takes images that were not trained on."
    rows = [
        f"| {name} | {m.value:.4g} | {_interval(m)} | {_floor(m.floor)} | {m.about} |"
        for name, m in manifest.measures.items()
    ]
    heading = "| measure | value | 95 % interval | real against real | what it is |"
    return "\n".join([heading, "|---|---|---|---|---|", *rows])


def _interval(measure: Measure) -> str:
    return "–" if measure.low is None or measure.high is None else f"{measure.low:.4g} … {measure.high:.4g}"


def _floor(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
