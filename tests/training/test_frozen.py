"""The frozen generator draws what the Keras model draws, batch norm and all."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.frozen import FrozenGenerator, folded_layers
from training.gan import to_uint8
from training.networks import build_generator
from training.recipe import GeneratorSettings, Optimizer

pytestmark = pytest.mark.tensorflow

ADAM = Optimizer(learning_rate=1e-4, beta_1=0.5, beta_2=0.9)


def generator(norm: str, resolution: int, channels: int, seed: int) -> keras.Model:
    """A generator whose batch-norm statistics are not the initial ones."""
    keras.utils.set_random_seed(seed)
    settings = GeneratorSettings(width=4, norm=norm, optimizer=ADAM)
    model = build_generator(settings, 16, resolution, channels)
    random = np.random.default_rng(seed)
    model.set_weights([w + random.uniform(0.1, 0.5, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize(("resolution", "channels", "seed"), [(32, 3, 0), (64, 1, 1), (128, 4, 2)])
def test_pixels_agree_to_rounding(norm: str, resolution: int, channels: int, seed: int, tmp_path: Path) -> None:
    model = generator(norm, resolution, channels, seed)
    latents = np.random.default_rng(seed).standard_normal((8, 16)).astype(np.float32)
    trained = to_uint8(model(latents, training=False)).numpy().astype(int)
    frozen = FrozenGenerator(model)
    assert np.abs(frozen.serving_default(tf.constant(latents))["images"].numpy() - trained).max() <= 1
    frozen.save(tmp_path / "saved")
    signature = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    images = signature(latents=tf.constant(latents))["images"].numpy()
    assert images.dtype == np.uint8
    assert images.shape == (8, resolution, resolution, channels)
    assert np.abs(images - trained).max() <= 1


def test_the_signature_has_stable_names(tmp_path: Path) -> None:
    FrozenGenerator(generator("batch", 32, 3, 0)).save(tmp_path)
    signature = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert list(signature.structured_input_signature[1]) == ["latents"]
    assert list(signature.structured_outputs) == ["images"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_folding_leaves_one_layer_for_each_with_a_norm(seed: int) -> None:
    model = generator("batch", 32, 3, seed)
    kernels = [kernel.shape for kernel, _ in folded_layers(model)]
    assert kernels == [(16, 4 * 4 * 16), (4, 4, 8, 16), (4, 4, 4, 8), (4, 4, 3, 4)]
