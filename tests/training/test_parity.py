import numpy as np
import pytest

from training.parity import LEVELS, SHARE, Parity, compare

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parity_counts_levels_and_pixels(seed: int) -> None:
    a = np.random.default_rng(seed).integers(5, 250, (2, 8, 8, 3)).astype(np.uint8)
    b = a.copy()
    b[0, 0, 0, 0] += 3
    assert compare(a, b) == Parity(levels=3, share=1 / a.size)
    with pytest.raises(ValueError, match="instead of"):
        compare(a, b[:1])


@pytest.mark.parametrize(
    ("parity", "rounding"),
    [(Parity(0, 0.0), True), (Parity(LEVELS, SHARE), True), (Parity(LEVELS + 1, 0.0), False), (Parity(1, 0.03), False)],
)
def test_what_rounding_explains(parity: Parity, rounding: bool) -> None:
    assert parity.is_rounding is rounding
