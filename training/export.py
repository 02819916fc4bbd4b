"""From a run to a bundle: the averaged generator, frozen, compared with what was trained, and published."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bundle.errors import VersionExists
from bundle.latents import latents_of
from bundle.manifest import DataSet, ImageShape, Manifest, Measure
from bundle.store import EXTRA, Bundle, Store
from training.appraisal import draw
from training.card import model_card
from training.checkpoints import Checkpoints
from training.dataset import hold_out, load_images
from training.frozen import FrozenGenerator
from training.gan import Gan
from training.loop import gan_of
from training.measures import measure_all
from training.parity import IMAGES, Parity, compare, load_signature
from training.run import Run
from training.sheet import sheet_latents, write_sheet
from training.software import software
from training.source import DataError


class ExportFailed(Exception):
    """The bundle was not written; says why."""


def export(
    run: Run, models: Path, name: str, version: int | None, heldout: Path | None = None, last: bool = False
) -> Bundle:
    """Publish the averaged generator of a run as `models/name/version`.

    Args:
        run: the run.
        models: the store.
        name: the model's name.
        version: its number; None for one above the highest.
        heldout: images of the same kind that were not trained on, to measure against; None for no measures.
        last: whether to take the last state instead of the one that was nearest to the held-out images.

    Raises:
        ExportFailed: the SavedModel does not draw what the trained generator draws, or `heldout` is too few.
        RunError: the run has no checkpoint, or its images have changed since.
        BundleError: the version exists.
    """
    if version in Store(models).versions(name):
        raise VersionExists(f"{models / name / str(version)} exists; a published version is never overwritten")
    gan, step = restored(run, last)
    frozen = FrozenGenerator(gan.ema)
    parities = {"frozen": check_parity(gan, frozen.serving_default, "frozen generator")}
    measures = _measured(run, gan, heldout)

    def write(folder: Path, number: int) -> Manifest:
        try:
            frozen.save(folder)
        except tf.errors.OpError as error:
            raise ExportFailed(f"the bundle cannot be written to {models}: {error.message}") from error
        parities["SavedModel"] = check_parity(gan, load_signature(folder), "SavedModel")
        (folder / EXTRA).mkdir()
        write_sheet(folder / EXTRA / "samples.png", gan.sample(sheet_latents(gan.latent_dim)))
        manifest = _manifest(run, gan, name, number, step, measures)
        card = model_card(run, manifest, parities, heldout, last)
        (folder / EXTRA / "MODEL_CARD.md").write_text(card, encoding="utf-8")
        return manifest

    bundle = Store(models).publish(name, version, write)
    check_parity(gan, load_signature(bundle.path), "bundle")
    return bundle


def restored(run: Run, last: bool = False) -> tuple[Gan, int]:
    """A run's networks and the step they are of: the state that was the best by the held-out measures, or the last.

    Raises:
        RunError: there is no checkpoint, or none can be read.
    """
    gan = gan_of(run)
    folder = run.checkpoints if last or not (run.best / "checkpoint").exists() else run.best
    return gan, Checkpoints(gan, folder).restore()


def check_parity(gan: Gan, generate: tf.types.experimental.GenericFunction, what: str) -> Parity:
    """Compare what the trained generator draws, run eagerly, with what `generate` draws.

    Raises:
        ExportFailed: they differ by more than rounding.
    """
    latents = latents_of(range(IMAGES), gan.latent_dim)
    parity = compare(gan.sample(latents), generate(tf.constant(latents))["images"].numpy())
    if not parity.is_rounding:
        raise ExportFailed(f"the {what} does not draw what the trained generator draws: {parity}")
    return parity


def _measured(run: Run, gan: Gan, heldout: Path | None) -> dict[str, Measure]:
    if heldout is None:
        return {}
    settings = run.settings
    held = load_images(heldout, settings.resolution, settings.channels, Path(settings.cache))
    if held.facts.digest == settings.pixels:
        raise ExportFailed(f"{heldout} is what the run was trained on; measures need held-out images")
    real = held.images
    try:
        return measure_all(np.asarray(real), draw(gan, max(1, len(real) // 2)), _trained_on(run))
    except ValueError as error:
        raise ExportFailed(f"{heldout} cannot be measured against: {error}") from error


def _trained_on(run: Run) -> NDArray[np.uint8] | None:
    """The images of a run's data, or None where they are gone: without them nothing is said of memorisation."""
    settings = run.settings
    try:
        data = load_images(Path(settings.source), settings.resolution, settings.channels, Path(settings.cache))
    except DataError:
        return None
    run.check_unchanged(data)
    return np.asarray((hold_out(data, settings.holdout)[0] if settings.holdout else data).images)


def _manifest(run: Run, gan: Gan, name: str, version: int, step: int, measures: dict[str, Measure]) -> Manifest:
    settings = run.settings
    recipe = settings.recipe
    return Manifest(
        name=name,
        version=version,
        latent_dim=gan.latent_dim,
        class_names=settings.class_names,
        class_shares=settings.class_shares,
        image=ImageShape(height=settings.resolution, width=settings.resolution, channels=settings.channels),  # type: ignore[arg-type]
        files={},
        data=DataSet(
            name=settings.name,
            digest=settings.pixels or settings.digest,
            count=settings.count,
            license=settings.license,
            attribution=settings.attribution,
        ),
        recipe=recipe.name,
        settings=recipe.model_dump() | {"images": settings.images, "seed": settings.seed},
        images_seen=step * recipe.images_per_step,
        measures=measures,
        software=software(),
        created=datetime.now(UTC).replace(microsecond=0),
    )
