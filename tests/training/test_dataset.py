import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training import dataset
from training.dataset import Shuffled, load_images
from training.source import DataError, decode

Encode = Callable[..., bytes]
Fill = Callable[..., Path]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each image that is decoded."""
    calls: list[int] = []

    def counting(content: bytes, resolution: int, channels: int) -> np.ndarray:
        calls.append(len(content))
        return decode(content, resolution, channels)

    monkeypatch.setattr(dataset, "decode", counting)
    return calls


def zip_of(folder: Path, path: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize(("resolution", "channels"), [(32, 1), (32, 3), (64, 4)])
def test_a_data_set_is_its_images_in_the_order_of_their_names(
    pictures: Path, tmp_path: Path, resolution: int, channels: int
) -> None:
    data = load_images(pictures, resolution, channels, tmp_path)
    assert data.images.shape == (20, resolution, resolution, channels)
    assert data.images.dtype == np.uint8
    assert isinstance(data.images, np.memmap)
    for image, file in zip(data.images, sorted(pictures.iterdir()), strict=True):
        np.testing.assert_array_equal(image, decode(file.read_bytes(), resolution, channels))
    assert (data.facts.source, data.facts.count, data.facts.unreadable) == (str(pictures), 20, ())


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
    (pixels,), (facts,) = cache.glob("*.npy"), cache.glob("*.json")
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


def test_broken_files_are_left_out_and_named(tmp_path: Path, encode: Encode, make_pictures: Fill) -> None:
    folder = make_pictures(tmp_path / "data", 4)
    whole = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), "JPEG")
    broken = {"000-empty.png": b"", "cut.jpg": whole[:900], "text.png": b"I am a text", "zero.gif": bytes(500)}
    for name, content in broken.items():
        (folder / name).write_bytes(content)
    data = load_images(folder, 32, 3, tmp_path / "cache")
    assert data.facts.count == len(data.images) == 4
    assert [name for name, _ in data.facts.unreadable] == sorted(broken)
    reasons = dict(data.facts.unreadable)
    assert reasons["000-empty.png"] == "empty"
    assert reasons["text.png"].startswith("not an image of a known kind")
    assert "truncated" in reasons["cut.jpg"]


def test_the_digest_is_of_the_readable_files_alone(tmp_path: Path, make_pictures: Fill) -> None:
    folder = make_pictures(tmp_path / "data", 4)
    before = load_images(folder, 32, 3, tmp_path / "cache").facts.digest
    (folder / "broken.png").write_bytes(b"")
    assert load_images(folder, 32, 3, tmp_path / "cache").facts.digest == before
    assert load_images(folder, 64, 1, tmp_path / "cache").facts.digest == before


def test_a_damaged_member_of_a_zip_is_left_out_and_named(tmp_path: Path, make_pictures: Fill) -> None:
    folder = make_pictures(tmp_path / "data", 4)
    path = zip_of(folder, tmp_path / "data.zip")
    content = bytearray(path.read_bytes())
    content[content.index((folder / "002.png").read_bytes()) + 500] ^= 0xFF
    path.write_bytes(content)
    data = load_images(path, 32, 3, tmp_path / "cache")
    assert data.facts.count == 3
    assert [name for name, _ in data.facts.unreadable] == ["002.png"]
    assert "CRC" in data.facts.unreadable[0][1]


def test_names_of_any_letters_are_kept(tmp_path: Path, make_pictures: Fill) -> None:
    folder = make_pictures(tmp_path / "data", 3)
    names = ["ünïcødé ψ.png", "日本\n.png", "caf\udce9.png"]
    for name, file in zip(names, sorted(folder.iterdir()), strict=True):
        file.rename(folder / name)
    (folder / "broken \udcff.png").write_bytes(b"")
    for _ in range(2):  # decoded, and from the cache
        data = load_images(folder, 32, 3, tmp_path / "cache")
        assert data.facts.count == 3
        assert data.facts.unreadable == (("broken \udcff.png", "empty"),)


def test_where_nothing_can_be_read_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for i in range(3):
        (tmp_path / "data" / f"{i}.png").write_bytes(b"text")
    with pytest.raises(DataError, match=r"none of the 3 images of .*data can be read; the first, 0\.png: not an image"):
        load_images(tmp_path / "data", 32, 3, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_without_images_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=name):
        load_images(tmp_path / name, 32, 3, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_progress_counts_every_file_to_the_last(pictures: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    load_images(pictures, 32, 3, tmp_path, lambda done, total: calls.append((done, total)))
    assert calls == [(i, 20) for i in range(1, 21)]


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


def test_odd_metadata_is_no_reason_to_leave_an_image_out(tmp_path: Path, encode: Encode) -> None:
    (tmp_path / "data").mkdir()
    content = encode(Image.new("RGB", (40, 40), "red"), "TIFF")
    for i in range(30):  # many, so that threads meet
        (tmp_path / "data" / f"{i:02d}.tif").write_bytes(content + bytes(i))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\xff\xff"  # cut off
    (tmp_path / "data" / "odd.jpg").write_bytes(encode(Image.new("RGB", (40, 40), "red"), "JPEG", exif=exif))
    filters = list(warnings.filters)
    data = load_images(tmp_path / "data", 32, 3, tmp_path / "cache")
    assert data.facts.unreadable == ()
    assert list(warnings.filters) == filters  # and the filters of warnings are as they were


SEEDS = [0, 1, 7, 4242, 2**32 - 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [1, 2, 20, 101])
def test_every_epoch_is_a_permutation(seed: int, count: int) -> None:
    stream = Shuffled(count, seed)
    for epoch in range(5):
        assert sorted(stream.indices(epoch * count, count)) == list(range(count))


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    orders = {tuple(Shuffled(50, seed).indices(epoch * 50, 50)) for seed in SEEDS for epoch in range(6)}
    assert len(orders) == 30


@given(
    count=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), position=st.integers(0, 200), length=st.integers(1, 100)
)
def test_any_part_of_the_stream_is_a_function_of_the_seed(count: int, seed: int, position: int, length: int) -> None:
    whole = Shuffled(count, seed).indices(0, position + length)
    np.testing.assert_array_equal(Shuffled(count, seed).indices(position, length), whole[position:])


def test_a_stream_can_be_asked_backwards() -> None:
    stream = Shuffled(10, 3)
    later, earlier = stream.indices(25, 10), stream.indices(5, 10)
    np.testing.assert_array_equal(stream.indices(25, 10), later)
    np.testing.assert_array_equal(Shuffled(10, 3).indices(5, 10), earlier)


def test_a_batch_larger_than_the_data_holds_every_image_equally_often() -> None:
    counts = np.bincount(Shuffled(7, 5).indices(0, 70), minlength=7)
    assert counts.tolist() == [10] * 7


@pytest.mark.parametrize(
    ("seed", "order"),
    [
        (0, [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]),
        (1, [8, 4, 7, 0, 1, 2, 5, 9, 6, 3]),
        (42, [5, 6, 0, 7, 3, 2, 4, 9, 1, 8]),
        (2**32 - 1, [0, 1, 4, 8, 3, 7, 5, 6, 2, 9]),
    ],
)
def test_the_order_of_a_seed_is_kept(seed: int, order: list[int]) -> None:
    assert Shuffled(10, seed).indices(0, 10).tolist() == order
