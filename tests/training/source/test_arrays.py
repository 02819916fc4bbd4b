from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.source import DataError
from training.source.arrays import MAX_ARRAY_BYTES, array_entries, as_images, check_size, layout_of


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((5, 28, 28), "NHW"),
        ((5, 28, 28, 1), "NHWC"),
        ((5, 8, 9, 3), "NHWC"),
        ((5, 8, 9, 4), "NHWC"),
        ((5, 1, 8, 9), "NCHW"),
        ((5, 3, 8, 9), "NCHW"),
        ((5, 4, 8, 9), "NCHW"),
        ((5, 3, 9, 3), "NHWC"),
    ],
)
def test_a_layout_is_known_by_the_shape(shape: tuple[int, ...], layout: str) -> None:
    assert layout_of(shape, "x") == layout


@pytest.mark.parametrize("shape", [(), (5,), (5, 784), (5, 8, 8, 2), (5, 8, 8, 9), (2, 5, 8, 8, 3)])
def test_another_shape_is_refused_with_those_that_can_be(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"data\.npz has the shape .*\[count, height, width\], \[count, height"):
        layout_of(shape, "data.npz")


@pytest.mark.parametrize("shape", [(0, 8, 8), (0, 8, 8, 3), (5, 0, 8), (5, 8, 0, 3)])
def test_no_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="holds no images"):
        layout_of(shape, "x")


def test_images_of_too_many_pixels_are_refused() -> None:
    with pytest.raises(DataError, match="10001 × 10000 pixels are more than 100000000"):
        layout_of((1, 10_001, 10_000), "x")


PIXELS = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3), np.uint8)
SAME: dict[str, NDArray[Any]] = {
    "uint8": PIXELS,
    "int64": PIXELS.astype(np.int64),
    "uint16": PIXELS.astype(np.uint16),
    "float32": PIXELS.astype(np.float32) / np.float32(255),
    "float64": PIXELS / 255,
    "float16": (PIXELS / 255).astype(np.float16),
    "big-endian": PIXELS.astype(">i4"),
    "channels first": np.moveaxis(PIXELS, 3, 1),
    "Fortran order": np.asfortranarray(PIXELS),
}


@pytest.mark.parametrize("array", SAME.values(), ids=SAME)
def test_every_type_and_layout_becomes_the_same_images(array: NDArray[Any]) -> None:
    images = as_images(array, "x")
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, PIXELS)


def test_booleans_become_black_and_white() -> None:
    assert as_images(np.array([[[True, False]]]), "x").ravel().tolist() == [255, 0]


def test_uint8_is_not_copied() -> None:
    assert np.shares_memory(as_images(PIXELS, "x"), PIXELS)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((2, 3, 3), 256), "int64 from 256 to 256, where 0 … 255 is expected"),
        (np.full((2, 3, 3), -1, np.int8), "int8 from -1 to -1"),
        (np.full((2, 3, 3), -1.0), "from -1.0 to -1.0, where 0 … 1 is expected; of another range"),
        (np.full((2, 3, 3), 200.0), "where 0 … 1 is expected"),
        (np.full((2, 3, 3), np.nan), "from nan to nan"),
        (np.full((2, 3, 3), np.inf), "from inf to inf"),
        (np.full((2, 3, 3), 1j), "complex128"),
        (np.full((2, 3, 3), "a"), "of type <U1"),
    ],
)
def test_another_type_or_range_is_refused_with_what_was_found(array: NDArray[Any], reason: str) -> None:
    with pytest.raises(DataError) as refusal:
        as_images(array, "data.npz")
    assert reason in str(refusal.value)
    assert "data.npz" in str(refusal.value)


def test_a_wrong_value_is_found_in_any_image() -> None:
    array = np.zeros((3000, 2, 2))
    array[2999, 1, 1] = 1.5
    with pytest.raises(DataError, match=r"to 1\.5"):
        as_images(array, "x")


def test_a_claim_is_checked_against_what_the_file_can_hold() -> None:
    assert check_size((10, 4, 4), 2, 320, "x") == 320
    with pytest.raises(DataError, match="cut off or damaged"):
        check_size((10, 4, 4), 2, 319, "x")
    with pytest.raises(DataError, match="give the images as files"):
        check_size((2**31, 4, 4), 1, 2**40, "x")
    assert check_size((MAX_ARRAY_BYTES,), 1, MAX_ARRAY_BYTES, "x") == MAX_ARRAY_BYTES


def test_the_array_is_loaded_when_the_first_image_is_read_and_only_once(tmp_path: Path) -> None:
    loads = []

    def load() -> NDArray[np.uint8]:
        loads.append(1)
        return PIXELS

    (tmp_path / "x").touch()
    entries = array_entries(tmp_path / "x", PIXELS.shape, load, "x")
    assert [entry.name for entry in entries] == ["00000", "00001", "00002"]
    assert loads == []
    for entry, image in zip(entries, PIXELS, strict=True):
        np.testing.assert_array_equal(entry.read(), image)
    assert loads == [1]
