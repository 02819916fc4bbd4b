"""Every recipe, with either network, with classes and without."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
config = pytest.importorskip("tensorflow.python.framework.config")

from bundle.classes import class_of  # noqa: E402
from training.gan import Gan  # noqa: E402
from training.layers import Spectral  # noqa: E402
from training.recipe import Recipe, recipe_names  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("eagerly")]

Small = Callable[..., Recipe]
Reals = Callable[..., NDArray[np.uint8]]
SHARES = (0.5, 0.3, 0.2)
NORMS = {"lsgan": "spectral", "minimax": "spectral", "wgan": "layer"}
"""What stands in for batch norm in the discriminator of a resnet, which has none."""


def adapted(small_recipe: Small, name: str, network: str) -> Recipe:
    norm = [f"discriminator.norm={NORMS[name]}"] if network == "resnet" and name in NORMS else []
    return small_recipe(name, f"network={network}", *norm)


def labels_of(recipe: Recipe, shares: tuple[float, ...], seed: int = 0) -> NDArray[np.int32] | None:
    drawn = np.random.default_rng(seed).integers(0, len(SHARES), (recipe.n_critic, recipe.batch_size))
    return drawn.astype(np.int32) if shares else None


@pytest.fixture
def deterministic() -> Iterator[None]:
    """As `device.prepare` has it."""
    config.enable_op_determinism()
    yield
    config.disable_op_determinism()


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize(("network", "shares"), [("dcgan", ()), ("resnet", SHARES)], ids=["dcgan", "resnet-classes"])
def test_two_steps(small_recipe: Small, reals_of: Reals, name: str, network: str, shares: tuple[float, ...]) -> None:
    recipe = adapted(small_recipe, name, network)
    gan = Gan(recipe, 32, 3, seed=5, class_shares=shares)
    before = {v.path: v.numpy() for net in (gan.generator, gan.discriminator) for v in net.trainable_variables}
    for step in range(2):
        logs = gan.train(reals_of(recipe, step), step, 1.0, labels_of(recipe, shares, step))
        expected = {"loss_d", "loss_g", "score_real", "score_fake", "score_spread"}
        expected |= {"earth_movers_distance"} if recipe.loss == "wasserstein" else set()
        expected |= {"clipped_share"} if recipe.discriminator.clip else set()
        every = recipe.regulariser.every
        lazily = any(index % every == 0 for index in range(step * recipe.n_critic, (step + 1) * recipe.n_critic))
        expected |= {recipe.regulariser.kind} if recipe.regulariser.kind != "none" and lazily else set()
        assert set(logs) == expected
        assert all(np.isfinite(float(value)) for value in logs.values())
    if recipe.loss == "wasserstein":
        assert float(logs["earth_movers_distance"]) == -float(logs["loss_d"])
    after = {v.path: v.numpy() for net in (gan.generator, gan.discriminator) for v in net.trainable_variables}
    idle = [path for path in before if np.array_equal(before[path], after[path]) and not path.endswith("bias")]
    if (name, network) != ("wgan", "resnet"):  # so narrow a critic of weights ≤ 0.01 hardly pulls G
        assert idle == []  # a bias before a norm, or of a score that is compared, has no gradient
    assert int(gan.generator_optimizer.iterations.numpy()) == 2
    assert int(gan.discriminator_optimizer.iterations.numpy()) == 2 * recipe.n_critic
    assert gan.sample(np.zeros((2, gan.latent_dim), np.float32)).shape == (2, 32, 32, 3)
    assert gan.latent_dim == len(shares) + 8


def after_a_step(recipe: Recipe, reals: NDArray[np.uint8], seed: int = 2**32 - 1, labels: int = 0) -> list[bytes]:
    gan = Gan(recipe, 32, 3, seed=seed, class_shares=SHARES)
    gan.train(reals, 0, 1.0, labels_of(recipe, SHARES, labels))
    return [value.tobytes() for value in gan.snapshot()]


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("name", recipe_names())
def test_the_same_seed_gives_the_same_bits(small_recipe: Small, reals_of: Reals, name: str) -> None:
    recipe = small_recipe(name, "augment=translation+colour", "flip=true")
    assert after_a_step(recipe, reals_of(recipe)) == after_a_step(recipe, reals_of(recipe))


def test_another_seed_other_images_and_other_classes_give_others(small_recipe: Small, reals_of: Reals) -> None:
    recipe = small_recipe()
    once = after_a_step(recipe, reals_of(recipe))
    assert once != after_a_step(recipe, reals_of(recipe), seed=2**32 - 2)
    assert once != after_a_step(recipe, reals_of(recipe, 1))
    assert once != after_a_step(recipe, reals_of(recipe), labels=1)


@pytest.mark.parametrize(("name", "seed"), [("ns", 0), ("wgan-gp", 1), ("r3", 2)])
def test_the_discriminator_is_told_the_class_of_every_image(
    small_recipe: Small, reals_of: Reals, monkeypatch: pytest.MonkeyPatch, name: str, seed: int
) -> None:
    gan = Gan(small_recipe(name), 32, 3, seed=seed, class_shares=SHARES)
    labels = labels_of(gan.recipe, SHARES, seed)
    assert labels is not None
    told: list[list[int]] = []
    scores = gan._scores

    def record(images: Any, classes: Any) -> Any:  # noqa: ANN401
        np.testing.assert_array_equal(np.sort(classes, axis=1), [[0, 0, 1]] * 4)
        told.append(classes.numpy().argmax(axis=1).tolist())
        return scores(images, classes)

    monkeypatch.setattr(gan, "_scores", record)
    gan.train(reals_of(gan.recipe), 0, 1.0, labels)
    last = gan.recipe.n_critic - 1
    drawn = [class_of(gan._latents(tf.constant(i, tf.int64)).numpy(), SHARES).tolist() for i in range(last + 1)]
    source = {"R": labels.tolist(), "F": drawn}
    critic = {"ns": "RF", "wgan-gp": "RFR", "r3": "RF"}[name]  # scores of both, then between the images
    generator = {"ns": "F", "wgan-gp": "F", "r3": "RF"}[name]
    expected = [source[which][i] for i in range(last + 1) for which in critic]
    expected += [source[which][last] for which in generator]
    assert told == expected


def test_the_generator_draws_the_class_that_the_discriminator_is_told(small_recipe: Small) -> None:
    """In training too the class is read out of the latent, by the generator as by D."""
    gan = Gan(small_recipe(), 32, 3, seed=0, class_shares=SHARES)
    latents = gan._latents(tf.constant(0, tf.int64))
    code = gan.generator.get_layer("class_code")(latents, training=True).numpy()[:, :3]
    np.testing.assert_array_equal(code.argmax(axis=1), np.argmax(gan._classes_of(latents), axis=1))
    assert gan.ema.get_layer("class_code").shares == SHARES


@pytest.mark.parametrize("name", ["ns", "hinge"])
def test_the_singular_vectors_take_one_step_with_the_discriminator(
    small_recipe: Small, reals_of: Reals, name: str
) -> None:
    gan = Gan(small_recipe(name, "network=resnet"), 32, 3, seed=0)
    spectral = [layer for layer in gan.discriminator.layers if isinstance(layer, Spectral)]
    assert bool(spectral) == (name == "hinge")
    expected = []
    for layer in spectral:
        matrix = layer._kernel.numpy().reshape(-1, layer._kernel.shape[-1]).astype(np.float64)
        left = matrix @ layer.right.numpy()
        expected.append(left / np.linalg.norm(left))
    gan.train(reals_of(gan.recipe), 0, 1.0)
    for layer, left in zip(spectral, expected, strict=True):
        np.testing.assert_allclose(layer.left, left, atol=1e-4)
