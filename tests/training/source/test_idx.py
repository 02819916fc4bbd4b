import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.source import DataError, list_entries, open_source
from training.source.idx import idx_labels

DIGITS = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 3


def idx(array: NDArray[np.uint8], kind: int = 8) -> bytes:
    """As http://yann.lecun.com/exdb/mnist describes it."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def published(folder: Path, zipped: bool) -> Path:
    """The two files of MNIST's training part; returns that of the images."""
    for name, array in (("train-images-idx3-ubyte", DIGITS), ("train-labels-idx1-ubyte", LABELS)):
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return folder / f"train-images-idx3-ubyte{'.gz' if zipped else ''}"


@pytest.mark.parametrize("zipped", [False, True])
def test_the_images_of_mnist_are_read_as_they_are_published(tmp_path: Path, zipped: bool) -> None:
    entries = list_entries(published(tmp_path, zipped))
    assert [entry.name for entry in entries] == [f"{i:05d}" for i in range(12)]
    for entry, digit in zip(entries, DIGITS, strict=True):
        np.testing.assert_array_equal(entry.read(), digit[..., None])


@pytest.mark.parametrize("zipped", [False, True])
def test_the_labels_lie_beside_the_images(tmp_path: Path, zipped: bool) -> None:
    path = published(tmp_path, zipped)
    np.testing.assert_array_equal(idx_labels(path), LABELS)
    numbers, names = open_source(path).labels("labels", frozenset({"00001"}))
    assert names == ("0", "1", "2")
    assert numbers.tolist() == [0, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]


def test_zipped_images_may_have_labels_that_are_not(tmp_path: Path) -> None:
    path = published(tmp_path, zipped=True)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    np.testing.assert_array_equal(idx_labels(path), LABELS)


def test_a_file_of_any_name_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "digits.bin").write_bytes(idx(DIGITS))
    assert len(list_entries(tmp_path / "digits.bin")) == 12


def test_labels_that_are_missing_are_named(tmp_path: Path) -> None:
    path = published(tmp_path, zipped=True)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"looked for train-labels-idx1-ubyte and train-labels-idx1-ubyte\.gz"):
        open_source(path).labels("labels", frozenset())


def test_labels_of_another_number_of_images_are_refused(tmp_path: Path) -> None:
    path = published(tmp_path, zipped=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:5]))
    with pytest.raises(DataError, match=r"labels are uint8 \[5\].*\[12\]"):
        open_source(path).labels("labels", frozenset())


def test_other_labels_than_those_beside_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an IDX file has 'labels'"):
        open_source(published(tmp_path, zipped=False)).labels("folders", frozenset())


def test_given_the_labels_it_asks_for_the_images(tmp_path: Path) -> None:
    published(tmp_path, zipped=True)
    with pytest.raises(DataError, match="holds 12 labels and no images; give the images file"):
        list_entries(tmp_path / "train-labels-idx1-ubyte.gz")


WHOLE = idx(DIGITS)
PACKED = gzip.compress(WHOLE)
BROKEN: dict[str, tuple[bytes, str]] = {
    "cut off": (WHOLE[:-1], "cut off or damaged"),
    "cut in the header": (WHOLE[:9], "cut off in its header"),
    "cut in the magic": (WHOLE[:3], "begins with 00 00 08"),
    "floats": (idx(DIGITS, kind=0x0D), "begins with 00 00 0d 03"),
    "too many dimensions": (idx(DIGITS.reshape(1, 1, 12, 28, 28)), "begins with 00 00 08 05"),
    "two dimensions": (idx(DIGITS.reshape(12, 784)), r"has the shape \[12, 784\]"),
    "no images": (idx(DIGITS[:0]), "holds no images"),
    "claims the world": (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "it can hold 0"),
    "packed, claims the world": (
        gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**16, 2**16)), "cut off or damaged",
    ),
    "packed, cut in the header": (PACKED[:8], "cannot be unpacked"),
    "packed, only begun": (PACKED[:2], "cannot be unpacked"),
    "packed nothing": (gzip.compress(b""), "begins with nothing"),
    "packed, damaged": (PACKED[:10] + bytes(50) + PACKED[60:], "cannot be unpacked"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_before_it_is_loaded(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        list_entries(tmp_path / "x")


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (lambda: PACKED[:-500], "cannot be unpacked"),
        (lambda: gzip.compress(WHOLE[:-1]), "is cut off"),
        (lambda: gzip.compress(WHOLE + b"x"), "longer than it says"),
    ],
)
def test_a_packed_file_that_ends_elsewhere_is_refused_when_it_is_loaded(
    tmp_path: Path, pack: Callable[[], bytes], reason: str
) -> None:
    (tmp_path / "x.gz").write_bytes(pack())
    entries = list_entries(tmp_path / "x.gz")
    with pytest.raises(DataError, match=reason):
        entries[0].read()
