import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.source import DataError, list_entries, open_source

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 10, 10, 3), np.uint8)
NUMBERS = np.array([0, 10, 2, 0, 10, 2, 0, 10])


def save(path: Path, packed: bool = False, **arrays: NDArray[Any]) -> Path:
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["images", "X", "x_train", "train_images", "data", "arr_0", "anything"])
def test_the_images_are_found_by_name_or_as_the_only_ones(tmp_path: Path, name: str, packed: bool) -> None:
    entries = list_entries(save(tmp_path / "d.npz", packed, **{name: IMAGES, "y": NUMBERS}))
    for entry, image in zip(entries, IMAGES, strict=True):
        np.testing.assert_array_equal(entry.read(), image)


def test_the_first_known_name_wins(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", x_test=IMAGES[:2], x_train=IMAGES, y_train=NUMBERS, y_test=NUMBERS[:2])
    assert len(list_entries(path)) == 8


def test_an_npz_of_any_name_is_known_by_its_content(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", images=IMAGES).rename(tmp_path / "d.zip")
    assert len(list_entries(path)) == 8


@pytest.mark.parametrize(
    ("images", "labels", "key"),
    [
        ("images", "labels", "labels"), ("x", "y", "labels"), ("x_train", "y_train", "labels"),
        ("train_images", "train_labels", "labels"), ("arr_0", "arr_1", "labels"), ("anything", "labels", "labels"),
        ("anything", "y", "labels"), ("images", "age", "age"),
    ],
)  # fmt: skip
def test_labels_are_the_array_that_goes_with_the_images(tmp_path: Path, images: str, labels: str, key: str) -> None:
    source = open_source(save(tmp_path / "d.npz", **{"other": NUMBERS[::-1], images: IMAGES, labels: NUMBERS}))
    numbers, names = source.labels(key, frozenset())
    assert names == ("0", "2", "10")  # sorted as numbers
    assert numbers.tolist() == [0, 2, 1, 0, 2, 1, 0, 2]


KINDS: dict[str, tuple[NDArray[Any], tuple[str, ...]]] = {
    "column": (NUMBERS[:, None], ("0", "2", "10")),
    "uint8": (NUMBERS.astype(np.uint8), ("0", "2", "10")),
    "booleans": (NUMBERS > 1, ("false", "true")),
    "texts": (np.array(["cat", "dog"] * 4), ("cat", "dog")),
    "bytes": (np.array([b"cat", b"dog"] * 4), ("cat", "dog")),
}


@pytest.mark.parametrize(("labels", "expected"), KINDS.values(), ids=KINDS)
def test_labels_may_be_numbers_booleans_or_texts(
    tmp_path: Path, labels: NDArray[Any], expected: tuple[str, ...]
) -> None:
    _, names = open_source(save(tmp_path / "d.npz", x=IMAGES, y=labels)).labels("labels", frozenset())
    assert names == expected


@pytest.mark.parametrize("labels", [np.eye(8), NUMBERS[:5], NUMBERS / 2, np.zeros((8, 2), int)])
def test_other_labels_are_refused(tmp_path: Path, labels: NDArray[Any]) -> None:
    with pytest.raises(DataError, match="one whole number, boolean or text an image"):
        open_source(save(tmp_path / "d.npz", x=IMAGES, y=labels)).labels("labels", frozenset())


def test_missing_labels_are_said_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no array of labels 'hair'; it has 'x' uint8 \[8, 10, 10, 3\]"):
        open_source(save(tmp_path / "d.npz", x=IMAGES)).labels("hair", frozenset())


def test_where_two_arrays_can_be_images_it_asks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"which array holds the images\? it has 'a' uint8 .*'b' uint8 .*'images'"):
        list_entries(save(tmp_path / "d.npz", a=IMAGES, b=IMAGES))


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("an object was unpickled",))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    objects = np.array([Trap()] * 4, object)
    with pytest.raises(DataError, match="never unpickled"):
        list_entries(save(tmp_path / "a.npz", images=objects.reshape(1, 2, 2)))
    source = open_source(save(tmp_path / "b.npz", images=IMAGES[:4], labels=objects))
    with pytest.raises(DataError, match="never unpickled"):
        source.labels("labels", frozenset())


def zip_of(path: Path, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", content)
    return path


def header(shape: str) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (1,)})
    return file.getvalue().replace(b"(1,)", shape.encode())


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read"),
    "no npy": (b"something else" * 20, "cannot be read"),
    "cut in the header": (header("(1,)")[:40], "cannot be read"),
    "cut off": (header("(2, 8, 8)") + bytes(100), "cut off or damaged"),
    "claims the world": (header("(99999999999, 999, 999)") + bytes(100), "cut off or damaged"),
    "a negative shape": (header("(-2, 8, 8)") + bytes(128), "holds no images"),
    "a header that is no header": (header("__import__('os')"), "cannot be read"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_broken_array_is_refused(tmp_path: Path, content: bytes, reason: str, method: int) -> None:
    with pytest.raises(DataError, match=reason):
        list_entries(zip_of(tmp_path / "d.npz", content, method))


def test_a_packing_that_numpy_does_not_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="packed in a way"):
        list_entries(zip_of(tmp_path / "d.npz", header("(1, 8, 8)") + bytes(64), zipfile.ZIP_BZIP2))


def test_a_damaged_array_is_an_error_of_the_whole(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", images=IMAGES)
    content = bytearray(path.read_bytes())
    content[content.index(IMAGES.tobytes()[:50]) + 5] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"array 'images' cannot be read: .*CRC"):
        list_entries(path)[0].read()


def test_a_cut_off_npz_is_no_zip(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", images=IMAGES)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match=r"neither a folder nor a readable zip, \.npz or IDX"):
        list_entries(path)
