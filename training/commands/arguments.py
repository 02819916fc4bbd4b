"""What arguments of the commands mean: numbers of images, times, seeds, names."""

import argparse
import re
from pathlib import Path

from bundle.store import is_name
from training.source.entry import is_unicode


def count(text: str) -> int:
    """A number of images: "50000", "500k", "1.5M"."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,12})?)([kKmM]?)", text)
    number = round(float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]) if match else 0
    if not 1 <= number <= 10**10:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images, such as 50000, 500k or 1.5M")
    return number


def duration(text: str) -> float:
    """A time in seconds: "90s", "60m", "2h", "1h30m"."""
    match = re.fullmatch(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", text)
    seconds = sum(int(n or 0) * unit for n, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time, such as 90s, 60m, 2h or 1h30m")
    return float(seconds)


def text(given: str) -> str:
    """A text that can be written to a file."""
    if not is_unicode(given):
        raise argparse.ArgumentTypeError(f"{given!r} is no valid Unicode")
    return given


def path(given: str) -> Path:
    """A path that can be written to a file: the run's, so that it can be found again."""
    return Path(text(given))


def model_name(text: str) -> str:
    """A model's name, as the store takes it."""
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no model name: lower-case letters, digits, '.', '_', '-'")
    return text


def share(text: str) -> float:
    """A part of the data, 0 … 0.5."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is no share of the data from 0 to 0.5, such as 0.05")
    return number


def version(text: str) -> int:
    """A model's version: a whole number from 1."""
    if not (text.isdecimal() and len(text) <= 9 and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no version: a whole number from 1")
    return int(text)


def seed(text: str) -> int:
    """A run's seed: 0 … 2³²−1."""
    if not (text.isdecimal() and len(text) <= 10 and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 0 … 4294967295")
    return int(text)
