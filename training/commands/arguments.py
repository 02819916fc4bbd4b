"""What arguments of the commands mean: numbers of images, seeds, names."""

import argparse
import re

from bundle.store import is_name


def count(text: str) -> int:
    """A number of images: "50000", "500k", "1.5M"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", text)
    number = round(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]) if match else 0
    if not 1 <= number <= 10**10:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images, such as 50000, 500k or 1.5M")
    return number


def model_name(text: str) -> str:
    """A model's name, as the store takes it."""
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no model name: lower-case letters, digits, '.', '_', '-'")
    return text


def version(text: str) -> int:
    """A model's version: a whole number from 1."""
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no version: a whole number from 1")
    return int(text)


def seed(text: str) -> int:
    """A run's seed: 0 … 2³²−1."""
    if not (text.isdecimal() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 0 … 4294967295")
    return int(text)
