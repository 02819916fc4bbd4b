import numpy as np
import pytest

from training.measures.classes import ClassCounts, class_measures, counted, covered, divergence, sure

SEEDS = range(3)
EVEN = np.full(4, 0.25, np.float32)


def says(classes: list[int], of: int, certainty: float = 0.9) -> np.ndarray:
    """What a classifier says that sees these classes, −1 for none: float32 [n, of + 1]."""
    found = np.full((len(classes), of + 1), (1 - certainty) / of, np.float32)
    found[np.arange(len(classes)), classes] = certainty
    return found


@pytest.mark.parametrize(("certainty", "counts"), [(0.9, True), (0.51, True), (0.49, False)])
def test_an_image_counts_where_the_classifier_is_more_sure_than_not(certainty: float, counts: bool) -> None:
    assert (sure(says([0, 1, 1], 4, certainty)) >= 0).all() == counts


def test_images_of_no_class_count_for_none() -> None:
    found = counted(says([0, 0, -1, 2], 4))
    assert found.counts.tolist() == [2, 0, 1, 0]
    assert found.images == 4


@pytest.mark.parametrize(
    ("counts", "images", "expected"),
    [
        ([25, 25, 25, 25], 100, [True] * 4),
        ([85, 5, 5, 5], 100, [True] * 4),  # a fifth of the expected 25
        ([88, 4, 4, 4], 100, [True, False, False, False]),
        ([8, 1, 1, 0], 10, [True, False, False, False]),  # once is chance
        ([0, 0, 0, 0], 100, [False] * 4),
    ],
)
def test_a_class_is_covered_from_a_fifth_of_its_share_on(counts: list[int], images: int, expected: list[bool]) -> None:
    assert covered(ClassCounts(np.array(counts), images), EVEN).tolist() == expected


def test_a_class_that_the_data_lacks_cannot_be_covered() -> None:
    shares = np.array([0.5, 0.5, 0], np.float32)
    assert covered(ClassCounts(np.array([50, 40, 10]), 100), shares).tolist() == [True, True, False]


def test_the_divergence_is_that_of_the_definition() -> None:
    assert divergence(ClassCounts(np.array([10, 10, 10, 10]), 90), EVEN) == 0
    assert divergence(ClassCounts(np.array([10, 0, 0, 0]), 90), EVEN) == pytest.approx(np.log(4))
    assert divergence(ClassCounts(np.array([30, 10, 0, 0]), 40), EVEN) == pytest.approx(
        0.75 * np.log(0.75 / 0.25) + 0.25 * np.log(0.25 / 0.25)
    )
    uneven = np.array([0.9, 0.1], np.float32)
    assert divergence(ClassCounts(np.array([0, 0]), 40), uneven) == pytest.approx(np.log(10), rel=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_held_out_images_are_the_floor_and_what_is_missing_is_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = says(rng.integers(0, 4, 400).tolist(), 4), says(rng.choice([0, 1, -1], 400).tolist(), 4)
    found = class_measures("hair", ["long", "short", "bun", "bald"], 0.99, EVEN, real, fake, seed)
    assert list(found) == ["hair_covered", "hair_kl", "hair_recognised"]
    assert (found["hair_covered"].value, found["hair_covered"].floor) == (2, 4)
    assert found["hair_covered"].about.endswith("not covered: bun, bald")
    assert found["hair_kl"].value == pytest.approx(np.log(2), abs=0.05)
    assert found["hair_kl"].floor == pytest.approx(0, abs=0.02)
    assert found["hair_recognised"].value == pytest.approx(2 / 3, abs=0.08)
    assert found["hair_recognised"].floor == 1
    for measure in found.values():
        assert measure.low is not None
        assert measure.high is not None
        assert measure.low <= measure.value <= measure.high
        assert (measure.count, measure.seed) == (400, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_interval_of_a_small_divergence_holds_it(seed: int) -> None:
    """Every draw with replacement is farther from the data than the images themselves."""
    classes = np.arange(800) % 40
    shares = np.full(40, 1 / 40, np.float32)
    seen = says(np.random.default_rng(seed).permutation(classes).tolist(), 40)
    found = class_measures("hair", [str(i) for i in range(40)], 1, shares, seen, seen, seed)["hair_kl"]
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.low == pytest.approx(0, abs=1e-6)
