from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training.layers import ClassCode, Projection, Spectral  # noqa: E402
from training.networks import build_discriminator, build_generator  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = pytest.mark.tensorflow

Small = Callable[..., Recipe]
Floats = NDArray[np.float32]
NETWORKS = ["dcgan", "resnet"]
PLAIN = ["discriminator.norm=none", "discriminator.minibatch_stddev=0"]
NORMS = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)


def layers(model: keras.Model, kind: type | tuple[type, ...]) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


def normal(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("resolution", "channels", "classes"), [(32, 3, 0), (32, 4, 3), (64, 1, 2), (128, 3, 0)])
def test_latents_become_images_and_images_scores(
    small_recipe: Small, network: str, resolution: int, channels: int, classes: int
) -> None:
    recipe = small_recipe("ns", f"network={network}")
    generator = build_generator(recipe, resolution, channels, [1 / classes] * classes if classes else [])
    discriminator = build_discriminator(recipe, resolution, channels, classes)
    assert generator.input_shape == (None, classes + recipe.latent_dim)  # one number more for each class
    images = generator(normal(0, 4, classes + 8))
    assert images.shape == (4, resolution, resolution, channels)
    assert images.dtype == tf.float32
    one_hot = tf.one_hot([0] * 4, classes)
    assert discriminator([images, one_hot] if classes else images).shape == (4, 1)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pixels_are_between_minus_one_and_one(small_recipe: Small, network: str, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    images = build_generator(small_recipe("ns", f"network={network}"), 32, 3)(1e4 * normal(seed, 4, 8)).numpy()
    assert np.abs(images).max() <= 1
    assert images.std() > 0


@pytest.mark.parametrize("resolution", [0, 16, 48, 63, 65, 100, 256])
def test_another_resolution_is_refused_with_the_ones_there_are(small_recipe: Small, resolution: int) -> None:
    for build in (build_generator, build_discriminator):
        with pytest.raises(ValueError, match=f"32, 64, 128 px, got {resolution}"):
            build(small_recipe(), resolution, 3)


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_width_is_the_last_hidden_layers_of_g_and_the_first_of_d(small_recipe: Small, resolution: int) -> None:
    recipe = small_recipe("ns", "generator.width=6", "discriminator.width=5")
    ups = layers(build_generator(recipe, resolution, 3), keras.layers.Conv2DTranspose)
    downs = layers(build_discriminator(recipe, resolution, 3), keras.layers.Conv2D)
    depth = {32: 3, 64: 4, 128: 5}[resolution]
    assert [layer.filters for layer in ups] == [6 * 2**i for i in range(depth - 2, -1, -1)] + [3]
    assert [layer.filters for layer in downs] == [5 * 2**i for i in range(depth)]


@pytest.mark.parametrize(("resolution", "widths"), [(32, [4, 2, 1]), (64, [8, 4, 2, 1]), (128, [16, 8, 4, 2, 1])])
def test_residual_blocks_have_a_shortcut_and_the_width_of_their_place(
    small_recipe: Small, resolution: int, widths: list[int]
) -> None:
    recipe = small_recipe("hinge", "network=resnet", "generator.width=6", "discriminator.width=5")
    generator, discriminator = build_generator(recipe, resolution, 3), build_discriminator(recipe, resolution, 3)
    for i, width in enumerate(widths):
        for part, size in (("shortcut", 1), ("conv1", 3), ("conv2", 3)):
            layer = generator.get_layer(f"block{i}_{part}")
            assert (layer.filters, layer.kernel_size) == (6 * width, (size, size))
    assert len(layers(generator, keras.layers.Add)) == len(layers(discriminator, keras.layers.Add)) == len(widths)
    downs = layers(discriminator, keras.layers.Conv2D)
    assert [layer.filters for layer in downs] == [5 * width for width in reversed(widths) for _ in range(3)]


@pytest.mark.parametrize(("network", "batch"), [("dcgan", 3), ("resnet", 7)])  # resnet: two a block and one at last
def test_the_generators_norm(small_recipe: Small, network: str, batch: int) -> None:
    for norm, count in (("batch", batch), ("none", 0)):
        generator = build_generator(small_recipe("ns", f"network={network}", f"generator.norm={norm}"), 32, 3)
        assert len(layers(generator, NORMS)) == count
        dense, *_, last = (layer for layer in generator.layers if hasattr(layer, "use_bias"))
        assert last.use_bias
        assert dense.use_bias == (norm == "none" or network == "resnet")  # a bias before batch norm does nothing


@pytest.mark.parametrize(
    ("network", "norm", "kind", "count"),
    [
        ("dcgan", "batch", keras.layers.BatchNormalization, 2),
        ("dcgan", "layer", keras.layers.LayerNormalization, 2),
        ("resnet", "layer", keras.layers.LayerNormalization, 5),
    ],
)
def test_the_discriminators_norm_is_not_at_its_input(
    small_recipe: Small, network: str, norm: str, kind: type, count: int
) -> None:
    recipe = small_recipe("ns", f"network={network}", f"discriminator.norm={norm}")
    discriminator = build_discriminator(recipe, 32, 3)
    assert len(layers(discriminator, kind)) == count == len(layers(discriminator, NORMS))
    assert 3 not in [norm.input.shape[-1] for norm in layers(discriminator, kind)]  # never the images


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_spectral_norm_is_of_every_kernel_and_nothing_is_between_layers(
    small_recipe: Small, network: str, norm: str
) -> None:
    recipe = small_recipe("ns", f"network={network}", f"discriminator.norm={norm}")
    discriminator = build_discriminator(recipe, 32, 3, classes=2)
    assert layers(discriminator, NORMS) == []
    kernels = layers(discriminator, (keras.layers.Conv2D, keras.layers.Dense))
    assert len(kernels) == (4 if network == "dcgan" else 10)
    assert [isinstance(layer, Spectral) for layer in kernels] == [norm == "spectral"] * len(kernels)
    names = {variable.path.split("/")[-1] for variable in discriminator.variables}
    assert ({"left", "right"} <= names) == (norm == "spectral")  # so they are in snapshots and checkpoints


@pytest.mark.parametrize("network", NETWORKS)
def test_scores_have_no_sigmoid(small_recipe: Small, network: str) -> None:
    keras.utils.set_random_seed(0)
    discriminator = build_discriminator(small_recipe("lsgan", f"network={network}", *PLAIN), 32, 3)
    scores = discriminator(1e6 * normal(0, 8, 32, 32, 3)).numpy()
    assert (scores < 0).any() or (scores > 1).any()
    assert discriminator.get_layer("scores").activation is keras.activations.linear


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_weights_are_a_function_of_the_seed(small_recipe: Small, network: str, seed: int) -> None:
    def weights(of: int) -> list[Floats]:
        keras.utils.set_random_seed(of)
        return build_generator(small_recipe("ns", f"network={network}"), 32, 3).get_weights()

    for one, two in zip(weights(seed), weights(seed), strict=True):
        np.testing.assert_array_equal(one, two)
    assert (weights(seed)[0] != weights(seed + 1)[0]).any()


def test_weights_begin_small(small_recipe: Small) -> None:
    keras.utils.set_random_seed(0)
    kernels = [layer.kernel for layer in build_discriminator(small_recipe(), 64, 3).layers[1:-1]
               if hasattr(layer, "kernel")]  # fmt: skip
    assert len(kernels) == 4
    for kernel in kernels:
        assert float(tf.math.reduce_std(kernel)) == pytest.approx(0.02, rel=0.25)  # Radford 2016


@pytest.mark.parametrize("name", ["wgan-gp", "hinge", "r3"])
@pytest.mark.parametrize("network", NETWORKS)
def test_without_batch_norm_each_image_is_scored_by_itself(small_recipe: Small, network: str, name: str) -> None:
    discriminator = build_discriminator(small_recipe(name, f"network={network}"), 32, 3)
    images = normal(0, 4, 32, 32, 3)
    together = discriminator(images, training=True).numpy()
    alone = np.concatenate([discriminator(images[i : i + 1], training=True).numpy() for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_conditional_discriminator_begins_unconditional_and_learns_the_class(
    small_recipe: Small, network: str
) -> None:
    discriminator = build_discriminator(small_recipe("ns", f"network={network}"), 32, 3, classes=3)
    images, classes = normal(0, 4, 32, 32, 3), np.eye(3, dtype=np.float32)
    scores = [discriminator([images, classes[[k] * 4]], training=True).numpy() for k in range(3)]
    np.testing.assert_array_equal(scores[0], scores[1])
    [projection] = layers(discriminator, Projection)
    projection._kernel.assign(normal(1, *projection._kernel.shape))
    scores = [discriminator([images, classes[[k] * 4]], training=True).numpy() for k in range(3)]
    assert np.abs(scores[0] - scores[1]).min() > 0
    mixed = discriminator([images, classes[[0, 1, 2, 0]]], training=True).numpy()
    np.testing.assert_allclose(mixed[:, 0], [scores[k][row, 0] for row, k in enumerate([0, 1, 2, 0])], rtol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_vectors_of_a_conditional_discriminator_with_spectral_norm_have_it_too(
    small_recipe: Small, network: str
) -> None:
    discriminator = build_discriminator(small_recipe("hinge", f"network={network}"), 32, 3, classes=3)
    [projection] = layers(discriminator, Projection)
    projection._kernel.assign(normal(1, *projection._kernel.shape) * 50.0)
    for _ in range(100):
        projection.iterate()
    assert np.linalg.svd(projection.kernel.numpy(), compute_uv=False)[0] == pytest.approx(1.0, abs=1e-3)
    assert projection in [layer for layer in discriminator.layers if isinstance(layer, Spectral)]  # a step iterates it


@pytest.mark.parametrize("network", NETWORKS)
def test_a_conditional_generator_reads_its_class_out_of_the_latent(small_recipe: Small, network: str) -> None:
    generator = build_generator(small_recipe("ns", f"network={network}"), 32, 3, [0.25, 0.75])
    [code] = layers(generator, ClassCode)
    assert code.shares == (0.25, 0.75)
    latents = np.repeat(normal(0, 1, 10), 3, axis=0)
    latents[:, :2] = [[5, -2], [4, -3], [-2, 5]]  # the first two are both class 0, and alike but for it
    images = generator(latents, training=True).numpy()
    np.testing.assert_allclose(images[0], images[1], atol=1e-6)
    assert np.abs(images[0] - images[2]).max() > 1e-3


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_precision_is_of_the_layers_within(small_recipe: Small, network: str, precision: str) -> None:
    before = keras.config.dtype_policy()
    recipe = small_recipe("ns", f"network={network}", f"precision={precision}", "discriminator.norm=spectral")
    generator, discriminator = build_generator(recipe, 32, 3, [0.5, 0.5]), build_discriminator(recipe, 32, 3, classes=2)
    assert keras.config.dtype_policy() == before
    assert {str(v.dtype) for v in (*generator.variables, *discriminator.variables)} == {"float32"}
    for model in (generator, discriminator):
        inner = layers(model, (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.BatchNormalization))
        assert {layer.compute_dtype for layer in inner} == {precision}
    images = generator(normal(0, 4, 10), training=True)
    scores = discriminator([images, tf.one_hot([0, 1, 0, 1], 2)], training=True)
    assert (images.dtype, scores.dtype) == (tf.float32, tf.float32)
    assert np.isfinite(scores.numpy()).all()


def test_a_network_that_cannot_be_built_leaves_the_policy_as_it_was(small_recipe: Small) -> None:
    before = keras.config.dtype_policy()
    with pytest.raises(ValueError, match="strictly positive"):
        build_generator(small_recipe("ns", "precision=bfloat16"), 32, -1)
    assert keras.config.dtype_policy() == before
