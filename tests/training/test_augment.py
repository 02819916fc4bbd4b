import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from training.augment import SHIFT, augment  # noqa: E402
from training.recipe import Augment  # noqa: E402

pytestmark = pytest.mark.tensorflow

Floats = NDArray[np.float32]
SEEDS = [0, 1, 7]
KINDS: list[Augment] = ["translation", "colour", "translation+colour"]


def images(seed: int, count: int = 6, side: int = 32, channels: int = 3) -> Floats:
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, channels)).astype(np.float32)


def augmented(x: Floats, kind: Augment, seed: int = 0, step: int = 0) -> Floats:
    changed: Floats = augment(tf.constant(x), kind, tf.constant([seed, step], tf.int64)).numpy()
    return changed


@pytest.mark.parametrize("seed", SEEDS)
def test_none_leaves_images_as_they_are(seed: int) -> None:
    np.testing.assert_array_equal(augmented(images(seed), "none", seed), images(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_changes_are_a_function_of_seed_and_step(kind: Augment, seed: int) -> None:
    once = augmented(images(0), kind, seed, 5)
    np.testing.assert_array_equal(once, augmented(images(0), kind, seed, 5))
    assert (once != augmented(images(0), kind, seed + 1, 5)).any()
    assert (once != augmented(images(0), kind, seed, 6)).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("side", "channels"), [(32, 1), (32, 3), (64, 4), (128, 3)])
def test_every_shape_that_there_is(kind: Augment, side: int, channels: int) -> None:
    changed = augmented(images(0, 2, side, channels), kind)
    assert (changed.shape, changed.dtype) == ((2, side, side, channels), np.float32)
    assert np.isfinite(changed).all()


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_a_batch_are_changed_differently(kind: Augment) -> None:
    same = np.repeat(images(0, 1), 16, axis=0)
    assert len({image.tobytes() for image in augmented(same, kind)}) >= 12


def shifted(image: Floats, down: int, right: int) -> Floats:
    """Moved by so many pixels, zeros where nothing is."""
    moved = np.roll(image, (down, right), axis=(0, 1))
    rows, columns = (np.arange(image.shape[0]) - by for by in (down, right))
    inside = [(places >= 0) & (places < image.shape[0]) for places in (rows, columns)]
    result: Floats = np.where(inside[0][:, None, None] & inside[1][None, :, None], moved, np.float32(0))
    return result


@pytest.mark.parametrize(("side", "channels", "seed"), [(32, 3, 0), (32, 1, 1), (64, 4, 2), (64, 3, 3)])
def test_translation_is_a_shift_of_both_axes_by_up_to_an_eighth(side: int, channels: int, seed: int) -> None:
    most = round(side * SHIFT)
    assert most == side // 8
    x, steps = images(seed, 1, side, channels), 150
    changed = augmented(np.repeat(x, steps, axis=0), "translation", seed)
    candidates = {
        shifted(x[0], down, right).tobytes(): (down, right)
        for down in range(-most, most + 1) for right in range(-most, most + 1)
    }  # fmt: skip
    found = [candidates.get((image + 0.0).tobytes()) for image in changed]  # − 0 becomes 0
    assert None not in found
    shifts = np.array(found)
    for axis in (0, 1):
        assert {-most, most} <= set(shifts[:, axis])
        assert abs(shifts[:, axis].mean()) < 4 * most / np.sqrt(3 * steps)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.35  # the two are drawn by themselves


@pytest.mark.parametrize("kind", KINDS)
def test_translation_moves_and_colour_does_not(kind: Augment) -> None:
    dot = np.full((64, 32, 32, 3), 0.2, np.float32)
    dot[:, 16, 16] = (0.6, -0.3, 0.1)
    apart = np.abs(augmented(dot, kind) - np.median(augmented(dot, kind), axis=(1, 2), keepdims=True)).sum(axis=3)
    places = apart[:, 8:24, 8:24].reshape(64, -1).argmax(axis=1)  # the borders have zeros from outside
    assert (len(set(places)) > 1) == ("translation" in kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_colour_against_its_formulas(seed: int) -> None:
    """The three numbers are read off each image and then must explain every pixel."""
    x = images(seed, 400, 8).astype(np.float64)
    y = augmented(images(seed, 400, 8), "colour", seed).astype(np.float64)
    axes = (1, 2, 3)
    mean, grey_x, grey_y = x.mean(axes, keepdims=True), x.mean(3, keepdims=True), y.mean(3, keepdims=True)
    brightness = y.mean(axes, keepdims=True) - mean
    contrast = grey_y.std(axes, keepdims=True) / grey_x.std(axes, keepdims=True)
    saturation = (y - grey_y).std(axes, keepdims=True) / (x - grey_x).std(axes, keepdims=True) / contrast
    expected = ((x - grey_x) * saturation + grey_x - mean) * contrast + mean + brightness
    np.testing.assert_allclose(y, expected, atol=1e-5)
    for found, low, high in ((brightness, -0.5, 0.5), (saturation, 0.0, 2.0), (contrast, 0.5, 1.5)):
        assert low - 1e-4 <= found.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < found.max() <= high + 1e-4
        assert found.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 400))
    assert np.abs(np.corrcoef([brightness.ravel(), saturation.ravel(), contrast.ravel()]) - np.eye(3)).max() < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_an_alpha_channel_keeps_its_values_and_moves_with_the_image(seed: int) -> None:
    x = images(seed, 8, 32, 4)
    coloured = augmented(x, "colour", seed)
    np.testing.assert_array_equal(coloured[..., 3], x[..., 3])
    assert (coloured[..., :3] != x[..., :3]).any()
    np.testing.assert_array_equal(augmented(x, "colour", seed)[..., :3], augmented(x[..., :3], "colour", seed))
    both = np.repeat(x[..., :1], 4, axis=3)
    moved = augmented(both, "translation", seed)
    np.testing.assert_array_equal(moved[..., 3], moved[..., 0])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_grey_image_has_brightness_and_contrast(seed: int) -> None:
    x = images(seed, 50, 8, 1).astype(np.float64)
    y = augmented(images(seed, 50, 8, 1), "colour", seed).astype(np.float64)
    contrast = y.std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.5 <= contrast.min() < 0.75
    assert 1.25 < contrast.max() <= 1.5
    centred = [z - z.mean((1, 2, 3), keepdims=True) for z in (x, y)]
    np.testing.assert_allclose(centred[1], centred[0] * contrast[:, None, None, None], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_equal_differences(kind: Augment, seed: int) -> None:
    """Every change is affine, so a difference over a step of 1 is its derivative."""
    x, weights = images(seed, 2, 32, 3), np.random.default_rng(seed).normal(size=(2, 32, 32, 3)).astype(np.float32)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(weights * augment(variable, kind, tf.constant([seed, 0], tf.int64)))
    gradient = tape.gradient(total, variable).numpy()
    for place in [(0, 5, 5, 0), (0, 16, 20, 2), (1, 31, 0, 1), (1, 12, 12, 0)]:
        up = x.copy()
        up[place] += 1.0
        change = (augmented(up, kind, seed) - augmented(x, kind, seed)).astype(np.float64)
        assert gradient[place] == pytest.approx((weights * change).sum(), abs=2e-3)
    assert np.abs(gradient).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_gradient_exists(kind: Augment) -> None:
    """A penalty on D's gradient is taken on augmented images; it must have a gradient itself."""
    x = tf.Variable(images(0, 2, 32, 3))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            total = tf.reduce_sum(augment(x, kind, tf.constant([0, 0], tf.int64)) ** 3)
        penalty = tf.reduce_sum(inner.gradient(total, x) ** 2)
    assert np.isfinite(outer.gradient(penalty, x).numpy()).all()
