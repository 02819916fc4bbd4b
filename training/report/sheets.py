"""The sample sheets of a run as pictures for a page: encoded small, over time, and moving."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.sheet import SHEET_SIDE

SHEETS_BYTES: Final = 2_400_000
"""All sheets of the slider together, before base64, which adds a third."""
TIMELAPSE_BYTES: Final = 1_000_000
SLIDER_SIDE: Final = 768
"""Pixels: larger sheets are made smaller for the slider; the last one is kept as it is."""
MOMENTS: Final = 10
"""Columns of the strip."""
STRIP_SEEDS: Final = 6
"""Rows of the strip."""
TIMELAPSE_SIDE: Final = 4
"""The timelapse shows the upper left 4 × 4 images of the sheet."""
TIMELAPSE_FRAMES: Final = 60
FRAME_MS: Final = 140
LAST_FRAME_MS: Final = 2_500
WHITE: Final = (255, 255, 255)


@dataclass(frozen=True)
class Sheet:
    """A sheet that can be read: how many images had been seen, and 8 × 8 samples as one picture."""

    images: int
    picture: Image.Image

    @property
    def tiles(self) -> NDArray[np.uint8]:
        """The samples: uint8 [64, height, width, channels]."""
        pixels = np.asarray(self.picture)
        height, width = (side // SHEET_SIDE for side in pixels.shape[:2])
        rows = pixels.reshape(SHEET_SIDE, height, SHEET_SIDE, width, -1).swapaxes(1, 2)
        return rows.reshape(SHEET_SIDE**2, height, width, -1)


def read_sheets(folder: Path) -> list[Sheet]:
    """The sheets of a folder in the order of images seen.

    What is no whole picture of 8 × 8 images, or not of the last sheet's size, is left out.
    """
    found = [sheet for path in sorted(folder.glob("*.png")) if (sheet := _read(path))]
    found.sort(key=lambda sheet: sheet.images)
    return [sheet for sheet in found if sheet.picture.size == found[-1].picture.size]


def _read(path: Path) -> Sheet | None:
    try:
        with Image.open(path) as picture:
            picture.load()
            usable = path.stem.isdecimal() and not any(side % SHEET_SIDE for side in picture.size)
            return Sheet(int(path.stem), picture.copy()) if usable and picture.mode in ("L", "RGB", "RGBA") else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def webp(picture: Image.Image, quality: int = 80) -> bytes:
    """A picture as lossy WebP."""
    buffer = io.BytesIO()
    picture.convert("RGBA" if picture.mode == "RGBA" else "RGB").save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """A WebP as a URI that holds all of it."""
    return "data:image/webp;base64," + base64.b64encode(content).decode("ascii")


def encoded_over_time(sheets: Sequence[Sheet], budget: int = SHEETS_BYTES) -> list[tuple[int, bytes]]:
    """Images seen and WebP of as many sheets as the budget holds, evenly chosen; the last sheet is not among them."""
    chosen = list(sheets[:-1])
    sizes = [len(webp(_reduced(sheet.picture))) for sheet in chosen[:: max(1, len(chosen) // 3)]]
    fitting = int(budget / max(max(sizes), 1)) if sizes else 0
    return [(sheet.images, webp(_reduced(sheet.picture))) for sheet in spread(chosen, fitting)]


def spread(items: Sequence[Sheet], most: int) -> list[Sheet]:
    """At most so many items, evenly spaced, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)] if most > 1 else []


def moments(sheets: Sequence[Sheet], most: int = MOMENTS) -> list[Sheet]:
    """Sheets to be shown side by side: closer together at the beginning, where more changes."""
    if len(sheets) <= most:
        return list(sheets)
    first, last = sheets[0].images, sheets[-1].images
    wanted = first + (last - first) * np.linspace(0, 1, most) ** 2
    seen = np.array([sheet.images for sheet in sheets])
    return [sheets[i] for i in sorted({int(np.abs(seen - images).argmin()) for images in wanted})]


def strip(sheets: Sequence[Sheet]) -> bytes:
    """A row for each of the first seeds, a column for each sheet, as one WebP."""
    tiles = np.stack([sheet.tiles[:STRIP_SEEDS] for sheet in sheets], axis=1)
    return webp(grid(tiles), quality=85)


def timelapse(sheets: Sequence[Sheet], budget: int = TIMELAPSE_BYTES) -> bytes | None:
    """An animated WebP of the upper left part of the sheets with a bar of how far it is; None of one sheet."""
    if len(sheets) < 2:
        return None
    for frames, quality in ((TIMELAPSE_FRAMES, 80), (TIMELAPSE_FRAMES, 60), (30, 60), (20, 40), (10, 30)):
        content = _animated(spread(sheets, frames), quality)
        if len(content) <= budget:
            break
    return content


def timelapse_still(sheet: Sheet) -> bytes:
    """The last frame, for those who prefer no motion."""
    return webp(_part(sheet))


def _animated(sheets: Sequence[Sheet], quality: int) -> bytes:
    pictures = [_part(sheet) for sheet in sheets]
    for sheet, picture in zip(sheets, pictures, strict=True):
        done = sheet.images / max(sheets[-1].images, 1)
        height = max(2, picture.height // 96)
        picture.paste((40, 40, 40), (0, picture.height - height, round(picture.width * done), picture.height))
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "WEBP", save_all=True, append_images=pictures[1:], loop=0, quality=quality, method=3,
        duration=[FRAME_MS] * (len(pictures) - 1) + [LAST_FRAME_MS],
    )  # fmt: skip
    return buffer.getvalue()


def _part(sheet: Sheet) -> Image.Image:
    side = TIMELAPSE_SIDE / SHEET_SIDE
    part = sheet.picture.crop((0, 0, round(sheet.picture.width * side), round(sheet.picture.height * side)))
    if part.mode == "RGBA":
        part = Image.alpha_composite(Image.new("RGBA", part.size, (*WHITE, 255)), part)
    return part.convert("RGB")


def grid(tiles: NDArray[np.uint8]) -> Image.Image:
    """uint8 [rows, columns, height, width, channels] → one picture."""
    rows, columns, height, width, channels = tiles.shape
    pixels = tiles.swapaxes(1, 2).reshape(rows * height, columns * width, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def _reduced(picture: Image.Image) -> Image.Image:
    scale = SLIDER_SIDE / max(picture.size)
    if scale >= 1:
        return picture
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
