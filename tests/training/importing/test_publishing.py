"""Foreign generators in every form become bundles that draw what they drew."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from bundle.errors import VersionExists
from bundle.latents import latents_of
from bundle.store import Bundle, Store
from service.engine.savedmodel import SavedModelEngine
from tests.training.importing.foreign import LATENT_DIM, SIDE, Raw, keras_generator, save
from training.importing.finding import Choices
from training.importing.publishing import Origin, import_generator, pixels
from training.importing.questions import Refused, refuse_to_guess
from training.importing.wrapping import Reading

pytestmark = pytest.mark.tensorflow

Bring = Callable[..., Bundle]
keras_saves = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # Keras itself, in saving
LATENTS = latents_of(range(5), LATENT_DIM)


def drawn(bundle: Bundle, latents: NDArray[np.float32] = LATENTS) -> NDArray[np.uint8]:
    """What the service draws, which refuses a bundle whose graph is not what its manifest says."""
    return SavedModelEngine(bundle).run(latents)


def agrees(bundle: Bundle, expected: NDArray[np.float32]) -> bool:
    """Whether the service draws these values, 0 … 255, but for rounding."""
    return np.abs(drawn(bundle).astype(np.float32) - expected).max() <= 0.51


def to_255(images: tf.Tensor) -> NDArray[np.float32]:
    return (images.numpy() + 1.0) * 127.5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_raw_generator(tmp_path: Path, bring: Bring, seed: int) -> None:
    raw = Raw(seed=seed)
    bundle = bring(save(tmp_path / "foreign", raw))
    assert agrees(bundle, to_255(raw.draw(LATENTS)))
    assert (bundle.manifest.recipe, bundle.manifest.latent_dim) == ("imported", LATENT_DIM)
    assert bundle.manifest.settings["range"] == "-1..1"
    assert bundle.manifest.settings["layout"] == "nhwc"
    assert bundle.manifest.data.count is None


@pytest.mark.parametrize(
    ("head", "name", "scale"),
    [(tf.sigmoid, "0..1", 255.0), (lambda x: tf.sigmoid(x) * 255.0, "0..255", 1.0)],
)
def test_other_ranges(tmp_path: Path, bring: Bring, head: Callable[[Any], Any], name: str, scale: float) -> None:
    raw = Raw(head=head)
    bundle = bring(save(tmp_path / "foreign", raw))
    assert bundle.manifest.settings["range"] == name
    assert agrees(bundle, raw.draw(LATENTS).numpy() * scale)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_first(tmp_path: Path, bring: Bring, channels: int) -> None:
    raw = Raw((channels, SIDE, 2 * SIDE))
    bundle = bring(save(tmp_path / "foreign", raw))
    image = bundle.manifest.image
    assert (image.height, image.width, image.channels) == (SIDE, 2 * SIDE, channels)
    assert agrees(bundle, to_255(tf.transpose(raw.draw(LATENTS), [0, 2, 3, 1])))


@pytest.mark.parametrize("latents", [(None, 1, 1, LATENT_DIM), (None, LATENT_DIM, 1, 1)])
def test_latents_as_pictures_of_one_pixel(tmp_path: Path, bring: Bring, latents: tuple[int, ...]) -> None:
    raw = Raw(latents=latents)
    assert agrees(bring(save(tmp_path / "foreign", raw)), to_255(raw.draw(LATENTS)))


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_a_fixed_batch_size(tmp_path: Path, bring: Bring, batch: int) -> None:
    raw = Raw(latents=(batch, LATENT_DIM))
    bundle = bring(save(tmp_path / "foreign", raw))
    assert bundle.manifest.settings["batch"] == batch
    assert agrees(bundle, to_255(raw.draw(LATENTS)))
    assert [len(drawn(bundle, latents_of(range(n), LATENT_DIM))) for n in (1, 2, 4, 64, 128)] == [1, 2, 4, 64, 128]


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
def test_other_floating_point_types(tmp_path: Path, bring: Bring, dtype: tf.DType) -> None:
    raw = Raw()

    def draw(z: tf.Tensor) -> tf.Tensor:
        return tf.cast(raw.draw(tf.cast(z, tf.float32)), dtype)

    bundle = bring(save(tmp_path / "foreign", raw, draw=draw, dtype=dtype))
    assert np.abs(drawn(bundle) - to_255(raw.draw(LATENTS))).max() <= (3.0 if dtype == tf.bfloat16 else 1.0)


def test_uint8_images_stay_as_they_are(tmp_path: Path, bring: Bring) -> None:
    raw = Raw(head=lambda x: tf.cast(tf.sigmoid(x) * 255.0, tf.uint8))
    assert np.array_equal(drawn(bring(save(tmp_path / "foreign", raw))), raw.draw(LATENTS).numpy())


def test_other_names_and_several_signatures(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()
    path = save(tmp_path / "foreign", raw, names=("generate", "other"))
    with pytest.raises(Refused, match=r"could be the signature: .*; say it with --signature"):
        bring(path)
    settings = bring(path, signature="generate").manifest.settings
    assert (settings["signature"], settings["input"], settings["output"]) == ("generate", "z", "output_0")


def test_inputs_beside_the_latents(tmp_path: Path, bring: Bring) -> None:
    raw = Raw()
    extra = [
        tf.TensorSpec([], tf.bool, name="training"), tf.TensorSpec([], tf.float32, name="truncation_psi"),
        tf.TensorSpec([None], tf.int32, name="labels"), tf.TensorSpec([None, 3], tf.float32, name="style"),
    ]  # fmt: skip

    def draw(z: tf.Tensor, training: tf.Tensor, psi: tf.Tensor, labels: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
        shift = tf.cast(labels, tf.float32)[:, None, None, None] / 10.0 + style[:, None, None, :]
        return tf.tanh(raw.draw(z * psi) + shift + tf.cast(training, tf.float32))

    path = save(tmp_path / "foreign", raw, extra, draw)
    with pytest.raises(Refused, match=r"could be the input: 'style'.*'z'"):
        bring(path)
    with pytest.raises(Refused, match=r"'labels', int32 \[n\].* --fix labels=VALUE"):
        bring(path, input="z", fixed={"style": "0"})
    bundle = bring(path, fixed={"labels": "2", "style": "0.1,0.2,0.3"})
    shift = np.float32([0.3, 0.4, 0.5])
    assert agrees(bundle, to_255(tf.tanh(raw.draw(LATENTS) + shift)))
    assert bundle.manifest.settings["fixed"]["labels"] == 2
    assert bundle.manifest.settings["fixed"]["training"] is False


@keras_saves
@pytest.mark.parametrize("seed", [0, 1])
def test_a_keras_export_and_keras_files(tmp_path: Path, bring: Bring, seed: int) -> None:
    model = keras_generator(seed=seed)
    expected = to_255(model(LATENTS, training=False))
    model.export(tmp_path / "exported", verbose=False)
    bundle = bring(tmp_path / "exported")
    assert agrees(bundle, expected)
    assert bundle.manifest.settings["input"] == "noise"
    model.save(tmp_path / "model.keras")
    assert agrees(bring(tmp_path / "model.keras"), expected)
    assert Store(tmp_path / "models").versions("foreign") == [1, 2]


@keras_saves
def test_an_old_keras_file(tmp_path: Path, bring: Bring) -> None:
    model = keras_generator("sigmoid")
    model.save(tmp_path / "model.h5")
    bundle = bring(tmp_path / "model.h5")
    assert agrees(bundle, model(LATENTS, training=False).numpy() * 255.0)
    assert "Keras file (.h5)" in (bundle.path / "assets.extra/MODEL_CARD.md").read_text()


def test_the_service_warms_it_and_the_card_says_what_it_is(tmp_path: Path, bring: Bring) -> None:
    bundle = bring(save(tmp_path / "foreign", Raw()))
    assert SavedModelEngine(bundle).warm(8, lambda run: run())
    card = (bundle.path / "assets.extra/MODEL_CARD.md").read_text()
    assert all(word in card for word in ("Licence: CC0", "Attribution: nobody", "faces", "not trained by Figment"))
    with Image.open(bundle.path / "assets.extra/samples.png") as sheet:
        assert sheet.size == (8 * SIDE, 8 * SIDE)


def test_a_version_is_never_overwritten(tmp_path: Path) -> None:
    path = save(tmp_path / "foreign", Raw())
    arguments = (path, tmp_path / "models", "foreign", 1, Origin("", "", ""), Choices(), refuse_to_guess)
    import_generator(*arguments)
    with pytest.raises(VersionExists):
        import_generator(*arguments)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pixels_are_rounded_and_clipped(seed: int) -> None:
    values = np.random.default_rng(seed).uniform(-2, 2, (2, 3, 4, 5)).astype(np.float32)
    images = pixels(values, Reading("nchw", "-1..1", (4, 5, 3)))
    assert images.shape == (2, 4, 5, 3)
    assert images[0, 1, 2, 0] == np.clip(round((float(values[0, 0, 1, 2]) + 1) * 127.5), 0, 255)
