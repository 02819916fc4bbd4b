import numpy as np
import pytest

from training.measures.images import check_pair, content_order, drawn


def black(count: int, size: int = 32, channels: int = 3) -> np.ndarray:
    return np.zeros((count, size, size, channels), np.uint8)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (black(8).astype(np.float32), black(8), "real images are float32"),
        (black(8), black(8)[0], r"generated images are uint8 \[32, 32, 3\]"),
        (black(8), black(8, channels=1), r"real images are \[32, 32, 3\], generated ones \[32, 32, 1\]"),
        (black(0), black(8), "no real images"),
        (black(8), black(0), "no generated images"),
        (black(8, 48), black(8, 48), "48 × 48 pixels"),
        (black(8, 8), black(8, 8), "8 × 8 pixels"),
        (black(1, 2048, 1), black(1, 2048, 1), "2048 × 2048 pixels"),
        (black(8)[:, :16], black(8)[:, :16], "16 × 32 pixels"),
        (black(8, channels=2), black(8, channels=2), "2 channels"),
    ],
)
def test_what_cannot_be_compared_is_refused(real: np.ndarray, fake: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_pair(real, fake)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_does_not_depend_on_the_order_of_the_images(seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (20, 16, 16, 1)).astype(np.uint8)
    shuffled = np.random.default_rng(seed + 1).permutation(images)
    np.testing.assert_array_equal(images[content_order(images)], shuffled[content_order(shuffled)])
    np.testing.assert_array_equal(drawn(images, 7, seed), drawn(shuffled, 7, seed))
    assert not np.array_equal(drawn(images, 7, seed), drawn(images, 7, seed + 1))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_drawn_twice(seed: int) -> None:
    images = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 16, 1), np.uint8)
    assert len(np.unique(drawn(images, 20, seed)[:, 0, 0, 0])) == 20
