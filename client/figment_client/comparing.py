"""Whether two files hold the same picture: by their bytes, or else by their pixels where Pillow is there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from . import extras
from .archives import pngs_of_zip
from .errors import PillowMissing
from .formats import HEAD_BYTES, container_of
from .inspections import Inspection, Verification

if TYPE_CHECKING:
    import PIL.Image

LOSSY_ALLOWED = 16
"""Levels of 255 that another build of a lossy encoder may be off; a picture of another seed is off by 100 and more."""


def verification(inspection: Inspection, content: bytes, redrawn: bytes, tolerance: int | None = None) -> Verification:
    """
    `content`, a picture with that origin, compared with what its request has drawn now.

    `tolerance` (0 … 255) is the difference of a channel that counts as none; by default 0, or LOSSY_ALLOWED where the
    format is lossy. Where the request draws an archive, the picture is a file of it, and the nearest one counts.
    """
    drawn = [redrawn]
    if container_of(redrawn[:HEAD_BYTES]) == "zip" and container_of(content[:HEAD_BYTES]) != "zip":
        drawn = list(pngs_of_zip(redrawn).values()) or drawn
    return min((_compared(inspection, content, each, tolerance) for each in drawn), key=_distance)


def _distance(found: Verification) -> tuple[bool, int]:
    return not found.same, 256 if found.largest_difference is None else found.largest_difference


def _compared(inspection: Inspection, content: bytes, redrawn: bytes, tolerance: int | None) -> Verification:
    allowed = tolerance if tolerance is not None else 0 if is_lossless(content) else LOSSY_ALLOWED
    if content == redrawn:
        return Verification(inspection, True, "bytes", 0, allowed)
    try:
        difference = largest_difference(content, redrawn)
    except (PillowMissing, OSError) as error:  # OSError is Pillow's for what it cannot decode, as MP4
        return Verification(inspection, False, "bytes", None, allowed, f"the bytes differ; {error}")
    if difference is None:
        return Verification(inspection, False, "pixels", None, allowed, "another size, or another number of frames")
    return Verification(inspection, difference <= allowed, "pixels", difference, allowed)


def is_lossless(content: bytes) -> bool:
    """Whether a file's format keeps pixels as they were drawn: PNG and WebP without loss (its chunks are VP8L)."""
    container = container_of(content[:HEAD_BYTES])
    return container == "png" or (container == "webp" and b"VP8L" in content and b"VP8 " not in content)


def largest_difference(one: bytes, other: bytes) -> int | None:
    """
    The largest difference of any channel of any pixel of any frame, 0 … 255; None where sizes or numbers differ.

    Raises PillowMissing, and OSError for what Pillow cannot decode.
    """
    image = extras.pillow("comparing pixels")
    with image.open(io.BytesIO(one)) as first, image.open(io.BytesIO(other)) as second:
        frames = getattr(first, "n_frames", 1)
        if first.size != second.size or frames != getattr(second, "n_frames", 1):
            return None
        return max(_difference(first, second, frame) for frame in range(frames))


def _difference(first: PIL.Image.Image, second: PIL.Image.Image, frame: int) -> int:
    from PIL import ImageChops

    first.seek(frame)
    second.seek(frame)
    bands = ImageChops.difference(first.convert("RGBA"), second.convert("RGBA")).getextrema()
    return max(int(band[1]) for band in bands if isinstance(band, tuple))
