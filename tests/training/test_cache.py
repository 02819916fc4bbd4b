import errno
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import cache as cache_module
from training.dataset import load_images
from training.duplicates import Duplicates
from training.source import decode

Encode = Callable[..., bytes]
Fill = Callable[..., Path]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each image that is decoded."""
    calls: list[int] = []

    def counting(content: bytes, resolution: int, channels: int) -> np.ndarray:
        calls.append(len(content))
        return decode(content, resolution, channels)

    monkeypatch.setattr(cache_module, "decode", counting)
    return calls


def zip_of(folder: Path, path: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_the_same_data_set_as_its_folder(tmp_path: Path, make_pictures: Fill, method: int) -> None:
    folder = make_pictures(tmp_path / "data", 8)
    make_pictures(folder / "deep" / "ψ", 4, seed=1)
    plain = load_images(folder, 32, 3, tmp_path / "cache")
    packed = load_images(zip_of(folder, tmp_path / "data.zip", method), 32, 3, tmp_path / "cache")
    assert packed.facts.digest == plain.facts.digest
    assert packed.facts.count == plain.facts.count == 12
    np.testing.assert_array_equal(packed.images, plain.images)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_second_time_nothing_is_decoded(tmp_path: Path, make_pictures: Fill, decoded: list[int], kind: str) -> None:
    source = make_pictures(tmp_path / "data", 6)
    (source / "broken.png").write_bytes(b"")
    if kind == "zip":
        source = zip_of(source, tmp_path / "data.zip")
    first = load_images(source, 32, 3, tmp_path / "cache")
    assert len(decoded) == 7
    calls: list[tuple[int, int]] = []
    second = load_images(source, 32, 3, tmp_path / "cache", lambda done, total: calls.append((done, total)))
    assert len(decoded) == 7
    assert calls == []
    assert second.facts == first.facts
    np.testing.assert_array_equal(second.images, first.images)


def test_another_resolution_or_number_of_channels_is_another_cache(
    pictures: Path, tmp_path: Path, decoded: list[int]
) -> None:
    shapes = [(32, 3), (32, 1), (64, 3)]
    assert [load_images(pictures, *shape, tmp_path).images.shape[1::2] for shape in shapes] == shapes
    assert len(decoded) == 60


def rewritten(folder: Path) -> None:
    time = (folder / "001.png").stat().st_mtime_ns
    Image.new("RGB", (32, 32), "red").save(folder / "001.png")
    os.utime(folder / "001.png", ns=(time, time + 1_000_000))


CHANGES: dict[str, Callable[[Path], object]] = {
    "rewritten": rewritten,
    "removed": lambda folder: (folder / "001.png").unlink(),
    "added": lambda folder: Image.new("RGB", (32, 32), "red").save(folder / "new.png"),
    "renamed": lambda folder: (folder / "001.png").rename(folder / "zzz.png"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_although_there_is_a_cache(
    tmp_path: Path, make_pictures: Fill, change: Callable[[Path], object]
) -> None:
    folder = make_pictures(tmp_path / "data", 5)
    before = load_images(folder, 32, 3, tmp_path / "cache")
    change(folder)
    after = load_images(folder, 32, 3, tmp_path / "cache")
    files = sorted(folder.iterdir())
    assert after.facts.digest != before.facts.digest
    assert len(after.images) == len(files)
    for image, file in zip(after.images, files, strict=True):
        np.testing.assert_array_equal(image, decode(file.read_bytes(), 32, 3))


def cache_files(cache: Path) -> tuple[Path, Path]:
    (pixels,) = [file for file in cache.glob("*.npy") if "groups" not in file.name]
    (facts,) = cache.glob("*.json")
    return pixels, facts


def edit_facts(facts: Path, **changes: object) -> None:
    facts.write_text(json.dumps(json.loads(facts.read_text()) | changes))


CORRUPTIONS: dict[str, Callable[[Path, Path], object]] = {
    "pixels cut off": lambda pixels, facts: os.truncate(pixels, 1000),
    "pixels cut in the header": lambda pixels, facts: os.truncate(pixels, 60),
    "pixels empty": lambda pixels, facts: os.truncate(pixels, 0),
    "pixels are something else": lambda pixels, facts: pixels.write_bytes(b"x" * 10_000),
    "pixels of a folder": lambda pixels, facts: (pixels.unlink(), pixels.with_suffix(".other").mkdir()),
    "pixels missing": lambda pixels, facts: pixels.unlink(),
    "facts cut off": lambda pixels, facts: os.truncate(facts, 20),
    "facts empty": lambda pixels, facts: os.truncate(facts, 0),
    "facts are a list": lambda pixels, facts: facts.write_text("[]"),
    "facts of another version": lambda pixels, facts: facts.write_text('{"unreadable": []}'),
    "facts are no text": lambda pixels, facts: facts.write_bytes(b"\xff\xfe"),
    "facts missing": lambda pixels, facts: facts.unlink(),
    "facts of other pixels": lambda pixels, facts: edit_facts(facts, count=4),
}  # fmt: skip


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_damaged_cache_is_made_anew(
    pictures: Path, tmp_path: Path, decoded: list[int], corrupt: Callable[[Path, Path], object]
) -> None:
    first = load_images(pictures, 32, 3, tmp_path)
    expected = np.array(first.images)
    del first
    corrupt(*cache_files(tmp_path))
    again = load_images(pictures, 32, 3, tmp_path)
    assert len(decoded) == 40
    np.testing.assert_array_equal(again.images, expected)
    assert again.facts.count == 20


def test_a_copy_elsewhere_is_named_by_its_own_place(tmp_path: Path, make_pictures: Fill, decoded: list[int]) -> None:
    folder = make_pictures(tmp_path / "one" / "data", 5)
    load_images(folder, 32, 3, tmp_path / "cache")
    shutil.copytree(folder, tmp_path / "two" / "data")  # with the times of the files
    shutil.rmtree(folder)
    copy = load_images(tmp_path / "two" / "data", 32, 3, tmp_path / "cache")
    assert copy.facts.source == str(tmp_path / "two" / "data")
    assert len(decoded) == 5


def test_an_interruption_leaves_no_cache_and_no_rest(pictures: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_images(pictures, 32, 3, tmp_path, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_known_before_decoding(
    pictures: Path, tmp_path: Path, decoded: list[int]
) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError, match="cache"):
        load_images(pictures, 32, 3, tmp_path / "cache")
    assert decoded == []


@pytest.mark.parametrize("ending", [".npy", ".json", "groups-1.npy"])
def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_nothing_half_written(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    rename = Path.replace

    def full(path: Path, target: Path) -> Path:
        if str(target).endswith(ending):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        load_images(pictures, 32, 3, tmp_path)
    assert error.value.filename.endswith(ending)
    assert all(not file.name.startswith(".") for file in tmp_path.iterdir())
    monkeypatch.setattr(Path, "replace", rename)
    assert len(load_images(pictures, 32, 3, tmp_path)) == 20


def test_a_file_that_vanishes_or_may_not_be_read_is_tried_again_the_next_time(
    tmp_path: Path, make_pictures: Fill, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    folder, read = make_pictures(tmp_path / "data", 4), Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "001.png":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    data = load_images(folder, 32, 3, tmp_path / "cache")
    assert [name for name, _ in data.facts.unreadable] == ["001.png"]
    assert "Permission denied" in data.facts.unreadable[0][1]
    monkeypatch.setattr(Path, "read_bytes", read)
    assert len(load_images(folder, 32, 3, tmp_path / "cache")) == 4
    count = len(decoded)
    assert len(load_images(folder, 32, 3, tmp_path / "cache")) == 4
    assert len(decoded) == count


def test_duplicates_are_searched_once(tmp_path: Path, make_pictures: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_pictures(tmp_path / "data", 5)
    shutil.copy(folder / "001.png", folder / "zzz.png")
    searches, find = [], cache_module.find_duplicates

    def searching(images: np.ndarray) -> Duplicates:
        searches.append(len(images))
        return find(images)

    monkeypatch.setattr(cache_module, "find_duplicates", searching)
    for _ in range(2):
        assert load_images(folder, 32, 3, tmp_path / "cache").groups.tolist() == [0, 1, 2, 3, 4, 1]
    assert searches == [6]
    (groups,) = (tmp_path / "cache").glob("*groups*")
    for damage in (b"", b"x" * 500, groups.read_bytes()[:-8]):
        groups.write_bytes(damage)
        assert load_images(folder, 32, 3, tmp_path / "cache").groups.tolist() == [0, 1, 2, 3, 4, 1]
    assert searches == [6] * 4


def test_labels_do_not_change_the_cache(tmp_path: Path, make_pictures: Fill, decoded: list[int]) -> None:
    for name, seed in (("cat", 0), ("dog", 1)):
        make_pictures(tmp_path / "data" / name, 3, seed=seed)
    for labels in (None, "folders"):
        load_images(tmp_path / "data", 32, 3, tmp_path / "cache", labels=labels)
    assert len(decoded) == 6


def test_two_names_with_a_line_break_are_no_other_two(tmp_path: Path, make_pictures: Fill) -> None:
    folder = make_pictures(tmp_path / "data", 2)
    (folder / "000.png").rename(folder / "a\nb.png")
    (folder / "001.png").rename(folder / "c.png")
    before = load_images(folder, 32, 3, tmp_path / "cache").facts
    (folder / "a\nb.png").rename(folder / "a.png")
    assert load_images(folder, 32, 3, tmp_path / "cache").facts.digest != before.digest


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_what_is_written_can_be_read_by_whom_the_umask_lets(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with cache_module.replacing(tmp_path / "x") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask
