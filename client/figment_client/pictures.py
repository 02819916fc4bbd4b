"""The picture an answer holds, and what was drawn to make it."""

from __future__ import annotations

import io
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import PillowMissing, WrongEnding
from .formats import format_of_media_type, format_of_path

if TYPE_CHECKING:
    import PIL.Image


@dataclass(frozen=True)
class Picture:
    """
    An encoded image with its origin.

    `content` is the file's bytes and `media_type` their format (`image/png`, `image/webp`, `image/gif`).
    `seed` is the first seed as a number, 0 … 2³²−1 (None for a walk); `seeds` holds one a tile, or the key
    points of a walk. `model` and `version` tell the bundle. `request` is the path and query that answer with
    the same picture again; `Figment.replay_url` makes it an address. `labels` holds the class of each seed's
    image, an index of the model's `class_names`; it is empty where the model has no classes.
    """

    content: bytes = field(repr=False)
    media_type: str
    seed: int | None
    seeds: tuple[int, ...]
    model: str
    version: int
    request: str
    labels: tuple[int, ...] = ()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """
        Write the bytes to `path` and return it.

        The file appears whole or not at all: it is written beside, then renamed over what was there.

        Raises `WrongEnding` where the ending names another format, or none (`.png`, `.webp`, `.gif`; nothing
        is converted), and OSError where the file system refuses.
        """
        target = Path(path)
        self._require_ending(target)
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with beside.open("xb") as file:
                file.write(self.content)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)  # after the rename there is nothing to remove
        return target

    def image(self) -> PIL.Image.Image:
        """
        The decoded image, as Pillow has it; of an animation, the first frame is current.

        Raises `PillowMissing` where Pillow is not installed, and what Pillow raises for bytes it cannot read.
        """
        try:
            import PIL.Image
        except ImportError as error:
            message = "Picture.image() needs Pillow: pip install 'figment-client[pillow]'"
            raise PillowMissing(message) from error
        image = PIL.Image.open(io.BytesIO(self.content))
        image.load()
        return image

    def _require_ending(self, target: Path) -> None:
        kind = format_of_media_type(self.media_type)
        if kind is None or format_of_path(target) is not kind:
            wanted = f"a name ending in {kind.ending}" if kind else "a format this client knows"
            raise WrongEnding(f"{str(target)!r}: a picture of type {self.media_type} needs {wanted}")
