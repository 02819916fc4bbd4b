"""Seeds: the numbers by which an image is asked for again.

A seed is a whole number 0 … 2³²−1, what `numpy.random.RandomState` takes. Any other string becomes one by
hashing, so that a name can be asked for.
"""

import hashlib
import secrets
from collections.abc import Iterator

SEED_COUNT = 2**32
"""How many seeds there are: 0 … SEED_COUNT − 1."""

MAX_SEED_LENGTH = 200
"""The longest string that is taken as a seed, in characters."""


def is_seed(number: int) -> bool:
    """Whether `number` is a seed: 0 ≤ number < 2³²."""
    return 0 <= number < SEED_COUNT


def parse_seed(text: str) -> int:
    """The seed that a string stands for.

    A string of ASCII digits is that number; any other string is hashed (the first four bytes of its
    SHA-256 in UTF-8, big-endian).

    Raises:
        ValueError: the string is empty or longer than 200 characters, or a number outside 0 … 2³²−1.
    """
    if not text:
        raise ValueError("a seed must not be empty")
    if len(text) > MAX_SEED_LENGTH:
        raise ValueError(f"a seed has at most {MAX_SEED_LENGTH} characters, this one has {len(text)}")
    if not is_number(text):
        return _hashed(text)
    number = int(text)
    if not is_seed(number):
        raise ValueError(f"a seed is a whole number 0 … {SEED_COUNT - 1}, or any other text")
    return number


def is_number(text: str) -> bool:
    """Whether a string is written as a whole number ("7", "-3"), and so is never hashed."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal()


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def random_seed() -> int:
    """A seed from the operating system's randomness."""
    return secrets.randbelow(SEED_COUNT)


def consecutive_seeds(first: int, count: int) -> Iterator[int]:
    """The seeds of a request: image i has seed `first + i` (mod 2³²)."""
    return ((first + i) % SEED_COUNT for i in range(count))
