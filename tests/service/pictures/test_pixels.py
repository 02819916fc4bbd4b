import numpy as np
import pytest

from service.pictures.pixels import as_array, flattened, to_pillow


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pixels_go_to_pillow_and_back(seed: int, channels: int, mode: str) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (5, 8, channels), dtype=np.uint8)[:, ::-2]
    picture = to_pillow(image)
    assert picture.mode == mode
    assert np.array_equal(as_array(picture), image)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_seen_is_mixed_with_white(seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (2, 9, 9, 4), dtype=np.uint8)
    alpha = image[..., 3:] / 255.0
    assert np.abs(flattened(image) - (image[..., :3] * alpha + 255 * (1 - alpha))).max() <= 0.5


def test_all_alphas_of_black_and_white_are_exact() -> None:
    image = np.zeros((256, 2, 4), np.uint8)
    image[:, 1] = 255
    image[..., 3] = np.arange(256)[:, np.newaxis]
    assert np.array_equal(flattened(image)[:, 0, 0], 255 - np.arange(256))
    assert (flattened(image)[:, 1] == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_what_has_no_alpha_stays(channels: int) -> None:
    image = np.arange(channels * 4, dtype=np.uint8).reshape(2, 2, channels)
    assert np.array_equal(flattened(image), image)
