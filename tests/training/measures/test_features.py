from collections.abc import Callable

import numpy as np
import pytest

from training.measures.features import COLOURS, FIELDS, FILTERS, features, standardised

Pictures = Callable[..., np.ndarray]


@pytest.mark.parametrize(("size", "levels"), [(16, 1), (32, 2), (64, 3), (128, 4)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_features_have_a_size_that_the_shape_gives(pictures: Pictures, size: int, levels: int, channels: int) -> None:
    found = features(pictures(3, 0, size, channels))
    filters = min(FILTERS, 25 * channels)
    assert found.shape == (3, COLOURS**2 * channels + levels * FIELDS**2 * filters)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.parametrize("seed", range(3))
def test_an_images_features_do_not_depend_on_the_others(pictures: Pictures, seed: int) -> None:
    images = pictures(70, seed)
    np.testing.assert_allclose(features(images)[65:66], features(images[65:66]), rtol=1e-4, atol=1e-4)


def test_a_flat_image_has_colours_and_nothing_else() -> None:
    found = features(np.full((1, 32, 32, 3), 128, np.uint8))[0]
    np.testing.assert_allclose(found[: 3 * COLOURS**2], 2)
    fine = found[-FIELDS * FIELDS * FILTERS :]
    assert (fine == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_standardised_is_so_by_the_real_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(3, 2, (50, 5)).astype(np.float32), rng.normal(4, 1, (40, 5)).astype(np.float32)
    real[:, 4] = fake[:, 4] = 7  # never varies
    a, b = standardised(real, fake)
    np.testing.assert_allclose(a.mean(0), 0, atol=1e-5)
    assert (a.std(0)[:4] < 1).all()
    assert (a.std(0)[:4] > 0.85).all()
    assert not a[:, 4].any()
    assert not b[:, 4].any()
    assert b[:, :4].mean() == pytest.approx(0.5, abs=0.25)
