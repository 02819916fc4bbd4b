"""The picture an answer holds, and what was drawn to make it."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from . import extras
from .files import PartFile, require_ending

if TYPE_CHECKING:
    import numpy.typing
    import PIL.Image

PIECE_BYTES = 2**20


@dataclass(frozen=True)
class Picture:
    """
    An encoded picture with its origin.

    `source` holds the file's bytes, or the path they were written to while they arrived (`to=`); `content` gives the
    bytes either way. `media_type` tells their format (`image/png`, `application/zip`, …). `seeds` holds the seeds as
    numbers, 0 … 2³²−1: one a tile, or the key points of a walk; it is empty where a point is not a seed. `points` holds
    the same as texts, latents as `z:…` too. `model` and `version` tell the bundle. `request` is the path and query
    that answer with the same picture again, or None where that would be too long for a URL; `Figment.replay_url` makes
    it an address. `labels` holds the class of each, an index of the model's `class_names`; it is empty where the
    model has no classes.
    """

    source: bytes | Path = field(repr=False)
    media_type: str
    seeds: tuple[int, ...]
    model: str
    version: int
    request: str | None
    labels: tuple[int, ...] = ()
    points: tuple[str, ...] = field(default=(), repr=False)

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def path(self) -> Path | None:
        """The file it was written to while it arrived, or None."""
        return None if isinstance(self.source, bytes) else self.source

    @property
    def seed(self) -> int | None:
        """The first of the seeds, or None where there is none."""
        return self.seeds[0] if self.seeds else None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """
        Write the bytes to `path` and return it.

        The file appears whole or not at all: it is written beside, then renamed over what was there.

        Raises `WrongEnding` where the ending names another format, or none (nothing is converted), and OSError where
        the file system refuses.
        """
        require_ending(path, self.media_type)
        with PartFile(path) as file, self._opened() as content:
            for piece in iter(partial(content.read, PIECE_BYTES), b""):
                file.write(piece)
            file.commit()
        return file.path

    def image(self) -> PIL.Image.Image:
        """
        The decoded image, as Pillow has it; of an animation, the first frame is current.

        Raises `PillowMissing` where Pillow is not installed, and what Pillow raises for bytes it cannot read.
        """
        image: PIL.Image.Image = extras.pillow("Picture.image()").open(io.BytesIO(self.content))
        image.load()
        return image

    def arrays(self) -> dict[str, numpy.typing.NDArray[Any]]:
        """
        The arrays of a picture in the format `npz`: `images` uint8 [n, height, width, channels], `latents` float32
        [n, latent size], and where there are any `seeds` uint32 [n] and `labels` int32 [n].

        Raises `NumpyMissing` where NumPy is not installed, and ValueError for another format.
        """
        archive = extras.numpy("Picture.arrays()").load(io.BytesIO(self.content), allow_pickle=False)
        if not hasattr(archive, "files") or "images" not in archive.files:
            raise ValueError(f"a picture of the format npz has arrays; this one is {self.media_type}")
        with archive:
            return {name: archive[name] for name in archive.files}

    def array(self) -> numpy.typing.NDArray[Any]:
        """`arrays()["images"]`: uint8 [n, height, width, channels]."""
        return self.arrays()["images"]

    def _opened(self) -> BinaryIO:
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")
