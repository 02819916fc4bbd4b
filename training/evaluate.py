"""A generator against held-out images: all measures of a bundle, or of a run's best state."""

import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bundle.latents import latents_of
from bundle.manifest import Measure
from bundle.seeds import consecutive_seeds
from bundle.store import MANIFEST, open_bundle
from training.appraisal import FIRST_SEED
from training.dataset import ImageSet, hold_out, load_images
from training.errors import Failed
from training.export import restored
from training.measures import measure_all
from training.measures.classes import class_measures
from training.measures.classifier import cached_classifier
from training.measures.inception import Inception
from training.measures.inception import fid as fid_of
from training.parity import load_signature
from training.run import Run, open_run

AT_ONCE: Final = 64
"""Images drawn in one batch."""

CACHE: Final = Path("runs/cache")

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]
Note = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Generator:
    """What is evaluated.

    `draw`: latents float32 [n, latent_dim] → uint8 [n, resolution, resolution, channels]; `name` says what it is, and
    `digest` which, where it is a bundle; `data_digest` is that of the images it was trained on.
    """

    name: str
    digest: str | None
    data_digest: str | None
    resolution: int
    channels: int
    latent_dim: int
    draw: Callable[[Floats], Images]

    def images(self, count: int) -> Images:
        """Images of `count` seeds from 2³¹ on, far from those that are looked at during a training."""
        seeds = list(consecutive_seeds(FIRST_SEED, count))
        batches = [seeds[i : i + AT_ONCE] for i in range(0, count, AT_ONCE)]
        return np.concatenate([self.draw(latents_of(batch, self.latent_dim)) for batch in batches])


@dataclass(frozen=True)
class Evaluation:
    """Measures, and of what: everything that is needed to take them again."""

    generator: str
    digest: str | None
    resolution: int
    channels: int
    heldout: dict[str, Any]
    train: dict[str, Any] | None
    generated: int
    seed: int
    seconds: float
    measures: dict[str, Measure]

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        facts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        facts["measures"] = {key: measure.model_dump() for key, measure in self.measures.items()}
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(facts, indent=2) + "\n")
            Path(name).chmod(0o644)
            Path(name).rename(path)
        finally:
            Path(name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Request:
    """What to evaluate, and against what.

    `data`: held-out images; None for those that the run itself holds out. `train`: the images that were trained on, for
    memorisation and labels; None for the run's own. `count`: generated images; None for as many as are held out.
    `labels`: keys of the training images' labels. `inception`: the weights' file, for FID. `cache`: of
    decoded images and classifiers; None for the run's, or runs/cache.
    """

    path: Path
    data: Path | None = None
    train: Path | None = None
    count: int | None = None
    labels: Sequence[str] = ()
    inception: Path | None = None
    cache: Path | None = None
    seed: int = 0


def evaluate(request: Request, note: Note = lambda text: None) -> Evaluation:
    """Take all measures.

    Args:
        request: what is asked for.
        note: called with what begins now, for a person who waits.

    Raises:
        Failed: the path is neither a bundle nor a run, or the images cannot be measured; says why.
        DataError: images that cannot be read.
        BundleError: the bundle is not good.
        RunError: the run is not good.
    """
    began = time.monotonic()
    run = open_run(request.path) if (request.path / "run.json").exists() else None
    if request.cache is None:
        request = dataclasses.replace(request, cache=Path(run.settings.cache) if run else CACHE)
    generator = open_generator(request.path, run)
    heldout, train = _data(request, generator, run)
    weights = request.inception
    inception = None if weights is None else _refusing(lambda: Inception(weights))
    real = np.asarray(heldout.images[:])
    count = request.count or len(real)
    note(f"drawing {count:,} images")
    fake = generator.images(count)
    note(f"measuring against {len(real):,} held-out images")
    known = None if train is None else np.asarray(train.images[:])
    measures = _refusing(lambda: measure_all(real, fake, known, request.seed))
    for key in request.labels:
        note(f"classes of {key!r}")
        measures |= _classes(request, generator, run, key, real, fake)
    if inception is not None:
        note("FID")
        measures |= _refusing(lambda: fid_of(inception, real, fake, known, request.seed))
    return Evaluation(
        generator.name, generator.digest, generator.resolution, generator.channels, _facts(heldout),
        None if train is None else _facts(train), count, request.seed, round(time.monotonic() - began, 1), measures,
    )  # fmt: skip


def open_generator(path: Path, run: Run | None = None) -> Generator:
    """The generator of a bundle's folder, or a run's averaged one in its best state.

    Raises:
        Failed: the folder is neither.
        BundleError: the bundle is not good.
        RunError: the run has no state that can be read.
    """
    if run is not None:
        gan, step = restored(run)
        settings = run.settings
        return Generator(
            f"{path.resolve().name}, step {step}", None, settings.pixels, settings.resolution, settings.channels,
            gan.latent_dim, gan.sample,
        )  # fmt: skip
    if not (path / MANIFEST).exists():
        raise Failed(
            f"{path} is neither a bundle (a folder such as models/faces/1) nor a run (such as runs/00000-faces-ns)"
        )
    bundle = open_bundle(path.resolve())
    manifest, signature = bundle.manifest, load_signature(bundle.path)
    image = manifest.image
    if image.height != image.width:
        raise Failed(f"{path} draws {image.width} × {image.height} pixels; squares alone can be measured")
    return Generator(
        f"{manifest.name}/{manifest.version}", bundle.digest, manifest.data.digest, image.height, image.channels,
        manifest.latent_dim, lambda latents: signature(tf.constant(latents))["images"].numpy(),
    )  # fmt: skip


def _data(request: Request, generator: Generator, run: Run | None) -> tuple[ImageSet, ImageSet | None]:
    """The held-out images, and those that were trained on if they are known."""
    known = _training_images(request, generator, run)
    if request.data is not None:
        heldout = _load(request, generator, request.data)
        if heldout.facts.digest == generator.data_digest:
            raise Failed(f"{request.data} is what {generator.name} was trained on; measures need held-out images")
        return heldout, known
    if run is not None and run.settings.heldout is not None:
        return _load(request, generator, Path(run.settings.heldout)), known
    if run is not None and run.settings.holdout and request.train is None:
        whole = _source(request, generator, run)
        return hold_out(whole, run.settings.holdout)[1], known
    raise Failed(f"{request.path} says of no held-out images; give some with --data")


def _training_images(
    request: Request, generator: Generator, run: Run | None, labels: str | None = None
) -> ImageSet | None:
    if request.train is not None:
        return _load(request, generator, request.train, labels)
    if run is None:
        return None
    whole = _source(request, generator, run, labels)
    return hold_out(whole, run.settings.holdout)[0] if run.settings.holdout else whole


def _source(request: Request, generator: Generator, run: Run, labels: str | None = None) -> ImageSet:
    """What the run was begun with, the held-out part included."""
    whole = _load(request, generator, Path(run.settings.source), labels)
    if labels in (None, run.settings.labels):
        run.check_unchanged(whole)
    return whole


def _load(request: Request, generator: Generator, path: Path, labels: str | None = None) -> ImageSet:
    return load_images(path, generator.resolution, generator.channels, request.cache or CACHE, labels=labels)


def _classes(
    request: Request, generator: Generator, run: Run | None, key: str, real: Images, fake: Images
) -> dict[str, Measure]:
    train = _training_images(request, generator, run, key)
    if train is None or train.labels is None:
        raise Failed("--labels needs the labelled images that were trained on; give them with --train")
    images, labels, names = np.asarray(train.images[:]), train.labels, train.class_names
    cache, digest = request.cache or CACHE, train.digest
    classifier = _refusing(lambda: cached_classifier(cache, images, labels, names, digest, key))
    expected = (np.bincount(labels, minlength=len(names)) / len(labels)).astype(np.float32)
    of_real, of_fake = (classifier.probabilities(some) for some in (real, fake))
    return class_measures(key, names, classifier.accuracy, expected, of_real, of_fake, request.seed)


def _facts(data: ImageSet) -> dict[str, Any]:
    return {"source": data.facts.source, "digest": data.facts.digest, "count": len(data)}


def _refusing(take: Callable[[], T]) -> T:
    """What `take` answers; what it cannot measure is an error for a person."""
    try:
        return take()
    except ValueError as error:
        raise Failed(f"it cannot be measured: {error}") from error
