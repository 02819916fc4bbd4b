import numpy as np
import pytest

from service.pictures.grid import default_columns, make_grid


def images_of(n: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    # No pixel is white, so that white tells an empty cell.
    return np.random.default_rng(seed).integers(0, 255, (n, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize(
    ("n", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4), (16, 4), (17, 5), (64, 8), (65, 9)]
)
def test_the_default_is_nearest_to_a_square(n: int, columns: int) -> None:
    assert default_columns(n) == columns


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (64, 64)])
@pytest.mark.parametrize(("n", "columns"), [(1, None), (3, 2), (4, 2), (7, 3), (7, 1), (7, 7), (16, None)])
def test_every_image_is_in_its_cell_and_the_rest_is_white(
    seed: int, channels: int, height: int, width: int, n: int, columns: int | None
) -> None:
    images = images_of(n, height, width, channels, seed)
    grid = make_grid(images, columns)
    across = columns or default_columns(n)
    down = -(-n // across)
    assert grid.shape == (down * height, across * width, channels)
    assert grid.dtype == np.uint8
    assert grid.flags.c_contiguous
    for i in range(down * across):
        row, column = divmod(i, across)
        cell = grid[row * height : (row + 1) * height, column * width : (column + 1) * width]
        assert np.array_equal(cell, images[i] if i < n else np.full_like(images[0], 255))


def test_more_columns_than_images_are_cut() -> None:
    assert make_grid(images_of(3, 2, 5, 3), columns=64).shape == (2, 15, 3)


def test_the_grid_is_a_copy_that_leaves_the_images_alone() -> None:
    images = images_of(4, 2, 2, 3)
    before = images.copy()
    make_grid(images)[:] = 0
    assert np.array_equal(images, before)


@pytest.mark.parametrize("n", [4, 5])
def test_images_with_any_strides_are_laid_out(n: int) -> None:
    images = images_of(n, 6, 4, 3).transpose(0, 2, 1, 3)[::-1, :, ::2]
    assert not images.flags.c_contiguous
    assert np.array_equal(make_grid(images), make_grid(images.copy()))


def test_the_readings_of_a_read_only_array_suffice() -> None:
    images = images_of(5, 4, 4, 3)
    images.setflags(write=False)
    assert make_grid(images).shape == (8, 12, 3)


@pytest.mark.parametrize("n", [0, -1])
def test_no_images_have_no_columns(n: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        default_columns(n)


@pytest.mark.parametrize("columns", [0, -2])
def test_columns_below_one_are_refused(columns: int) -> None:
    with pytest.raises(ValueError, match=f"columns is {columns}; 1 or more"):
        make_grid(images_of(2, 2, 2, 3), columns)


def test_columns_must_be_whole() -> None:
    with pytest.raises(TypeError):
        make_grid(images_of(2, 2, 2, 3), 1.5)


@pytest.mark.parametrize("shape", [(2, 2, 3), (0, 2, 2, 3), (2, 0, 2, 3), (2, 2, 2, 2), (2, 2, 2, 0)])
def test_shapes_that_cannot_be_drawn_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images has"):
        make_grid(np.zeros(shape, np.uint8))


def test_other_than_uint8_is_named() -> None:
    with pytest.raises(TypeError, match="images is of float32; uint8"):
        make_grid(np.zeros((1, 2, 2, 3), np.float32))


RED = (255, 0, 0, 255)
GREY = (40, 40, 40, 255)
GLASS = (10, 20, 30, 128)


def as_rgba(images: np.ndarray) -> np.ndarray:
    """Any channels as four, opaque where there was no alpha."""
    colours = np.broadcast_to(images[..., : 3 if images.shape[-1] > 1 else 1], (*images.shape[:-1], 3))
    alpha = images[..., 3:] if images.shape[-1] == 4 else np.full((*images.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([colours, alpha], axis=-1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("background", [(255, 255, 255, 255), GREY, RED, GLASS])
@pytest.mark.parametrize("padding", [1, 5])
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (3, 2), (4, 2), (5, 5), (4, 1)])
def test_padding_is_between_images_and_all_that_is_no_image_is_background(
    seed: int, channels: int, background: tuple[int, int, int, int], padding: int, n: int, columns: int
) -> None:
    images = images_of(n, 3, 4, channels, seed)
    rows = -(-n // columns)
    grid = make_grid(images, columns, padding, background)
    assert grid.shape[:2] == (rows * (3 + padding) - padding, columns * (4 + padding) - padding)
    assert grid.flags.c_contiguous
    expected = np.full((*grid.shape[:2], 4), background, np.uint8)
    for i, image in enumerate(as_rgba(images)):
        top, left = i // columns * (3 + padding), i % columns * (4 + padding)
        expected[top : top + 3, left : left + 4] = image
    assert np.array_equal(as_rgba(grid), expected)


@pytest.mark.parametrize(
    ("channels", "background", "drawn"),
    [
        (1, GREY, 1),
        (1, RED, 3),
        (1, GLASS, 4),
        (3, GREY, 3),
        (3, RED, 3),
        (3, GLASS, 4),
        (4, GREY, 4),
        (4, RED, 4),
        (4, GLASS, 4),
    ],
)
def test_a_grid_has_no_more_channels_than_it_needs(
    channels: int, background: tuple[int, int, int, int], drawn: int
) -> None:
    for n, padding, seen in [(3, 0, True), (4, 2, True), (4, 0, False), (1, 2, False)]:
        grid = make_grid(images_of(n, 2, 2, channels), None, padding, background)
        assert grid.shape[2] == (drawn if seen else channels), (n, padding)


def test_padding_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="padding is -1; 0 or more"):
        make_grid(images_of(2, 2, 2, 3), padding=-1)
