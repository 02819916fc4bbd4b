"""What is no generator is refused with the reason; what is ambiguous is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from bundle.store import Bundle
from tests.training.importing.foreign import LATENT_DIM, Raw, save
from training.importing.probing import likely_range
from training.importing.questions import Refused

pytestmark = pytest.mark.tensorflow

Bring = Callable[..., Bundle]


def normalised(z: tf.Tensor) -> tf.Tensor:
    """What batch norm in training does: the mean of the batch goes into every row."""
    return z - tf.reduce_mean(z, axis=0, keepdims=True)


NO_GENERATORS: dict[str, tuple[Raw, Callable[[Raw, tf.Tensor], tf.Tensor], str]] = {
    "not finite": (Raw(), lambda raw, z: raw.draw(z) / 0.0, "not finite"),
    "constant": (Raw(), lambda raw, z: raw.draw(z) * 0.0 + 0.5, "0.5 everywhere"),
    "one image": (Raw(), lambda raw, z: raw.draw(z * 0.0 + 0.3), "same image for every latent"),
    "noise": (Raw(), lambda raw, z: raw.draw(z + tf.random.normal(tf.shape(z))), "random noise inside"),
    "batch norm": (Raw(), lambda raw, z: raw.draw(normalised(z)), "other latents of its batch"),
    "two channels": (Raw((8, 8, 2)), lambda raw, z: raw.draw(z), "number of channels: 1, 3 or 4"),
    "half the rows": (Raw(), lambda raw, z: raw.draw(z)[: tf.shape(z)[0] // 2], "32 latents give 16 images"),
    "one batch size": (Raw(), lambda raw, z: raw.draw(z + tf.zeros([32, LATENT_DIM])), "1 latents give 32 images"),
    "size": (
        Raw((16, 8, 3)),
        lambda raw, z: raw.draw(z)[:, : 8 + tf.cast(tf.abs(z[0, 0]) > 1.0, tf.int32)],
        "size of its images changes",
    ),
}


@pytest.mark.parametrize("case", NO_GENERATORS)
def test_what_is_no_generator_is_refused(tmp_path: Path, bring: Bring, case: str) -> None:
    raw, draw, reason = NO_GENERATORS[case]
    path = save(tmp_path / "foreign", raw, draw=lambda z: draw(raw, z))
    with pytest.raises(Refused, match=reason):
        bring(path)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(("shape", "layout"), [((4, 8, 3), "nhwc"), ((4, 8, 3), "nchw"), ((3, 3, 3), "nhwc")])
def test_either_side_could_be_the_channels(
    tmp_path: Path, bring: Bring, shape: tuple[int, int, int], layout: str
) -> None:
    path = save(tmp_path / "foreign", Raw(shape))
    with pytest.raises(Refused, match="either side could be the channels; say it with --layout nhwc or nchw"):
        bring(path)
    image = bring(path, layout=layout).manifest.image
    assert image.channels == (shape[2] if layout == "nhwc" else shape[0])


def test_a_layout_that_cannot_be_is_refused(tmp_path: Path, bring: Bring) -> None:
    with pytest.raises(Refused, match="--layout nchw cannot be: one image is"):
        bring(save(tmp_path / "foreign", Raw((8, 8, 3))), layout="nchw")


@pytest.mark.parametrize("scale", [0.1, 1.5])
def test_a_range_that_fits_nothing_is_asked(tmp_path: Path, bring: Bring, scale: float) -> None:
    path = save(tmp_path / "foreign", Raw(head=lambda x: tf.tanh(x) * scale))
    with pytest.raises(Refused, match=r"the values of 256 images lie in \[-.*say it with --range -1..1 or 0..1 or"):
        bring(path)
    assert bring(path, range="-1..1").manifest.settings["range"] == "-1..1"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (-1.0, 1.0, "-1..1"), (-0.93, 0.88, "-1..1"), (-1.0005, 1.0, "-1..1"), (0.0, 1.0, "0..1"), (0.05, 0.97, "0..1"),
        (0.0, 255.0, "0..255"), (3.0, 251.0, "0..255"), (-1.2, 1.2, None), (0.4, 0.9, None), (0.0, 0.3, None),
        (-0.1, 0.9, None), (0.0, 2.0, None), (100.0, 200.0, None), (-255.0, 255.0, None), (0.0, 300.0, None),
    ],
)  # fmt: skip
def test_the_range_that_values_speak_for(low: float, high: float, found: str | None) -> None:
    assert likely_range(low, high) == found


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_wins_over_what_is_likely(tmp_path: Path, bring: Bring, seed: int) -> None:
    raw: Any = Raw(head=tf.sigmoid, seed=seed)
    bundle = bring(save(tmp_path / "foreign", raw), range="-1..1")
    z = np.float32(np.random.default_rng(seed).normal(size=(1, LATENT_DIM)))
    loaded = tf.saved_model.load(str(bundle.path)).signatures["serving_default"](latents=tf.constant(z))["images"]
    assert np.abs(loaded.numpy() - (raw.draw(z).numpy() + 1.0) * 127.5).max() <= 0.51
