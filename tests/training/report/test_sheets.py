import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from training.report.sheets import (
    Sheet,
    encoded_over_time,
    grid,
    moments,
    read_sheets,
    spread,
    strip,
    timelapse,
    timelapse_still,
    webp,
)  # fmt: skip
from training.run import Run


def decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def sheets_of(*images: int, side: int = 16) -> list[Sheet]:
    random = np.random.default_rng(1)
    return [Sheet(i, Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))) for i in images]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_sheet_is_read_back_as_its_64_samples(
    new_run: Callable[..., Run], write_sheets: Callable[..., None], channels: int
) -> None:
    run = new_run()
    write_sheets(run, 400, side=4, channels=channels)
    [sheet] = read_sheets(run.samples)
    again = np.random.default_rng(1).integers(0, 256, (64, 4, 4, channels), dtype=np.uint8)
    np.testing.assert_array_equal(sheet.tiles, again)
    assert sheet.images == 400


def test_what_is_no_sheet_is_left_out(new_run: Callable[..., Run], write_sheets: Callable[..., None]) -> None:
    run = new_run()
    write_sheets(run, 12, 8, side=4)
    whole = (run.samples / "000000008.png").read_bytes()
    (run.samples / "000000016.png").write_bytes(whole[: len(whole) // 2])  # is being written
    (run.samples / "000000020.png").write_bytes(b"")
    (run.samples / "notes.png").write_bytes(whole)
    Image.new("RGB", (33, 32)).save(run.samples / "000000024.png")
    Image.new("RGB", (64, 64)).save(run.samples / "000000004.png")  # of another size
    assert [sheet.images for sheet in read_sheets(run.samples)] == [8, 12]


def test_a_missing_folder_has_no_sheets(new_run: Callable[..., Run]) -> None:
    run = new_run()
    run.samples.rmdir()
    assert read_sheets(run.samples) == []


@pytest.mark.parametrize("budget", [0, 300, 3_000, 10**9])
def test_the_slider_keeps_to_its_budget(budget: int) -> None:
    found = encoded_over_time(sheets_of(*range(0, 900, 100)), budget)
    assert sum(len(content) for _, content in found) <= budget * 1.2
    assert len(found) == {0: 0, 10**9: 8}.get(budget, len(found))
    assert all(images < 800 for images, _ in found)  # the last sheet is shown by itself


def test_large_sheets_are_made_smaller_for_the_slider() -> None:
    [(_, content)] = encoded_over_time(sheets_of(1, 2, side=1024))
    assert decoded(content).size == (768, 768)


@pytest.mark.parametrize(("count", "most", "kept"), [(5, 9, 5), (9, 5, 5), (9, 2, 2), (9, 1, 0), (0, 3, 0)])
def test_spread_keeps_both_ends(count: int, most: int, kept: int) -> None:
    sheets = sheets_of(*range(count))
    found = spread(sheets, most)
    assert len(found) == kept
    assert not found or (found[0], found[-1]) == (sheets[0], sheets[-1])


@pytest.mark.parametrize("count", [1, 2, 10, 11, 41])
def test_moments_are_closer_together_at_the_beginning(count: int) -> None:
    images = [sheet.images for sheet in moments(sheets_of(*range(100, 100 * (count + 1), 100)))]
    assert (images[0], images[-1]) == (100, 100 * count)
    assert 1 <= len(images) <= 10
    gaps = np.diff(images)
    assert len(gaps) < 2 or gaps[0] <= gaps[-1]


def test_the_strip_has_a_row_for_a_seed_and_a_column_for_a_moment() -> None:
    picture = decoded(strip(sheets_of(1, 2, 3, side=64)))
    assert picture.size == (3 * 8, 6 * 8)


def test_a_grid_puts_tiles_in_their_places() -> None:
    tiles = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1).repeat(2, axis=2).repeat(2, axis=3)
    np.testing.assert_array_equal(np.array(grid(tiles))[::2, ::2], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_timelapse_moves_through_all_sheets(mode: str) -> None:
    sheets = [Sheet(i, sheet.picture.convert(mode)) for i, sheet in enumerate(sheets_of(0, 1, 2, side=64))]
    content = timelapse(sheets)
    assert content is not None
    picture = decoded(content)
    assert (picture.size, getattr(picture, "n_frames", 0)) == ((32, 32), 3)
    assert decoded(timelapse_still(sheets[-1])).size == (32, 32)


def test_a_timelapse_keeps_to_its_budget_by_fewer_frames_and_lower_quality() -> None:
    sheets = sheets_of(*range(70), side=128)
    large, small = timelapse(sheets), timelapse(sheets, budget=10_000)
    assert large is not None
    assert small is not None
    assert len(small) < len(large) / 5


def test_one_sheet_does_not_move() -> None:
    assert timelapse(sheets_of(1)) is None


def test_transparency_is_kept_in_stills() -> None:
    assert decoded(webp(Image.new("RGBA", (8, 8), (255, 0, 0, 0)))).mode == "RGBA"
