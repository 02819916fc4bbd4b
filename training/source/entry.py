"""One image of a source, not yet decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MAX_BYTES = 500_000_000
"""The largest file that is read, in bytes: a small zip can hold a huge file."""

Content = bytes | NDArray[np.uint8]
"""An encoded image, or pixels [height, width, 1, 3 or 4 channels]."""


class DataError(Exception):
    """The data cannot be trained on; says what was looked for and what was found."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a source.

    `name` is its path below the root, or its number in an array; no two of a source are the same. `stamp` changes
    when the content does. `read` gives the content, and raises DataError where the whole source is at fault.
    """

    name: str
    stamp: str
    read: Callable[[], Content]


def is_image(name: str) -> bool:
    """Whether a file is an image by its ending, and neither hidden nor one of macOS's extra files in zips."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def limited(read: Callable[[], bytes], size: int) -> bytes:
    """What `read` gives, unless it is said to be more than `MAX_BYTES`, which is a ValueError."""
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes are more than {MAX_BYTES}")
    return read()


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: names of files need not be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name as it can be printed on one line: control characters and bytes that are no UTF-8 are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
