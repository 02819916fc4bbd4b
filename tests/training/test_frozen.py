"""The frozen generator draws what the Keras model draws, batch norm, classes and all."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from bundle.classes import class_of, with_class
from service.engine.checks import read_graph
from service.engine.tails import narrowest
from training.frozen import FrozenGenerator, folded_layers, residual_layers
from training.gan import to_uint8
from training.networks import build_generator
from training.recipe import Recipe

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
Pixels = NDArray[np.int_]
SHARES = (0.5, 0.3, 0.2)
NOISE = 8


def generator(recipe: Recipe, resolution: int, channels: int, seed: int, shares: tuple[float, ...] = ()) -> keras.Model:
    """A generator whose norms and biases are not the initial ones, and whose pixels are neither black nor white."""
    keras.utils.set_random_seed(seed)
    model = build_generator(recipe, resolution, channels, shares)
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(weight * (4.0 if recipe.network == "dcgan" else 1.0))  # Radford's are small at first
        else:
            spread = (-0.2, 0.4) if weight.name in ("gamma", "moving_variance") else (-0.2, 0.2)
            weight.assign(weight + random.uniform(*spread, weight.shape).astype(np.float32))
    last = model.layers[-2]
    before_tanh = keras.Model(model.input, last.output)(latents_of(seed, 4, shares), training=False)
    last.kernel.assign(last.kernel * (0.8 / tf.sqrt(tf.reduce_mean(before_tanh**2))))
    return model


def latents_of(seed: int, count: int, shares: tuple[float, ...] = ()) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, len(shares) + NOISE)).astype(np.float32)


def trained_pixels(model: keras.Model, latents: NDArray[np.float32]) -> Pixels:
    pixels: Pixels = to_uint8(model(latents, training=False)).numpy().astype(int)
    assert pixels.std() > 5  # there is something to compare
    assert ((pixels > 0) & (pixels < 255)).mean() > 0.2
    return pixels


@pytest.mark.parametrize(
    ("network", "norm", "resolution", "channels", "shares", "seed"),
    [
        ("dcgan", "batch", 32, 3, (), 0),
        ("dcgan", "none", 64, 1, (), 1),
        ("dcgan", "batch", 128, 4, SHARES, 2),
        ("dcgan", "none", 32, 3, SHARES, 3),
        ("resnet", "batch", 32, 3, (), 4),
        ("resnet", "none", 64, 4, (), 5),
        ("resnet", "batch", 64, 1, SHARES, 6),
        ("resnet", "none", 32, 3, SHARES, 7),
        ("resnet", "batch", 128, 3, (), 8),
    ],
)
def test_pixels_agree_to_rounding(
    small_recipe: Small, network: str, norm: str, resolution: int, channels: int,
    shares: tuple[float, ...], seed: int, tmp_path: Path,
) -> None:  # fmt: skip
    recipe = small_recipe("ns", f"network={network}", f"generator.norm={norm}")
    model = generator(recipe, resolution, channels, seed, shares)
    latents = latents_of(seed, 6, shares)
    trained = trained_pixels(model, latents)
    frozen = FrozenGenerator(model)
    assert (frozen.latent_dim, frozen.class_shares) == (len(shares) + NOISE, shares)
    assert np.abs(frozen.serving_default(tf.constant(latents))["images"].numpy() - trained).max() <= 1
    frozen.save(tmp_path / "saved")
    assert narrowest(read_graph(tmp_path / "saved")) is None  # the service can use small batches to their last row
    signatures = tf.saved_model.load(str(tmp_path / "saved")).signatures
    assert sorted(signatures) == (["labelled", "serving_default"] if shares else ["serving_default"])
    images = signatures["serving_default"](latents=tf.constant(latents))["images"].numpy()
    assert (images.dtype, images.shape) == (np.uint8, (6, resolution, resolution, channels))
    assert np.abs(images - trained).max() <= 1


@pytest.mark.parametrize("network", ["dcgan", "resnet"])
def test_a_label_draws_its_class_and_one_that_is_none_what_the_latent_says(
    small_recipe: Small, network: str, tmp_path: Path
) -> None:
    model = generator(small_recipe("ns", f"network={network}"), 32, 3, 0, SHARES)
    FrozenGenerator(model).save(tmp_path)
    labelled = tf.saved_model.load(str(tmp_path)).signatures["labelled"]
    latents = latents_of(1, 8, SHARES)

    def drawn(labels: list[int]) -> Pixels:
        pixels: Pixels = labelled(latents=tf.constant(latents), labels=tf.constant(labels))["images"].numpy()
        return pixels.astype(int)

    certain = {label: trained_pixels(model, with_class(latents, label, SHARES)) for label in range(3)}
    assert np.abs(certain[0] - certain[1]).max() > 3  # classes are told apart
    for label, expected in certain.items():
        assert np.abs(drawn([label] * 8) - expected).max() <= 1
    np.testing.assert_array_less(np.abs(drawn([-1, 3, 100, -7] * 2) - trained_pixels(model, latents)), 2)
    mixed = drawn([0, 1, 2, -1, 2, 1, 0, 3])
    for row, label in enumerate([0, 1, 2, None, 2, 1, 0, None]):
        expected = trained_pixels(model, latents)[row] if label is None else certain[label][row]
        assert np.abs(mixed[row] - expected).max() <= 1
    assert len(set(class_of(latents, SHARES).tolist())) > 1


def test_the_signatures_have_stable_names(small_recipe: Small, tmp_path: Path) -> None:
    FrozenGenerator(generator(small_recipe(), 32, 3, 0, SHARES)).save(tmp_path)
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    for name, inputs in (("serving_default", ["latents"]), ("labelled", ["labels", "latents"])):
        specs = signatures[name].structured_input_signature[1]
        assert sorted(specs) == inputs
        assert specs["latents"].dtype == tf.float32
        assert list(signatures[name].structured_outputs) == ["images"]
    assert specs["labels"].dtype == tf.int32


def test_no_keras_is_needed_to_load_and_run_it(small_recipe: Small, tmp_path: Path) -> None:
    model = generator(small_recipe("ns", "network=resnet"), 32, 3, 0, SHARES)
    FrozenGenerator(model).save(tmp_path)
    script = f"""
import sys
sys.modules["keras"] = None  # importing it is an error
import tensorflow as tf
signatures = tf.saved_model.load({str(tmp_path)!r}).signatures
latents = tf.zeros([2, {len(SHARES) + NOISE}])
print(signatures["serving_default"](latents=latents)["images"].shape)
print(signatures["labelled"](latents=latents, labels=tf.constant([1, -1]))["images"].shape)
print([name for name in sys.modules if name.startswith("keras.")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines() == ["(2, 32, 32, 3)", "(2, 32, 32, 3)", "[]"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_folding_leaves_one_layer_for_each_with_a_norm(small_recipe: Small, seed: int) -> None:
    kernels = [kernel.shape for kernel, _ in folded_layers(generator(small_recipe(), 32, 3, seed))]
    assert kernels == [(8, 4 * 4 * 16), (4, 4, 8, 16), (4, 4, 4, 8), (4, 4, 3, 4)]


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_of_a_block_s_norms_one_is_folded_and_one_is_a_scale_and_a_shift(small_recipe: Small, norm: str) -> None:
    recipe = small_recipe("ns", "network=resnet", f"generator.norm={norm}")
    shapes = [first.shape for first, _ in residual_layers(generator(recipe, 32, 3, 0))]
    block = [[(1, 1, i, o), (i,), (3, 3, i, o), (3, 3, o, o)] for i, o in ((16, 16), (16, 8), (8, 4))]
    assert shapes == [(8, 4 * 4 * 16), *block[0], *block[1], *block[2], (4,), (3, 3, 4, 3)]
    scales = [scale for scale, _ in residual_layers(generator(recipe, 32, 3, 0)) if scale.ndim == 1]
    assert all((scale == 1).all() == (norm == "none") for scale in scales)


def test_what_is_frozen_no_longer_changes_with_the_model(small_recipe: Small) -> None:
    model = generator(small_recipe("ns", "network=resnet"), 32, 3, 0)
    frozen, latents = FrozenGenerator(model), latents_of(0, 2)
    before = frozen.serving_default(tf.constant(latents))["images"].numpy()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    np.testing.assert_array_equal(frozen.serving_default(tf.constant(latents))["images"].numpy(), before)
