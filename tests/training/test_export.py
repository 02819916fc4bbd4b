"""Export: from a run to a bundle that draws what was trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bundle.errors import VersionExists
from bundle.latents import latents_of
from bundle.store import Store
from training.card import changed, command
from training.cli import main
from training.export import ExportFailed, export
from training.recipe import load_recipe, recipe_file
from training.run import Run, RunError, open_run

pytestmark = pytest.mark.tensorflow

SMALL = "generator.width=4", "discriminator.width=4", "batch_size=8"
ATTRIBUTION = 'Noise by "Nobody", CC0'


def images(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for i in range(count):
        Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("export")
    settings = [word for setting in SMALL for word in ("--set", setting)]
    data = images(folder / "noise", 24, 0)
    status = main(
        ["fit", "--data", str(data), "--resolution", "32", "--images", "32", "--out", str(folder / "runs"), *settings,
         "--license", "CC0", "--attribution", ATTRIBUTION]
    )  # fmt: skip
    assert status == 0
    return open_run(folder / "runs/00000-noise-ns")


def test_a_bundle_says_what_it_is_and_draws(run: Run, tmp_path: Path) -> None:
    bundle = export(run, tmp_path / "models", "noise", None)
    manifest = bundle.manifest
    assert (manifest.name, manifest.version, manifest.latent_dim, manifest.images_seen) == ("noise", 1, 128, 32)
    assert (manifest.image.height, manifest.image.width, manifest.image.channels) == (32, 32, 3)
    assert (manifest.data.count, manifest.data.license, manifest.data.attribution) == (24, "CC0", ATTRIBUTION)
    signature = tf.saved_model.load(str(bundle.path)).signatures["serving_default"]
    drawn = signature(latents=tf.constant(latents_of([1, 2], 128)))["images"].numpy()
    assert drawn.shape == (2, 32, 32, 3)
    assert (bundle.path / "assets.extra/samples.png").exists()
    assert ATTRIBUTION in (bundle.path / "assets.extra/MODEL_CARD.md").read_text()


def test_versions_count_up_and_are_never_overwritten(run: Run, tmp_path: Path) -> None:
    for expected in (1, 2):
        assert export(run, tmp_path, "noise", None).manifest.version == expected
    with pytest.raises(VersionExists):
        export(run, tmp_path, "noise", 2)
    assert Store(tmp_path).versions("noise") == [1, 2]


def test_measures_come_with_a_floor(run: Run, tmp_path: Path) -> None:
    heldout = images(tmp_path / "heldout", 40, 1)
    measures = export(run, tmp_path / "models", "noise", None, heldout).manifest.measures
    assert "swd_mean" in measures
    assert all(m.floor is not None and m.about for m in measures.values())


def test_the_images_of_the_run_are_no_held_out_ones(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="trained on; measures need held-out images"):
        export(run, tmp_path / "models", "noise", None, Path(run.settings.source))
    assert not (tmp_path / "models" / "noise").exists()


def test_images_that_have_changed_since_are_refused(run: Run, tmp_path: Path) -> None:
    other = Run(run.path, run.settings.model_copy(update={"source": str(images(tmp_path / "other", 24, 5))}))
    with pytest.raises(RunError, match="not what the run began with"):
        export(other, tmp_path / "models", "noise", None, images(tmp_path / "heldout", 60, 1))


def test_the_card_repeats_the_run(run: Run) -> None:
    assert changed(run.settings.recipe, load_recipe("ns")) == {
        "generator.width": 4, "discriminator.width": 4, "batch_size": 8, "augment": "translation+colour",
    }  # fmt: skip
    assert all(f"--set {setting}" in command(run) for setting in SMALL)
    assert changed(load_recipe("wgan-gp"), load_recipe("wgan-gp")) == {}
    assert str(run.path) not in command(run)  # no path of this machine


def test_a_generator_that_draws_something_else_is_not_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.frozen.to_uint8", lambda x: tf.cast((x + 1.0) * 100.0, tf.uint8))
    with pytest.raises(ExportFailed, match="does not draw what the trained generator draws"):
        export(run, tmp_path / "models", "noise", None)
    assert not (tmp_path / "models").exists()


def test_a_run_without_a_checkpoint_is_an_error_that_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text((run.path / "run.json").read_text())
    with pytest.raises(RunError, match="checkpoint"):
        export(open_run(tmp_path), tmp_path / "models", "noise", None)


def test_the_command_reports_a_bad_name(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(run.path), "--name", "Not A Name", "--models", str(tmp_path)])
    assert "no model name" in capsys.readouterr().err


def test_a_recipe_of_ones_own_is_named_in_the_card(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(recipe_file("ns").read_text().replace('name = "ns"', 'name = "mine"'))
    data = images(tmp_path / "noise", 16, 3)
    settings = [word for setting in SMALL for word in ("--set", setting)]
    out = tmp_path / "runs"
    assert main(
        ["fit", "--data", str(data), "--recipe", str(recipe), "--resolution", "32", "--images", "16",
         "--out", str(out), *settings]
    ) == 0  # fmt: skip
    bundle = export(open_run(out / "00000-noise-mine"), tmp_path / "models", "noise", None)
    card = (bundle.path / "assets.extra/MODEL_CARD.md").read_text()
    assert "00000-noise-mine/recipe.toml --set" in card
    assert "--set generator.width=4" in card


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_held_out_images_are_an_error_that_says_so(run: Run, tmp_path: Path, count: int) -> None:
    with pytest.raises(ExportFailed, match="too few"):
        export(run, tmp_path / "models", "noise", None, images(tmp_path / "heldout", count, 1))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "one"])
def test_the_command_reports_a_bad_version(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["export", "runs/x", "--name", "noise", "--version", version])
    assert "a whole number from 1" in capsys.readouterr().err or version.startswith("-")


def test_the_manifest_is_plain_json(run: Run, tmp_path: Path) -> None:
    bundle = export(run, tmp_path, "noise", None)
    manifest = json.loads((bundle.path / "assets.extra/manifest.json").read_text())
    assert manifest["settings"]["regulariser"]["kind"] == "r1"
