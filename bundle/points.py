"""Points: places of the latent space as text, so that a picture of any latent has an address.

A point is a seed, or a latent by its numbers. As text a seed is a whole number; any other text is hashed to one; and
`z:` with base64url (RFC 4648, section 5, without padding) is a latent of little-endian float32.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bundle.latents import Latents, latents_of
from bundle.seeds import MAX_SEED_LENGTH, parse_seed

PREFIX: Final = "z:"
"""What the text of a latent begins with."""

MAX_LATENT_DIM: Final = 65536
"""Numbers of a latent, as in a manifest."""

BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Point:
    """A seed, or the float32 numbers of a latent as little-endian bytes; one of the two."""

    seed: int | None = None
    numbers: bytes = b""

    def __str__(self) -> str:
        """The text that `parse_point` reads as the same point."""
        if self.seed is not None:
            return str(self.seed)
        return PREFIX + base64.urlsafe_b64encode(self.numbers).decode().rstrip("=")


def parse_point(text: str) -> Point:
    """The point that a text stands for.

    Raises:
        ValueError: what `parse_seed` refuses; or a text with the prefix `z:` that is no base64url of float32 numbers,
            all finite.
    """
    if not text.startswith(PREFIX):
        return Point(parse_seed(text))
    code = text.removeprefix(PREFIX)
    shown = text if len(text) <= MAX_SEED_LENGTH else f"{text[:20]}…"
    if not BASE64URL.fullmatch(code) or len(code) % 4 == 1:
        raise ValueError(f"{shown}: after z: base64url without padding is needed")
    try:
        numbers = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except binascii.Error as error:
        raise ValueError(f"{shown}: {error}") from error
    if not numbers or len(numbers) % 4 or len(numbers) > 4 * MAX_LATENT_DIM:
        raise ValueError(
            f"{shown}: 1 to {MAX_LATENT_DIM} float32 numbers of 4 bytes are needed, got {len(numbers)} bytes"
        )
    if not np.isfinite(np.frombuffer(numbers, "<f4")).all():
        raise ValueError(f"{shown}: all numbers of a latent must be finite")
    return Point(numbers=numbers)


def point_of(latent: Latents) -> Point:
    """The point of a latent: float32 [latent_dim], finite."""
    return Point(numbers=np.ascontiguousarray(latent, "<f4").tobytes())


def latents_of_points(points: Sequence[Point], latent_dim: int, truncation: float = 1.0, classes: int = 0) -> Latents:
    """The latents of points, one row each; arguments as of `latents_of`.

    `truncation` multiplies a latent that is given by its numbers as it does that of a seed: all but its class.

    Returns:
        float32 [len(points), latent_dim].

    Raises:
        ValueError: a latent has another number of numbers, or one that truncation makes infinite.
    """
    latents = np.empty((len(points), latent_dim), np.float32)
    seeded = [i for i, point in enumerate(points) if point.seed is not None]
    seeds = [point.seed for point in points if point.seed is not None]
    if seeds:
        latents[seeded] = latents_of(seeds, latent_dim, truncation, classes)
    for i, point in enumerate(points):
        if point.seed is None:
            row = np.frombuffer(point.numbers, "<f4").astype(np.float64)
            if len(row) != latent_dim:
                raise ValueError(f"point {i} has {len(row)} numbers; this model's latents have {latent_dim}")
            row[classes:] *= truncation
            with np.errstate(over="ignore"):
                latents[i] = row
    if not np.isfinite(latents).all():
        raise ValueError("truncation makes a number of a latent infinite")
    return latents
