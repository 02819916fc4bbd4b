import hashlib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.seeds import MAX_SEED_LENGTH, SEED_COUNT, consecutive_seeds, is_number, is_seed, parse_seed, random_seed


@pytest.mark.parametrize(("number", "answer"), [(0, True), (7, True), (2**32 - 1, True), (2**32, False), (-1, False)])
def test_a_seed_is_a_whole_number_below_two_to_the_32(number: int, answer: bool) -> None:
    assert is_seed(number) is answer


@pytest.mark.parametrize(
    ("text", "seed"),
    [("0", 0), ("7", 7), ("007", 7), ("-0", 0), ("4294967295", 4294967295), ("1234567890", 1234567890)],
)
def test_digits_are_that_number(text: str, seed: int) -> None:
    assert parse_seed(text) == seed


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("hello", 754077114),
        ("Ada Lovelace", 1987314198),
        ("ψ", 1526746367),
        ("seed 7", 3519951978),
        (" 7", 2116181346),
        ("1e3", 185715201),
        ("١٢", 3603449878),  # digits, but not ASCII
        ("-", 963895330),
        (" ", 917104625),
    ],
)
def test_a_string_keeps_its_seed_for_ever(text: str, seed: int) -> None:
    assert parse_seed(text) == seed


@pytest.mark.parametrize("text", ["hello", "Ada Lovelace", "ψ"])
def test_a_string_is_the_first_four_bytes_of_its_sha256(text: str) -> None:
    assert parse_seed(text) == int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("-3", "0 … 4294967295"),
        ("4294967296", "0 … 4294967295"),
        ("9" * MAX_SEED_LENGTH, "0 … 4294967295"),
        ("x" * (MAX_SEED_LENGTH + 1), "at most 200 characters, this one has 201"),
    ],
)
def test_what_is_no_seed_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_seed(text)


@given(st.text(min_size=1, max_size=MAX_SEED_LENGTH).filter(lambda text: not is_number(text)))
def test_any_text_has_one_seed(text: str) -> None:
    assert is_seed(parse_seed(text))
    assert parse_seed(text) == parse_seed(text)


@given(st.integers(0, SEED_COUNT - 1))
def test_a_number_survives_being_written_down(seed: int) -> None:
    assert parse_seed(str(seed)) == seed


def test_a_lone_surrogate_has_a_seed_too() -> None:
    assert is_seed(parse_seed("\udcff"))
    assert parse_seed("\udcff") != parse_seed("\udcfe")


@pytest.mark.parametrize(
    ("first", "count", "seeds"),
    [
        (0, 3, [0, 1, 2]),
        (41, 1, [41]),
        (2**32 - 2, 4, [2**32 - 2, 2**32 - 1, 0, 1]),
        (5, 0, []),
    ],
)
def test_the_seeds_of_a_request_count_up_and_wrap(first: int, count: int, seeds: list[int]) -> None:
    assert list(consecutive_seeds(first, count)) == seeds


@pytest.mark.parametrize("first", [0, 99, 2**32 - 3])
def test_a_short_request_is_the_beginning_of_a_long_one(first: int) -> None:
    assert list(consecutive_seeds(first, 4)) == list(islice(consecutive_seeds(first, 16), 4))


def test_random_seeds_are_seeds_and_differ() -> None:
    seeds = [random_seed() for _ in range(64)]
    assert all(is_seed(seed) for seed in seeds)
    assert len(set(seeds)) > 60  # the chance of 4 collisions among 64 of 2³² is below 1e-20
    assert max(seeds) > 2**31  # fails once in 2⁶⁴ times
