"""The kinds of parameters: how each is read, from the text of a query or a value of JSON, and what is allowed."""

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from bundle.points import Point, parse_point
from bundle.seeds import SEED_COUNT
from service.pictures.colours import Colour, parse_colour

MAX_IMAGES: Final = 64
"""Images of one request."""
MAX_FRAMES: Final = 240
"""Frames of a whole walk."""
MAX_KEYS: Final = 16
"""Points of one walk, or of one sum."""
MAX_TRUNCATION: Final = 2.0
MAX_WEIGHT: Final = 4.0
MAX_LABEL: Final = 255
"""Characters of a class's name."""
MAX_DIGITS: Final = 20
"""Of a whole number."""
MAX_NUMBER: Final = 40
"""Characters of a number."""

A_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
RANGE: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")
SHAPE: Final = re.compile(r"([0-9]{1,3})x([0-9]{1,3})")


def _whole_number(value: object) -> object:
    """Refuse what Python would take for a number and a person would not: "1.0", " 1", "1_000", True."""
    if isinstance(value, bool | float) or (
        isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdecimal())
    ):
        raise ValueError("a whole number is needed")
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        raise ValueError("the number has too many digits")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool) or (
        isinstance(value, str) and (len(value) > MAX_NUMBER or not A_NUMBER.fullmatch(value))
    ):
        raise ValueError("a number is needed")
    return value


def _true_or_false(value: object) -> object:
    if value not in ("true", "false") if isinstance(value, str) else not isinstance(value, bool):
        raise ValueError("true or false is needed")
    return value


def _point(value: object) -> Point:
    """A point of its text, or of a JSON number."""
    if isinstance(value, bool | float) or not isinstance(value, str | int | Point):
        raise ValueError("a seed is needed, a whole number or a text")
    return value if isinstance(value, Point) else parse_point(str(value))


def _seed(value: object) -> int:
    point = _point(value)
    if point.seed is None:
        raise ValueError("a seed is needed, and no latent")
    return point.seed


def _parts(value: object) -> Sequence[object]:
    """The elements of a list, or of a text with commas; white space round a comma does not count."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple):
        return value
    raise ValueError("a list is needed, or a text with commas")


def _points_in_ranges(value: object) -> tuple[Point, ...]:
    return _bounded(_expanded(_parts(value)), 1, MAX_IMAGES, "seeds")


def _expanded(parts: Sequence[object]) -> Iterator[Point]:
    for part in parts:
        match = RANGE.fullmatch(part) if isinstance(part, str) else None
        if not match:
            yield _point(part)
            continue
        first, last = int(match[1]), int(match[2])
        if first > last or last >= SEED_COUNT:
            raise ValueError(
                f"{part}: a range is FIRST-LAST, of seeds 0 … {SEED_COUNT - 1}, the first not above the last"
            )
        yield from map(Point, range(first, last + 1))


def _key_points(value: object) -> tuple[Point, ...]:
    return _bounded(_expanded(_parts(value)), 2, MAX_KEYS, "seeds, separated by commas,")


def _bounded(points: Iterator[Point], least: int, most: int, what: str) -> tuple[Point, ...]:
    """So many of them, without making more than one too many."""
    found = tuple(point for point, _ in zip(points, range(most + 1), strict=False))
    if not least <= len(found) <= most:
        count = f"more than {most}" if len(found) > most else str(len(found))
        raise ValueError(f"{least} to {most} {what} are needed; there are {count}")
    return found


def _numbers(value: object) -> tuple[float, ...]:
    numbers = []
    for part in _parts(value):
        if not isinstance(part, str | int | float):
            raise ValueError("numbers are needed, separated by commas")
        number = float(str(_number(part)))
        if not (math.isfinite(number) and abs(number) <= MAX_WEIGHT):
            raise ValueError(f"numbers from -{MAX_WEIGHT:g} to {MAX_WEIGHT:g} are needed")
        numbers.append(number)
    return tuple(numbers)


def _texts(value: object) -> tuple[str, ...]:
    parts = next(csv.reader([value], skipinitialspace=True), None) if isinstance(value, str) else _parts(value)
    parts = parts or [""]
    texts = tuple(str(part) for part in parts if isinstance(part, str | int) and not isinstance(part, bool))
    if len(texts) != len(parts) or not all(0 < len(text) <= MAX_LABEL for text in texts):
        raise ValueError(f"names of classes, or their indices, are needed, of 1 to {MAX_LABEL} characters")
    return texts


def _colour(value: object) -> Colour:
    if not isinstance(value, str):
        raise ValueError("a colour is needed, as text")
    return parse_colour(value)


def _shape(value: object) -> tuple[int, int]:
    """Columns and rows."""
    match = SHAPE.fullmatch(value) if isinstance(value, str) else None
    columns, rows = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(columns, rows) < 2 or columns * rows > MAX_IMAGES:
        raise ValueError(f"COLUMNSxROWS is needed, as in 8x8: 2 or more of each, at most {MAX_IMAGES} images")
    return columns, rows


def _text_schema(description: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description, "examples": list(examples)})


def _read(read: Callable[[object], Any]) -> BeforeValidator:
    """Read it before pydantic looks at it; None, where it may be left out, stays None."""
    return BeforeValidator(lambda value: None if value is None else read(value))


WHOLE: Final = BeforeValidator(_whole_number)
NUMBER: Final = BeforeValidator(_number)
"""For `Annotated`, behind the bounds of a number: in front of them they would be missing in the JSON schema."""
Switch = Annotated[bool, BeforeValidator(_true_or_false)]

A_POINT = (
    f"A whole number 0 … {SEED_COUNT - 1}; any other text is hashed to one; or z: with base64url of the float32 "
    "numbers of a latent."
)
ASeed = Annotated[Point, _read(_point), _text_schema(f"{A_POINT} Random if left out.", "7", "ada")]
SeedText = Annotated[str, BeforeValidator(lambda text: str(parse_point(text))), _text_schema(A_POINT, "7", "ada")]
"""The canonical text of a point, for paths, whose parameters FastAPI wants plain."""
Points = Annotated[
    tuple[Point, ...],
    _read(_points_in_ranges),
    _text_schema(
        f"1 to {MAX_IMAGES} points separated by commas, ranges of numbers among them. {A_POINT}", "0-15,42,ada"
    ),
]
PlainSeed = Annotated[int, BeforeValidator(_seed), _text_schema("A whole number, or any other text.", "7")]
"""A seed, and no other point."""
KeyPoints = Annotated[
    tuple[Point, ...],
    _read(_key_points),
    _text_schema(f"2 to {MAX_KEYS} points, separated by commas, ranges of numbers among them. {A_POINT}", "1,2,3"),
]
Weights = Annotated[
    tuple[float, ...],
    _read(_numbers),
    _text_schema(f"One for each seed, -{MAX_WEIGHT:g} … {MAX_WEIGHT:g}, separated by commas.", "1,-1,1"),
]
Labels = Annotated[
    tuple[str, ...],
    _read(_texts),
    _text_schema(
        "A class for each image, by name or index, with commas; a name with a comma is in quotation marks.",
        "0,3,1",
    ),
]
Background = Annotated[
    Colour,
    _read(_colour),
    _text_schema(
        "Of what no image covers: a hexadecimal number, a CSS name, or transparent. White if left out.",
        "ffffff",
        "transparent",
    ),
]
Shape = Annotated[
    tuple[int, int],
    _read(_shape),
    _text_schema("Columns and rows of a lattice between four seeds, its corners, row by row.", "8x8"),
]
Truncation = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_TRUNCATION,
        allow_inf_nan=False,
        description="ψ: the latent, but not its class, is multiplied by it.",
    ),
    NUMBER,
]
Label = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_LABEL)] | None,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value),
    Field(
        description="A class of the model: one of the `class_names` of `GET /models`, or its index, from 0. "
        "If left out, each seed has its own class.",
    ),
]
Version = Annotated[
    Annotated[int, Field(ge=1, le=2**31), WHOLE] | None,
    Field(description="A version of the model in the store; the newest good one if left out."),
]
ModelName = Annotated[
    Annotated[str, Field(min_length=1, max_length=100)] | None, Field(description="A name from `GET /models`.")
]
