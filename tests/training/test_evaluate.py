"""Evaluation: measures of a bundle or a run against held-out images."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bundle.errors import InvalidBundle
from bundle.manifest import DataSet, ImageShape, Manifest
from bundle.store import Store
from training.checkpoints import Checkpoints
from training.dataset import load_images
from training.errors import Failed
from training.evaluate import Request, evaluate, open_generator
from training.gan import Gan
from training.measures.classifier import cached_classifier
from training.recipe import Recipe
from training.run import Run, RunError, RunSettings, create_run
from training.source import DataError

pytestmark = pytest.mark.tensorflow

SIZE, LATENT = 32, 8


class Painter(tf.Module):
    """Draws a flat image of a colour that the latent says, striped if its first number is positive."""

    @tf.function(input_signature=[tf.TensorSpec([None, LATENT], tf.float32, name="latents")])
    def serving_default(self, latents: tf.Tensor) -> dict[str, tf.Tensor]:
        ground = tf.reshape(128 + 30 * latents[:, 1:4], [-1, 1, 1, 3])
        stripes = tf.cast(tf.range(SIZE) // 4 % 2, tf.float32)[tf.newaxis, :, tf.newaxis, tf.newaxis]
        striped = tf.cast(latents[:, :1] > 0, tf.float32)[:, :, tf.newaxis, tf.newaxis]
        images = ground + 60 * stripes * striped + tf.zeros([1, SIZE, SIZE, 1])
        return {"images": tf.cast(tf.clip_by_value(images, 0, 255), tf.uint8)}


def write_bundle(models: Path, digest: str = "sha256:" + "a" * 64, width: int = SIZE) -> Path:
    def write(folder: Path, version: int) -> Manifest:
        painter = Painter()
        tf.saved_model.save(painter, str(folder), signatures=painter.serving_default)
        (folder / "assets.extra").mkdir()
        return Manifest(
            name="stripes", version=version, latent_dim=LATENT, files={}, recipe="none", settings={}, images_seen=0,
            image=ImageShape(height=SIZE, width=width, channels=3), software={},
            created=datetime(2025, 1, 1, tzinfo=UTC),
            data=DataSet(name="stripes", digest=digest, count=1, license="CC0", attribution="nobody"),
        )  # fmt: skip

    return Store(models).publish("stripes", None, write).path


def draw_data(folder: Path, count: int, seed: int, side: int = SIZE) -> Path:
    """What a Painter draws, as files, with a label that says whether there are stripes."""
    folder.mkdir()
    latents = np.random.default_rng(seed).normal(size=(count, LATENT)).astype(np.float32)
    images = Painter().serving_default(tf.constant(latents))["images"].numpy()
    lines = []
    for i, image in enumerate(images):
        Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST).save(folder / f"{i:03d}.png")
        lines.append(json.dumps({"file": f"{i:03d}.png", "kind": "striped" if latents[i, 0] > 0 else "plain"}))
    (folder / "dataset.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluate")


@pytest.fixture(scope="module")
def bundle(place: Path) -> Path:
    return write_bundle(place / "models")


@pytest.fixture(scope="module")
def heldout(place: Path) -> Path:
    return draw_data(place / "heldout", 60, 1, 48)


@pytest.fixture(scope="module")
def train(place: Path) -> Path:
    return draw_data(place / "train", 100, 2)


@pytest.fixture
def run(place: Path, train: Path, small_recipe: Callable[..., Recipe], tmp_path: Path) -> Run:
    recipe = small_recipe()
    facts = load_images(train, SIZE, 3, place / "cache").facts
    settings = RunSettings(
        recipe=recipe, resolution=SIZE, channels=3, images=100, seed=0, source=str(train), cache=str(place / "cache"),
        name="stripes", license="CC0", attribution="nobody", count=facts.count, digest=facts.digest,
        started=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    run = create_run(tmp_path / "runs", settings)
    Checkpoints(Gan(recipe, SIZE, 3, 0), run.checkpoints).save()
    return run


def test_a_bundle_that_draws_the_data_is_measured_as_such(
    bundle: Path, heldout: Path, train: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.evaluate.cached_classifier", partial(cached_classifier, steps=80))
    found = evaluate(Request(bundle, heldout, train, labels=["kind"], count=100, cache=place / "cache"))
    assert (found.generator, found.resolution, found.generated) == ("stripes/1", SIZE, 100)
    assert found.heldout["count"] == 60
    measures = found.measures
    assert measures["distance"].value < 3 * measures["distance"].floor  # type: ignore[operator]
    assert measures["kind_covered"].value == measures["kind_covered"].floor == 2
    assert measures["kind_kl"].value < 0.1
    assert measures["memorisation"].value < 0.3
    assert measures["swd_mean"].count == 30


def test_it_is_saved_whole_and_says_of_what_it_is(bundle: Path, heldout: Path, place: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    found = evaluate(Request(bundle, heldout, cache=place / "cache", seed=5), notes.append)
    found.save(tmp_path / "measures.json")
    facts = json.loads((tmp_path / "measures.json").read_text())
    assert (facts["seed"], facts["train"], facts["generated"]) == (5, None, 60)
    assert facts["digest"].startswith("sha256:")
    assert facts["measures"]["swd_mean"]["low"] <= facts["measures"]["swd_mean"]["high"]
    assert [p.name for p in tmp_path.iterdir()] == ["measures.json"]
    assert "memorisation" not in facts["measures"]
    assert notes == ["drawing 60 images", "measuring against 60 held-out images"]


def test_a_run_is_measured_in_its_best_state_with_its_own_images(run: Run, heldout: Path) -> None:
    found = evaluate(Request(run.path, heldout, count=30))
    assert found.generator.endswith("step 0")
    assert found.train is not None
    assert found.train["count"] == 100
    assert found.measures["distance"].value > 2 * found.measures["distance"].floor  # type: ignore[operator]
    assert "memorisation" in found.measures


def test_a_run_is_measured_against_the_images_that_it_held_out(run: Run) -> None:
    split = run.settings.model_copy(update={"holdout": 0.5, "cache": run.settings.cache})
    (run.path / "run.json").write_text(split.model_dump_json())
    found = evaluate(Request(run.path, count=20, train=None))
    assert found.train is not None
    assert 40 <= found.heldout["count"] == 100 - found.train["count"]


def test_a_run_whose_images_have_changed_is_not_measured_against_a_part_of_them(run: Run, place: Path) -> None:
    other = draw_data(place / "others", 100, 9)
    changed = run.settings.model_copy(update={"holdout": 0.5, "source": str(other)})
    (run.path / "run.json").write_text(changed.model_dump_json())
    with pytest.raises(RunError, match="not what the run began with"):
        evaluate(Request(run.path, count=20, train=None))


def test_images_of_a_generator_are_those_of_its_seeds(bundle: Path) -> None:
    generator = open_generator(bundle)
    many, few = generator.images(70), generator.images(10)
    assert many.shape == (70, SIZE, SIZE, 3)
    np.testing.assert_array_equal(many[:10], few)


def test_what_cannot_be_evaluated_is_an_error_that_says_so(
    bundle: Path, heldout: Path, place: Path, tmp_path: Path
) -> None:
    cache = place / "cache"
    with pytest.raises(Failed, match="neither a bundle"):
        evaluate(Request(tmp_path, heldout, cache=cache))
    with pytest.raises(Failed, match="give some with --data"):
        evaluate(Request(bundle, cache=cache))
    with pytest.raises(DataError):
        evaluate(Request(bundle, tmp_path / "missing", cache=cache))
    with pytest.raises(Failed, match="10 real and 10 generated images are too few; at least 40 and 20"):
        evaluate(Request(bundle, draw_data(tmp_path / "few", 10, 3), cache=cache))
    with pytest.raises(Failed, match="--labels needs the labelled images"):
        evaluate(Request(bundle, heldout, labels=["kind"], cache=cache))
    (tmp_path / "weights.pb").write_text("no graph")
    with pytest.raises(Failed, match="no frozen TensorFlow graph"):
        evaluate(Request(bundle, heldout, inception=tmp_path / "weights.pb", cache=cache))


def test_the_training_images_are_no_held_out_ones(train: Path, place: Path, tmp_path: Path) -> None:
    digest = load_images(train, SIZE, 3, place / "cache").facts.digest
    trained = write_bundle(tmp_path / "models", digest)
    with pytest.raises(Failed, match="trained on; measures need held-out images"):
        evaluate(Request(trained, train, cache=place / "cache"))


def test_a_bundle_that_is_altered_or_not_square_is_refused(heldout: Path, place: Path, tmp_path: Path) -> None:
    wide = write_bundle(tmp_path / "models", width=64)
    with pytest.raises(Failed, match="64 × 32 pixels; squares alone"):
        evaluate(Request(wide, heldout, cache=place / "cache"))
    (wide / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(InvalidBundle, match="altered"):
        evaluate(Request(wide, heldout, cache=place / "cache"))
