"""What the networks are shown: latents, scaled, mirrored and augmented images; and what is drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from training import gan as module  # noqa: E402
from training.augment import augment  # noqa: E402
from training.gan import Gan, to_uint8  # noqa: E402
from training.recipe import Recipe  # noqa: E402

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("eagerly")]

Small = Callable[..., Recipe]
Reals = Callable[..., NDArray[np.uint8]]
FIRST = tf.constant(0, tf.int64)


@pytest.fixture(scope="module")
def plain(small_recipe: Small) -> Gan:
    """A GAN that no test changes."""
    return Gan(small_recipe("ns", "flip=false", "augment=none"), 32, 3, seed=0)


def test_every_step_and_purpose_has_random_numbers_of_its_own(small_recipe: Small) -> None:
    gans = [Gan(small_recipe(), 32, 3, seed=seed) for seed in (0, 1, 2**32 - 1)]
    drawn = {
        tuple(gan._stream(tf.constant(step, tf.int64), stream).numpy().tolist())
        for gan in gans for step in (0, 1, 2, 10**9) for stream in range(6)
    }  # fmt: skip
    assert len(drawn) == 3 * 4 * 6
    assert len({gan._latents(tf.constant(step, tf.int64)).numpy().tobytes() for gan in gans for step in (0, 1)}) == 6


def test_latents_in_training_are_standard_normal(small_recipe: Small) -> None:
    gan = Gan(small_recipe("ns", "latent_dim=64", "batch_size=256"), 32, 3, seed=0)
    latents = gan._latents(tf.constant(3, tf.int64)).numpy()
    assert latents.shape == (256, 64)
    assert abs(latents.mean()) < 0.03
    assert latents.std() == pytest.approx(1.0, abs=0.03)


def test_images_are_mirrored_only_when_asked(plain: Gan) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(plain._reals(images, FIRST), images.astype(np.float32) / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_about_half_of_the_images_are_mirrored_others_at_each_step(small_recipe: Small, seed: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8)
    scaled = images.astype(np.float32) / 127.5 - 1
    gan = Gan(small_recipe("ns", "flip=true"), 32, 3, seed=seed)
    chosen = []
    for step in (0, 1):
        flipped = gan._reals(images, tf.constant(step, tf.int64)).numpy()
        kept = np.isclose(flipped, scaled, atol=1e-6).all(axis=(1, 2, 3))
        mirrored = np.isclose(flipped, scaled[:, :, ::-1], atol=1e-6).all(axis=(1, 2, 3))
        assert (kept ^ mirrored).all()  # each is one or the other, left and right, never upside down
        assert 16 <= mirrored.sum() <= 48  # 4 standard deviations
        chosen.append(mirrored)
    assert (chosen[0] != chosen[1]).any()


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, tuple[int, ...]]]:
    """Every call of `augment`: the images and the seed."""
    calls: list[tuple[bytes, tuple[int, ...]]] = []

    def record(images: Any, kind: Any, seed: Any, *part: int) -> Any:  # noqa: ANN401
        calls.append((images.numpy().tobytes(), tuple(seed.numpy().tolist())))
        return augment(images, kind, seed, *part)

    monkeypatch.setattr(module, "augment", record)
    return calls


@pytest.mark.parametrize(("name", "calls_a_step"), [("ns", 3), ("wgan-gp", 5)])  # real and fake for D, fake for G
def test_reals_and_fakes_are_augmented_alike_with_other_random_numbers(
    small_recipe: Small, reals_of: Reals, monkeypatch: pytest.MonkeyPatch, name: str, calls_a_step: int
) -> None:
    gan = Gan(small_recipe(name, "augment=translation+colour"), 32, 3, seed=0)
    calls = recorded(monkeypatch)
    for step in range(2):
        gan.train(reals_of(gan.recipe), step, 1.0)
    assert len(calls) == 2 * calls_a_step
    assert len({seed for _, seed in calls}) == 2 * calls_a_step
    shown_to_d, shown_to_g = calls[calls_a_step - 2], calls[calls_a_step - 1]
    assert shown_to_d[0] == shown_to_g[0]  # the same fakes, changed otherwise


def test_the_relativistic_loss_sees_the_same_augmented_reals_twice(
    small_recipe: Small, reals_of: Reals, monkeypatch: pytest.MonkeyPatch
) -> None:
    gan = Gan(small_recipe("r3", "augment=colour"), 32, 3, seed=0)
    calls = recorded(monkeypatch)
    gan.train(reals_of(gan.recipe), 0, 1.0)
    assert len(calls) == 4
    assert len(set(calls)) == 3


def test_without_augmentation_nothing_is_changed(
    small_recipe: Small, reals_of: Reals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is bit for bit that of a program that knows no augmentation."""

    def step() -> list[NDArray[Any]]:
        gan = Gan(small_recipe("ns", "augment=none"), 32, 3, seed=0)
        gan.train(reals_of(gan.recipe), 0, 1.0)
        return gan.snapshot()

    with_it = step()
    monkeypatch.setattr(module, "augment", lambda images, *_: images)
    for one, two in zip(with_it, step(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["translation", "colour", "translation+colour"])
def test_the_generator_learns_through_the_augmentation(small_recipe: Small, reals_of: Reals, kind: str) -> None:
    gan = Gan(small_recipe("ns", f"augment={kind}"), 32, 3, seed=0)
    before = [v.numpy() for v in gan.generator.trainable_variables]
    assert np.isfinite([float(v) for v in gan.train(reals_of(gan.recipe), 0, 1.0).values()]).all()
    for old, new in zip(before, gan.generator.trainable_variables, strict=True):
        assert (old != new.numpy()).any()


def test_a_sample_comes_from_the_average_and_each_latent_has_its_own(small_recipe: Small) -> None:
    gan = Gan(small_recipe(), 32, 3, seed=0)
    latents = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    before = gan.sample(latents)
    assert (before.shape, before.dtype) == ((6, 32, 32, 3), np.uint8)
    gan.generator.set_weights([w + 1 for w in gan.generator.get_weights()])
    np.testing.assert_array_equal(gan.sample(latents), before)
    alone = np.concatenate([gan.sample(latents[i : i + 1]) for i in range(6)])
    assert np.abs(alone.astype(int) - before).max() <= 1  # neighbours in a batch do not matter
    gan.ema.set_weights([w + 1 for w in gan.ema.get_weights()])
    assert (gan.sample(latents) != before).any()


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("augmentation", ["none", "translation+colour"])
def test_grey_and_transparent_images_train_too(
    small_recipe: Small, reals_of: Reals, channels: int, augmentation: str
) -> None:
    gan = Gan(small_recipe("ns", f"augment={augmentation}"), 32, channels, seed=0)
    logs = gan.train(reals_of(gan.recipe, channels=channels), 0, 1.0)
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert gan.sample(np.zeros((2, 8), np.float32)).shape == (2, 32, 32, channels)


@pytest.mark.parametrize(
    ("x", "pixel"), [(-1.0, 0), (1.0, 255), (0.0, 128), (-2.0, 0), (3.0, 255), (-0.9999, 0), (0.999, 255), (0.5, 191)]
)
def test_minus_one_to_one_becomes_0_to_255(x: float, pixel: int) -> None:
    assert int(to_uint8(tf.constant([x]))[0]) == pixel


def test_every_pixel_value_survives_scaling_and_back(plain: Gan) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(to_uint8(plain._reals(pixels, FIRST)).numpy(), pixels)
