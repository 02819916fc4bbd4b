import numpy as np
import pytest

from service.pictures.scaling import Resample, scale_images, scaled_size


def scale_image(image: np.ndarray, factor: float, resample: Resample = "nearest") -> np.ndarray:
    """One image scaled by itself."""
    return scale_images(image[np.newaxis], factor, resample)[0]


def images_of(n: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("factor", [2, 3, 8])
def test_nearest_repeats_pixels(seed: int, channels: int, factor: int) -> None:
    images = images_of(2, 5, 7, channels, seed)
    repeated = images.repeat(factor, axis=1).repeat(factor, axis=2)
    assert np.array_equal(scale_images(images, factor, "nearest"), repeated)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("factor", "step", "first"), [(0.5, 2, 1), (0.25, 4, 2)])
def test_nearest_leaves_pixels_out(seed: int, factor: float, step: int, first: int) -> None:
    images = images_of(2, 8, 12, 3, seed)
    assert np.array_equal(scale_images(images, factor), images[:, first::step, first::step])


@pytest.mark.parametrize("resample", ["nearest", "lanczos"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("factor", [0.25, 0.3, 1, 1.5, 2.7, 8])
def test_the_size_is_that_which_was_told(resample: str, channels: int, factor: float) -> None:
    for height, width in [(1, 1), (2, 3), (64, 33)]:
        scaled = scale_images(images_of(2, height, width, channels), factor, resample)
        assert scaled.shape == (2, *scaled_size(height, width, factor), channels)
        assert scaled.dtype == np.uint8


@pytest.mark.parametrize("resample", ["nearest", "lanczos"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_factor_of_one_changes_nothing(resample: str, channels: int) -> None:
    images = images_of(2, 5, 7, channels)
    assert np.array_equal(scale_images(images, 1, resample), images)


@pytest.mark.parametrize("resample", ["nearest", "lanczos"])
@pytest.mark.parametrize("factor", [0.5, 1.7, 4])
def test_one_image_is_scaled_as_among_others(resample: str, factor: float) -> None:
    images = images_of(3, 9, 6, 3)
    assert np.array_equal(scale_image(images[1], factor, resample), scale_images(images, factor, resample)[1])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_plain_colour_stays_what_it_is(channels: int) -> None:
    image = np.full((6, 6, channels), (200, 30, 90, 255)[:channels], np.uint8)
    for factor in (0.5, 1.5, 4):
        assert (scale_image(image, factor, "lanczos") == image[0, 0]).all()


def test_lanczos_is_smooth() -> None:
    steps = np.repeat(np.array([0, 255], np.uint8), 8)[np.newaxis, :, np.newaxis].repeat(4, axis=0)
    scaled = scale_image(steps, 4, "lanczos")
    assert len(np.unique(scaled)) > 4
    assert set(np.unique(scale_image(steps, 4))) == {0, 255}


@pytest.mark.parametrize("factor", [0.5, 1.5, 3])
def test_invisible_colours_do_not_bleed(factor: float) -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 1] = 255  # green that nobody sees
    image[:, 3:] = (255, 0, 0, 255)
    scaled = scale_image(image, factor, "lanczos")
    visible = scaled[..., 3] > 8
    assert (scaled[visible][:, 0] > 240).all()
    assert (scaled[visible][:, 1] < 15).all()


def test_images_may_be_read_only_and_of_any_strides() -> None:
    images = images_of(2, 8, 6, 4)
    images.setflags(write=False)
    view = images[:, ::-1, ::2]
    for resample in ("nearest", "lanczos"):
        assert np.array_equal(scale_images(view, 2, resample), scale_images(view.copy(), 2, resample))


@pytest.mark.parametrize("factor", [0, 0.2, 8.1, -1, float("nan"), float("inf")])
def test_factors_out_of_range_are_refused(factor: float) -> None:
    with pytest.raises(ValueError, match=r"0\.25 to 8 are allowed"):
        scale_image(images_of(1, 2, 2, 3)[0], factor)


def test_another_resample_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="resample is 'cubic'; 'nearest' and 'lanczos'"):
        scale_image(images_of(1, 2, 2, 3)[0], 2, "cubic")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 3), (4, 4, 2)])
def test_shapes_that_cannot_be_drawn_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images has"):
        scale_image(np.zeros(shape, np.uint8), 2)


def test_other_than_uint8_is_named() -> None:
    with pytest.raises(TypeError, match="images is of float32"):
        scale_images(np.zeros((1, 4, 4, 3), np.float32), 2)
