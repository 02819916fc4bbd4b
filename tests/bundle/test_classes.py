import numpy as np
import pytest

from bundle.classes import class_of, classes_of_seeds, with_class
from bundle.latents import Latents, latents_of
from bundle.walks import walk

SHARES = [
    (1.0,),
    (0.5, 0.5),
    (0.7, 0.2, 0.06, 0.03, 0.01),
    (0.9997, 0.0001, 0.0001, 0.0001),
    tuple(2 * (i + 1) / (20 * 21) for i in range(20)),
]
BOUND = {1: 0.1, 2: 10.8, 4: 16.3, 5: 18.5, 20: 43.8}
"""The 99.9 % quantiles of chi-square with K − 1 degrees of freedom, by K."""


@pytest.mark.parametrize("shares", SHARES, ids=len)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_are_as_frequent_as_their_shares(shares: tuple[float, ...], seed: int) -> None:
    latents = np.random.RandomState(seed).randn(20_000, len(shares) + 2).astype(np.float32)
    counts = np.bincount(class_of(latents, shares), minlength=len(shares))
    expected = 20_000 * np.asarray(shares)
    assert ((counts - expected) ** 2 / expected).sum() < BOUND[len(shares)]


@pytest.mark.parametrize(
    ("row", "shares", "label"),
    [
        ((0.1, 0.0), (0.5, 0.5), 0),
        ((0.0, 0.1), (0.5, 0.5), 1),
        ((0.0, 0.1), (0.9, 0.1), 0),  # g = 0.367 + ln 0.9 and 0.484 + ln 0.1
        ((0.0, 1.9), (0.9, 0.1), 1),  # g = 0.367 + ln 0.9 and 3.535 + ln 0.1
        ((-9.0, -5.0, 9.0), (0.2, 0.2, 0.6), 2),
        ((-50.0, -50.0), (0.4, 0.6), 1),  # both at the lower clip: the shares decide
        ((50.0, 6.0), (0.4, 0.6), 1),  # both at the upper
    ],
)
def test_the_largest_gumbel_variate_with_its_share_wins(
    row: tuple[float, ...], shares: tuple[float, ...], label: int
) -> None:
    assert class_of(np.asarray([row], np.float32), shares).tolist() == [label]


@pytest.mark.parametrize("shares", SHARES, ids=len)
def test_only_the_first_numbers_count_and_no_other_row(shares: tuple[float, ...]) -> None:
    latents = latents_of(range(200), 24)
    labels = class_of(latents, shares)
    assert labels.dtype == np.int32
    changed = latents.copy()
    changed[:, len(shares) :] = 9.0
    np.testing.assert_array_equal(class_of(changed, shares), labels)
    np.testing.assert_array_equal(np.concatenate([class_of(row[None], shares) for row in latents]), labels)


@pytest.mark.parametrize("truncation", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("latent_dim", [5, 6, 7, 128])
def test_a_seed_s_class_is_that_of_its_latent_at_any_truncation(latent_dim: int, truncation: float) -> None:
    seeds, shares = [0, 7, 8, 1234, 2**32 - 1, *range(100, 150)], SHARES[2]
    labels = classes_of_seeds(seeds, shares)
    np.testing.assert_array_equal(labels, class_of(latents_of(seeds, latent_dim, truncation, 5), shares))


@pytest.mark.parametrize("shares", SHARES, ids=len)
@pytest.mark.parametrize("truncation", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("first", [0, 1000, 2**32 - 300])
def test_a_chosen_class_wins_and_the_other_numbers_stay(
    shares: tuple[float, ...], truncation: float, first: int
) -> None:
    latents = latents_of(range(first, first + 300), 24, truncation)
    before = latents.copy()
    for label in range(len(shares)):
        chosen = with_class(latents, label, shares)
        assert chosen.dtype == np.float32
        assert (class_of(chosen, shares) == label).all()
        np.testing.assert_array_equal(chosen[:, len(shares) :], latents[:, len(shares) :])
        np.testing.assert_array_equal(latents, before)


@pytest.mark.parametrize("extreme", [-40.0, 0.0, 40.0])
def test_a_chosen_class_wins_with_the_smallest_share_against_any_latent(extreme: float) -> None:
    latents: Latents = np.full((1, 4), extreme, np.float32)
    shares = (2e-6, 1.0 - 2e-6)
    assert class_of(with_class(latents, 0, shares), shares).tolist() == [0]


@pytest.mark.parametrize("label", [0, 4])
@pytest.mark.parametrize("seed", [1, 20])
def test_a_class_stays_chosen_on_the_whole_walk(label: int, seed: int) -> None:
    shares = (0.2,) * 5
    steps = walk(latents_of([seed, seed + 1, seed + 2], 16), 21, loop=True)
    assert len(set(class_of(steps, shares).tolist())) > 1
    assert (class_of(with_class(steps, label, shares), shares) == label).all()


def test_no_latents_have_no_classes() -> None:
    assert class_of(latents_of([], 4), (0.5, 0.5)).shape == (0,)
    assert with_class(latents_of([], 4), 1, (0.5, 0.5)).shape == (0, 4)


@pytest.mark.parametrize("shares", [(), (0.2,) * 5])
def test_there_must_be_classes_and_numbers_for_them(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=f"1 to 4 shares are needed.* got {len(shares)}"):
        class_of(latents_of([1], 4), shares)
    with pytest.raises(ValueError, match="1 to 4 shares"):
        with_class(latents_of([1], 4), 0, shares)


@pytest.mark.parametrize("label", [-1, 2, 100])
def test_a_label_is_one_of_the_classes(label: int) -> None:
    with pytest.raises(ValueError, match=rf"0 … 1, got {label}"):
        with_class(latents_of([1], 4), label, (0.5, 0.5))
