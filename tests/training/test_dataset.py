import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.dataset import DataFacts, ImageSet, Shuffled, hold_out, load_images
from training.source import DataError, decode

Encode = Callable[..., bytes]
Fill = Callable[..., Path]


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
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
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


def test_an_array_is_a_data_set_like_its_files(tmp_path: Path, pictures: Path) -> None:
    files = load_images(pictures, 32, 3, tmp_path / "cache")
    np.savez(tmp_path / "d.npz", images=np.stack([np.asarray(Image.open(f)) for f in sorted(pictures.iterdir())]))
    np.testing.assert_array_equal(load_images(tmp_path / "d.npz", 32, 3, tmp_path / "cache").images, files.images)


def test_a_damaged_array_is_no_heap_of_unreadable_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", images=np.full((5, 8, 8), 7.0))
    with pytest.raises(DataError, match=r"array 'images' is float64 from 7\.0 to 7\.0"):
        load_images(tmp_path / "d.npz", 32, 3, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.fixture
def animals(tmp_path: Path, make_pictures: Fill) -> Path:
    for name, seed in (("dog", 0), ("cat", 1), ("10", 2)):
        make_pictures(tmp_path / "animals" / name, 3, seed=seed)
    return tmp_path / "animals"


def test_labels_are_numbers_of_the_class_names(animals: Path, tmp_path: Path) -> None:
    (animals / "dog" / "001.png").write_bytes(b"broken")
    data = load_images(animals, 32, 3, tmp_path / "cache", labels="folders")
    assert data.class_names == ("10", "cat", "dog")
    assert data.labels is not None
    assert data.labels.dtype == np.int32
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert data.class_shares == (3 / 8, 3 / 8, 2 / 8)


def test_what_the_labels_say_is_part_of_the_digest(animals: Path, tmp_path: Path) -> None:
    def digest(hair: list[str], labels: str | None = "hair") -> str:
        names = sorted(str(file.relative_to(animals)) for file in animals.rglob("*.png"))
        lines = [f'{{"file": "{name}", "hair": "{value}"}}\n' for name, value in zip(names, hair, strict=True)]
        (animals / "dataset.jsonl").write_text("".join(lines))
        return load_images(animals, 32, 3, tmp_path / "cache", labels=labels).digest

    one, other = ["long", "short", "none"] * 3, ["long", "none", "short"] * 3
    assert digest(one) == digest(one)
    assert len({digest(one), digest(other), digest(["a", "b", "c"] * 3), digest(one, labels=None)}) == 4
    assert digest(one, labels=None) == digest(other, labels=None)


def set_of(groups: list[int], labels: bool = False) -> ImageSet:
    count = len(groups)
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    numbers = np.arange(count, dtype=np.int32) % 2 if labels else None
    facts = DataFacts("here", count, "sha256:0", ())
    return ImageSet(images, facts, numbers, ("a", "b") if labels else (), np.array(groups, np.int32))


def test_without_known_groups_each_image_is_alone() -> None:
    assert ImageSet(np.zeros((4, 2, 2, 3), np.uint8), DataFacts("", 4, "", ())).groups.tolist() == [0, 1, 2, 3]


def test_a_selection_is_read_like_an_array() -> None:
    data = set_of([0] * 10, labels=True)
    part = data.select(np.array([7, 2, 9])).select(np.array([2, 0]))
    assert len(part) == len(part.images) == part.facts.count == 2
    assert part.images.shape == (2, 4, 4, 3)
    for read in (part.images[:], np.asarray(part.images), part.images[np.array([0, 1])]):
        assert read[:, 0, 0, 0].tolist() == [9, 7]
    assert part.images[1][0, 0, 0] == 7
    assert part.labels is not None
    assert part.labels.tolist() == [1, 1]
    assert (part.class_names, part.facts.digest) == (("a", "b"), "sha256:0")


SEEDS = [0, 1, 7, 4242, 2**32 - 1]


@given(
    groups=st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda g: len(set(g)) > 1),
    share=st.floats(0.01, 0.9),
    seed=st.sampled_from(SEEDS),
)
def test_no_group_is_on_both_sides_and_no_side_is_empty(groups: list[int], share: float, seed: int) -> None:
    data = set_of(groups)
    train, held = hold_out(data, share, seed)
    assert not set(train.groups.tolist()) & set(held.groups.tolist())
    assert len(train) > 0
    assert len(held) > 0
    numbers = train.images[:][:, 0, 0, 0].tolist()
    assert sorted(numbers + held.images[:][:, 0, 0, 0].tolist()) == list(range(len(groups)))
    assert numbers == sorted(numbers)
    smallest = min(groups.count(group) for group in set(groups))
    assert len(held) <= max(smallest, np.ceil(share * len(groups)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_is_kept_where_most_images_are_alone(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    groups = np.where(random.random(2000) < 0.3, random.integers(0, 200, 2000), np.arange(2000)).tolist()
    train, held = hold_out(set_of(groups), share, seed)
    assert len(held) == round(share * 2000)
    assert len(train) == 2000 - len(held)


def test_the_split_is_a_function_of_the_data_and_the_seed() -> None:
    data = set_of([*range(50), *range(50)])
    splits = {tuple(hold_out(data, 0.2, seed)[1].groups.tolist()) for seed in SEEDS for _ in range(2)}
    assert len(splits) == len(SEEDS)


def test_a_share_of_nothing_holds_out_nothing() -> None:
    train, held = hold_out(set_of([0, 0, 0]), 0, 0)
    assert (len(train), len(held)) == (3, 0)
    assert held.images[:].shape == (0, 4, 4, 3)


def test_where_all_are_duplicates_nothing_can_be_held_out() -> None:
    with pytest.raises(DataError, match="all images are duplicates of each other"):
        hold_out(set_of([3] * 10), 0.1, 0)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="0 ≤ share < 1"):
        hold_out(set_of([0, 1]), share, 0)


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
