"""From a foreign generator to a bundle."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bundle.errors import VersionExists
from bundle.latents import latents_of
from bundle.manifest import DataSet, ImageShape, Manifest
from bundle.store import EXTRA, Bundle, Store
from training.importing.card import imported_card
from training.importing.finding import Choices, Signature, find
from training.importing.opening import Foreign, opened
from training.importing.probing import probe, run
from training.importing.questions import Ask, Refused
from training.importing.wrapping import SCALES, Caller, ImportedGenerator, Reading
from training.parity import IMAGES, Parity, compare, load_signature
from training.sheet import sheet_latents, write_sheet
from training.software import software

RECIPE = "imported"


@dataclass(frozen=True)
class Origin:
    """What the person says of the data the generator was trained on."""

    data: str
    license: str
    attribution: str


def import_generator(
    path: Path,
    models: Path,
    name: str,
    version: int | None,
    origin: Origin,
    choices: Choices,
    ask: Ask,
    trust: bool = False,
) -> Bundle:
    """Publish a foreign generator as `models/name/version`.

    Args:
        path: a SavedModel folder or a Keras file.
        models: the store.
        name: the model's name.
        version: its number; None for one above the highest.
        origin: what it was trained on.
        choices: what is not to be found but was said.
        ask: is asked what cannot be found.
        trust: whether operations that reach files are accepted.

    Raises:
        Refused: it is no generator, or a question has no answer.
        BundleError: the version exists.
    """
    if version in Store(models).versions(name):
        raise VersionExists(f"{models / name / str(version)} exists; a published version is never overwritten")
    with opened(path, trust) as foreign:
        signature = find(foreign, choices, ask)
        caller = Caller(foreign.module, signature)
        reading = probe(caller, signature.latent_dim, choices, ask)
        generator = ImportedGenerator(caller, signature.latent_dim, reading)

        def write(folder: Path, number: int) -> Manifest:
            try:
                generator.save(folder)
            except tf.errors.OpError as error:
                raise Refused(f"the bundle cannot be written to {models}: {error.message}") from error
            generate = load_signature(folder)
            parity = check_parity(caller, signature.latent_dim, reading, generate)
            (folder / EXTRA).mkdir()
            sheet = generate(tf.constant(sheet_latents(signature.latent_dim)))["images"].numpy()
            write_sheet(folder / EXTRA / "samples.png", sheet)
            manifest = _manifest(name, number, foreign, signature, reading, origin)
            (folder / EXTRA / "MODEL_CARD.md").write_text(imported_card(manifest, parity), encoding="utf-8")
            return manifest

        return Store(models).publish(name, version, write)


def check_parity(caller: Caller, latent_dim: int, reading: Reading, generate: Any) -> Parity:  # noqa: ANN401
    """Compare the foreign output, made into pixels by NumPy, with what the bundle draws.

    Raises:
        Refused: they differ by more than rounding.
    """
    latents = latents_of(range(IMAGES), latent_dim)
    parity = compare(pixels(run(caller, latents), reading), generate(tf.constant(latents))["images"].numpy())
    if not parity.is_rounding:
        raise Refused(f"the bundle does not draw what the foreign generator draws: {parity}")
    return parity


def pixels(output: NDArray[Any], reading: Reading) -> NDArray[np.uint8]:
    """A foreign output as uint8 [n, height, width, channels]."""
    scale, offset = SCALES[reading.range]
    images = np.moveaxis(output, 1, -1) if reading.layout == "nchw" else output
    return np.clip(np.round(images.astype(np.float32) * scale + offset), 0, 255).astype(np.uint8)


def _manifest(
    name: str, version: int, foreign: Foreign, signature: Signature, reading: Reading, origin: Origin
) -> Manifest:
    height, width, channels = reading.shape
    return Manifest(
        name=name,
        version=version,
        latent_dim=signature.latent_dim,
        image=ImageShape(height=height, width=width, channels=channels),  # type: ignore[arg-type]
        files={},
        data=DataSet(name=origin.data, license=origin.license, attribution=origin.attribution),
        recipe=RECIPE,
        settings={
            "source": foreign.kind,
            "digest": foreign.digest,
            "signature": signature.name,
            "input": signature.input,
            "latent_shape": " × ".join(map(str, signature.latent_shape)),
            "output": signature.output,
            "layout": reading.layout,
            "range": reading.range,
            "batch": signature.batch,
            "fixed": {name: value.tolist() for name, value in signature.fixed.items()},
        },
        images_seen=0,
        software=software(),
        created=datetime.now(UTC).replace(microsecond=0),
    )
