from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.compare.plan import Comparison, Entry
from training.compare.sheet import GAP, LABEL, MARGIN, draw_sheet, rows_of, write_sheet
from training.run import Run
from training.sheet import write_sheet as write_samples

Done = Callable[..., Entry]
MakeRun = Callable[..., Run]
Tiles = Callable[..., NDArray[np.uint8]]


def corner(row: int, column: int, tile: int = 96) -> tuple[int, int]:
    return MARGIN + LABEL + column * (tile + GAP), MARGIN + row * (tile + GAP)


@pytest.mark.parametrize(("side", "tile"), [(32, 96), (64, 128), (128, 128)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_real_images_are_the_first_row_and_each_recipe_has_one(
    make_tiles: Tiles, channels: int, side: int, tile: int
) -> None:
    levels = (40, 90, 200)
    rows = [make_tiles(10, level, channels, side) for level in levels]
    for tiles in rows:
        tiles[..., 3:] = 255
    picture = draw_sheet(rows[0], [("ns", "seed 0", rows[1]), ("wgan", "seed 0", rows[2])])
    assert picture.size == (2 * MARGIN + LABEL + 10 * (tile + GAP) - GAP, 2 * MARGIN + 3 * (tile + GAP) - GAP)
    for row, level in enumerate(levels):
        for column in (0, 9):
            x, y = corner(row, column, tile)
            assert (np.asarray(picture)[y : y + tile, x : x + tile] == level).all()
            assert picture.getpixel((x - 1, y)) == (255, 255, 255)


def test_rows_are_labelled(make_tiles: Tiles) -> None:
    tiles = make_tiles(10, 90)
    plain, named = (np.asarray(draw_sheet(tiles, [(name, "", tiles)])) for name in ("", "wgan-gp"))
    differs = (plain != named).any(axis=2)
    rows, columns = np.nonzero(differs)
    assert differs.sum() > 100
    assert columns.max() < MARGIN + LABEL
    assert corner(1, 0)[1] <= rows.min() < rows.max() < corner(2, 0)[1]


def test_a_long_name_is_cut(make_tiles: Tiles) -> None:
    tiles = make_tiles(10, 90)
    picture = np.asarray(draw_sheet(tiles, [("a-very-long-name-of-a-recipe-of-ones-own", "failed " * 10, tiles)]))
    assert (picture[:, MARGIN + LABEL - GAP : MARGIN + LABEL] == 255).all()


def test_transparency_lies_on_white(make_tiles: Tiles) -> None:
    assert draw_sheet(make_tiles(1, 0, 4), []).getpixel(corner(0, 0)) == (255, 255, 255)


def test_the_first_run_that_is_done_is_shown_or_else_the_one_that_came_furthest(
    tmp_path: Path, comparison: Comparison, done: Done, make_run: MakeRun, make_tiles: Tiles
) -> None:
    for recipe, seed, status, images in (
        ("ns", 0, "failed", 190), ("ns", 2, "done", 200), ("ns", 1, "done", 200),
        ("wgan", 0, "failed", 50), ("wgan", 1, "failed", 120),
    ):  # fmt: skip
        run = make_run(tmp_path, comparison.load(recipe), seed)
        write_samples(run.samples / "000000010.png", make_tiles(64, 0))
        write_samples(run.samples / f"{images:09d}.png", make_tiles(64, 10 * seed + images))
        entry = done(recipe, seed, status=status, images=images, run=run.path.name)
        comparison = comparison.with_entry(entry)
    rows = rows_of(tmp_path, comparison)
    assert [(name, remark) for name, remark, _ in rows] == [("ns", "seed 1"), ("wgan", "seed 1, failed at 120")]
    assert [tiles.shape for _, _, tiles in rows] == [(10, 32, 32, 3)] * 2
    assert [int(tiles[0, 0, 0, 0]) for _, _, tiles in rows] == [210, 130]


def test_a_recipe_that_drew_nothing_has_no_row(
    tmp_path: Path, comparison: Comparison, done: Done, make_run: MakeRun, make_tiles: Tiles
) -> None:
    empty = make_run(tmp_path, comparison.load("wgan"))
    comparison = comparison.with_entry(done("ns", 0, status="failed"))
    comparison = comparison.with_entry(done("wgan", 0, run=empty.path.name))
    assert rows_of(tmp_path, comparison) == []
    path = write_sheet(tmp_path, make_tiles(3, 50), comparison)
    with Image.open(path) as picture:
        assert picture.height == 2 * MARGIN + 96
