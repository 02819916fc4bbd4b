"""`compare.png`: what the same seeds are to each recipe, one row a recipe, real images above."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.compare.plan import Comparison, Entry, title
from training.report.sheets import read_sheets
from training.report.words import rough
from training.run import open_run

FILE: Final = "compare.png"
COLUMNS: Final = 10
"""Seeds 0 … 9, or as many real images."""
SMALLEST_TILE: Final = 96
"""Pixels: smaller images are shown at a whole multiple of their size."""
GAP, MARGIN, LABEL = 4, 12, 150
FONT: Final = 17
INK, FAINT, PAPER = (34, 37, 43), (110, 116, 128), (255, 255, 255)

Tiles = NDArray[np.uint8]


def rows_of(out: Path, comparison: Comparison) -> list[tuple[str, str, Tiles]]:
    """A row for each recipe that drew something: name, remark, and uint8 [n, h, w, c] of its first run that is done.

    Where none is done, it is the run that came the furthest, and the remark says how far.
    """
    rows = []
    for recipe in comparison.images:
        entries = [entry for entry in comparison.of(recipe) if entry.run]
        entries.sort(
            key=lambda entry: (entry.status != "done", entry.seed if entry.status == "done" else -entry.images)
        )
        for entry in entries[:1]:
            sheets = read_sheets(open_run(out / str(entry.run)).samples)
            if sheets:
                rows.append((title(recipe), _remark(entry, sheets[-1].images), sheets[-1].tiles[:COLUMNS]))
    return rows


def draw_sheet(real: Tiles, rows: Sequence[tuple[str, str, Tiles]]) -> Image.Image:
    """One picture of rows of tiles with their names on the left; transparency is laid on white.

    Args:
        real: uint8 [n, h, w, c], images of the data.
        rows: name, remark, and uint8 [n, h, w, c] of the same size.
    """
    scale = -(-SMALLEST_TILE // real.shape[1])
    tile = real.shape[1] * scale
    lines = [("real images", "", real[:COLUMNS]), *rows]
    columns = max(len(tiles) for _, _, tiles in lines)
    width = 2 * MARGIN + LABEL + columns * (tile + GAP) - GAP
    picture = Image.new("RGB", (width, 2 * MARGIN + len(lines) * (tile + GAP) - GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    name_font, remark_font = ImageFont.load_default(FONT), ImageFont.load_default(FONT * 0.72)
    for row, (name, remark, tiles) in enumerate(lines):
        top = MARGIN + row * (tile + GAP)
        draw.text((MARGIN, top + tile / 2), _fitting(name, name_font), INK, name_font, "lm")
        draw.text((MARGIN, top + tile / 2 + FONT), _fitting(remark, remark_font), FAINT, remark_font, "lm")
        for column, pixels in enumerate(tiles):
            picture.paste(_tile(pixels, tile), (MARGIN + LABEL + column * (tile + GAP), top))
    return picture


def write_sheet(out: Path, real: Tiles, comparison: Comparison) -> Path:
    """Write the picture, beside and then in place; returns its path."""
    path = out / FILE
    beside = path.with_suffix(".part")
    draw_sheet(real, rows_of(out, comparison)).save(beside, "PNG", optimize=True)
    beside.replace(path)
    return path


def _tile(pixels: Tiles, side: int) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*PAPER, 255)), image)
    return image.convert("RGB").resize((side, side), Image.Resampling.NEAREST)


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, cut to the width of the label."""
    if font.getlength(text) <= LABEL - GAP:
        return text
    while text and font.getlength(f"{text}…") > LABEL - GAP:
        text = text[:-1]
    return f"{text}…"


def _remark(entry: Entry, images: int) -> str:
    if entry.status == "done":
        return f"seed {entry.seed}"
    return f"seed {entry.seed}, {entry.status} at {rough(images)}"
