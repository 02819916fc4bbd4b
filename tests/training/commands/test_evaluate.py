"""The command `evaluate`: its arguments and its table."""

import argparse

import pytest

from bundle.manifest import Measure
from training.commands.evaluate import add, cells, keys, number


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(words)


def test_labels_are_keys_with_commas_between_them() -> None:
    assert parse("models/faces/1", "--labels", "hair, skin").labels == ("hair", "skin")
    assert parse("models/faces/1").labels == ()
    assert keys("hair") == ("hair",)


@pytest.mark.parametrize(
    "words", [["--labels", "hair,,skin"], ["--labels", ""], ["--count", "0"], ["--count", "many"], ["--seed", "-1"]]
)
def test_bad_arguments_are_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse("models/faces/1", *words)


@pytest.mark.parametrize(
    ("value", "text"),
    [(21.0, "21"), (0.0, "0"), (0.581128, "0.5811"), (23.89226, "23.89"), (-0.00312, "-0.00312"), (37626.9, "37627")],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_not_known_is_a_dash() -> None:
    assert cells(Measure(value=1.5, about="")) == ("1.5", "–", "–", "–")
    known = Measure(value=1.5, floor=1, low=0, high=2.25, count=1000, about="")
    assert cells(known) == ("1.5", "0 … 2.25", "1", "1,000")
