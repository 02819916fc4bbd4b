from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.networks import MinibatchStddev, build_discriminator, build_generator  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]


def layers(model: keras.Model, kind: type) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_latents_become_images_and_images_scores(small_recipe: Small, resolution: int, channels: int) -> None:
    recipe = small_recipe()
    generator = build_generator(recipe.generator, 8, resolution, channels)
    discriminator = build_discriminator(recipe.discriminator, resolution, channels)
    images = generator(np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32))
    assert images.shape == (4, resolution, resolution, channels)
    assert images.dtype == tf.float32
    assert discriminator(images).shape == (4, 1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pixels_are_between_minus_one_and_one(small_recipe: Small, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    generator = build_generator(small_recipe().generator, 8, 32, 3)
    images = generator(1e4 * np.random.default_rng(seed).normal(size=(4, 8)).astype(np.float32)).numpy()
    assert np.abs(images).max() <= 1
    assert images.std() > 0


@pytest.mark.parametrize("resolution", [0, 16, 48, 63, 65, 100, 256])
def test_another_resolution_is_refused_with_the_ones_there_are(small_recipe: Small, resolution: int) -> None:
    recipe = small_recipe()
    with pytest.raises(ValueError, match=f"32, 64, 128 px, got {resolution}"):
        build_generator(recipe.generator, 8, resolution, 3)
    with pytest.raises(ValueError, match=f"32, 64, 128 px, got {resolution}"):
        build_discriminator(recipe.discriminator, resolution, 3)


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_width_is_the_last_hidden_layers_of_g_and_the_first_of_d(small_recipe: Small, resolution: int) -> None:
    recipe = small_recipe("ns", "generator.width=6", "discriminator.width=5")
    ups = layers(build_generator(recipe.generator, 8, resolution, 3), keras.layers.Conv2DTranspose)
    downs = layers(build_discriminator(recipe.discriminator, resolution, 3), keras.layers.Conv2D)
    depth = {32: 3, 64: 4, 128: 5}[resolution]
    assert [layer.filters for layer in ups] == [6 * 2**i for i in range(depth - 2, -1, -1)] + [3]
    assert [layer.filters for layer in downs] == [5 * 2**i for i in range(depth)]


@pytest.mark.parametrize(("norm", "count"), [("batch", 3), ("none", 0)])
def test_the_generators_norm(small_recipe: Small, norm: str, count: int) -> None:
    generator = build_generator(small_recipe("ns", f"generator.norm={norm}").generator, 8, 32, 3)
    assert len(layers(generator, keras.layers.BatchNormalization)) == count
    dense, *_, last = (layer for layer in generator.layers if hasattr(layer, "use_bias"))
    assert (dense.use_bias, last.use_bias) == (norm == "none", True)  # a bias before batch norm does nothing


@pytest.mark.parametrize(
    ("norm", "kind"), [("batch", keras.layers.BatchNormalization), ("layer", keras.layers.LayerNormalization)]
)
def test_the_discriminators_norm_is_not_at_its_input(small_recipe: Small, norm: str, kind: type) -> None:
    discriminator = build_discriminator(small_recipe("ns", f"discriminator.norm={norm}").discriminator, 32, 3)
    assert len(layers(discriminator, kind)) == 2
    assert isinstance(discriminator.layers[2], keras.layers.LeakyReLU)


def test_without_a_norm_there_is_none(small_recipe: Small) -> None:
    discriminator = build_discriminator(small_recipe().discriminator, 32, 3)
    kinds = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)
    assert [layer for layer in discriminator.layers if isinstance(layer, kinds)] == []


def test_scores_have_no_sigmoid(small_recipe: Small) -> None:
    keras.utils.set_random_seed(0)
    discriminator = build_discriminator(small_recipe().discriminator, 32, 3)
    scores = discriminator(1e6 * np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype(np.float32)).numpy()
    assert (scores < 0).any() or (scores > 1).any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weights_are_a_function_of_the_seed(small_recipe: Small, seed: int) -> None:
    def weights(of: int) -> list[NDArray[np.float32]]:
        keras.utils.set_random_seed(of)
        return build_generator(small_recipe().generator, 8, 32, 3).get_weights()

    for one, two in zip(weights(seed), weights(seed), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (weights(seed)[0] != weights(seed + 1)[0]).any()


def test_weights_begin_small(small_recipe: Small) -> None:
    keras.utils.set_random_seed(0)
    kernels = [layer.kernel for layer in build_discriminator(small_recipe().discriminator, 64, 3).layers[1:-1]
               if hasattr(layer, "kernel")]  # fmt: skip
    for kernel in kernels:
        assert float(tf.math.reduce_std(kernel)) == pytest.approx(0.02, rel=0.25)  # Radford 2016


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_minibatch_stddev_against_numpy(group: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(8, 3, 5, 6)).astype(np.float32)
    y = MinibatchStddev(group)(x).numpy()
    assert y.shape == (8, 3, 5, 7)
    np.testing.assert_array_equal(y[..., :6], x)
    for first in range(0, 8, group):
        expected = np.sqrt(x[first : first + group].astype(float).var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(y[first : first + group, ..., 6], expected, rtol=1e-5)


def test_images_all_alike_show_no_spread_and_have_a_finite_gradient() -> None:
    x = tf.Variable(tf.ones([4, 2, 2, 3]))
    with tf.GradientTape() as tape:
        spread = MinibatchStddev(4)(x)[..., 3]
        total = tf.reduce_sum(spread)
    assert float(tf.reduce_max(spread)) < 1e-3
    assert np.isfinite(tape.gradient(total, x).numpy()).all()


def test_minibatch_stddev_says_its_shape() -> None:
    layer = MinibatchStddev(4)
    assert layer.compute_output_shape((None, 4, 4, 16)) == (None, 4, 4, 17)
    assert layer.compute_output_shape((8, 4, 4, None)) == (8, 4, 4, None)


def test_a_layer_norm_discriminator_scores_each_image_by_itself(small_recipe: Small) -> None:
    discriminator = build_discriminator(small_recipe("wgan-gp").discriminator, 32, 3)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    together = discriminator(images, training=True).numpy()
    alone = np.concatenate([discriminator(images[i : i + 1], training=True).numpy() for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
