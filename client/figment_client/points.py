"""
Points, the places of the latent space that pictures are drawn at, as text.

A point is a seed, that is a whole number 0 … 2³²−1 or any words, which the server hashes to one; or a latent: its
numbers, or as text `z:` with their base64url (RFC 4648, section 5, without padding) as little-endian float32.
"""

from __future__ import annotations

import array
import base64
import itertools
import math
import operator
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from .errors import InvalidArgument

Latent: TypeAlias = Collection[float]
Point: TypeAlias = int | str | Latent

MAX_SEED = 2**32 - 1
LATENT_PREFIX = "z:"
MOST_POINTS = 64  # of one picture


def point_text(point: Point) -> str:
    """
    A point as it is sent: a number in digits, any string but the empty one as it is, a latent as `z:…`.

    Raises InvalidArgument for a number out of range (as digits it would be just another string to the server, hashed
    to some other seed), the empty string, and what `point_of` refuses.
    """
    if isinstance(point, str):
        if not point:
            raise InvalidArgument("seed '': an empty string is no seed; leave the seed out to draw one at random")
        return encodable(point, "seed")
    if isinstance(point, Collection):  # an array of NumPy is one
        return point_of(point)
    number = operator.index(point)
    if not 0 <= number <= MAX_SEED:
        raise InvalidArgument(f"seed {number}: a number has to be within 0 … {MAX_SEED}")
    return str(number)


def points_texts(points: Iterable[Point]) -> tuple[str, ...]:
    """Points as they are sent in one request, where commas separate them: so none may hold one itself."""
    if isinstance(points, str):
        raise InvalidArgument(f"seeds {points!r}: a sequence of seeds is needed, like [1, 2], not one string")
    texts = tuple(point_text(point) for point in points)
    if not texts:
        raise InvalidArgument("seeds: empty; leave them out to draw at random")
    for text in texts:
        if "," in text:
            raise InvalidArgument(f"seed {text!r}: holds a comma, which separates seeds")
    return texts


def point_of(latent: Latent) -> str:
    """The text of a latent, which is a sequence of finite numbers (a row of NumPy too); they become float32."""
    try:
        numbers = array.array("f", [float(number) for number in latent])
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"a latent is a sequence of numbers: {error}") from error
    if not numbers or not all(map(math.isfinite, numbers)):
        raise InvalidArgument("a latent has at least one number, and all are finite as float32")
    if sys.byteorder == "big":
        numbers.byteswap()
    return LATENT_PREFIX + base64.urlsafe_b64encode(numbers.tobytes()).decode("ascii").rstrip("=")


def points_of_request(request: str) -> tuple[str, ...]:
    """
    The points that the path and query of a request name: one an image, or the key points of a walk.

    Of a first seed with `n` these are the seeds that follow it too; none where the request names none.
    """
    url = urlsplit(request)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    if url.path.startswith("/images/"):
        return (unquote(url.path.removeprefix("/images/")).rpartition(".")[0],)
    if "seeds" in query:
        return tuple(itertools.islice(expanded(query["seeds"]), MOST_POINTS))
    first, count = query.get("seed"), query.get("n", "1")
    if url.path.startswith("/generate") and first is not None and (first + count).isdecimal():
        return tuple(str((int(first) + i) % (MAX_SEED + 1)) for i in range(min(int(count), MOST_POINTS)))
    return () if first is None else (first,)


def expanded(text: str) -> Iterator[str]:
    """The points of a text in which `a-b` may stand for the numbers from a to b; commas separate."""
    for part in text.split(","):
        numbers = range_of(part.strip())
        yield from (part.strip(),) if numbers is None else map(str, numbers)


def range_of(text: str) -> range | None:
    """The numbers from a to b that `a-b` stands for, or None where the text is not of this form."""
    bounds = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})", text)
    numbers = range(0) if bounds is None else range(int(bounds[1]), int(bounds[2]) + 1)
    return numbers if numbers else None


def pages(points: Iterable[Point], size: int = MOST_POINTS) -> Iterator[tuple[Point, ...]]:
    """Any number of points in groups of at most `size`; they are taken from the iterable as they are needed."""
    if isinstance(points, str):
        raise InvalidArgument(f"seeds {points!r}: a sequence of seeds is needed, like [1, 2], not one string")
    rest = iter(points)
    while page := tuple(itertools.islice(rest, size)):
        yield page


def ranges_text(points: Sequence[str | int]) -> str:
    """Points as a short text that `seeds` takes: numbers that follow each other as a range, `0-15,42,ada`."""
    runs: list[tuple[str, str]] = []
    for text in map(str, points):
        if runs and text.isdecimal() and runs[-1][1].isdecimal() and int(text) == int(runs[-1][1]) + 1:
            runs[-1] = (runs[-1][0], text)
        else:
            runs.append((text, text))
    return ",".join(first if first == last else f"{first}-{last}" for first, last in runs)


def encodable(text: str, what: str) -> str:
    """The text, which InvalidArgument refuses where it has no UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{what} {text!r}: has no UTF-8 form ({error.reason})") from error
    return text
