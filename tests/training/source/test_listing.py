import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from training.source import DataError, list_entries
from training.source.entry import MAX_BYTES, SUFFIXES, shown

Encode = Callable[..., bytes]


def names(path: Path) -> list[str]:
    return [entry.name for entry in list_entries(path)]


FILES = ["b.png", "a.JPG", "x/y/z/deep.webp", "x/1.jpeg", "ünïcødé ψ/日本.png", "c.bmp", "d.gif", "e.tif", "f.tiff"]
OTHERS = [
    ".hidden.png",
    ".git/a.png",
    "notes.txt",
    "__MACOSX/a.png",
    "x/__MACOSX/._b.png",
    "x/.DS_Store",
    "png",
    "a.npy",
]


def zipped(path: Path, files: list[str], content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("empty.png")
        for name in files:
            archive.writestr(name, content)
    return path


def test_images_are_found_at_any_depth_and_sorted(tmp_path: Path) -> None:
    for name in FILES + OTHERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert names(tmp_path) == sorted(FILES)


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    assert names(zipped(tmp_path / "data.zip", FILES + OTHERS)) == sorted(FILES)


def test_a_name_that_is_no_utf8_is_an_image_too(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.png").write_bytes(b"x")
    assert names(tmp_path) == ["caf\udce9.png"]


def test_a_broken_link_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").symlink_to("nowhere")
    (tmp_path / "c.png").symlink_to("a.png")
    assert names(tmp_path) == ["a.png", "c.png"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_where_there_are_no_images_it_says_what_was_looked_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data"
    if kind == "zip":
        zipped(path, OTHERS)
    else:
        path.mkdir()
        (path / "notes.txt").touch()
    with pytest.raises(DataError) as refusal:
        list_entries(path)
    assert str(path) in str(refusal.value)
    assert all(suffix in str(refusal.value) for suffix in SUFFIXES)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_zip_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.zip is (neither a folder nor|not) a readable zip"):
        list_entries(path)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        list_entries(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_stamp_changes_with_the_content(tmp_path: Path, kind: str) -> None:
    def stamp(content: bytes) -> str:
        if kind == "zip":
            return list_entries(zipped(tmp_path / "data.zip", ["a.png"], content))[0].stamp
        (tmp_path / "a.png").write_bytes(content)
        return list_entries(tmp_path)[0].stamp

    assert len({stamp(b"one"), stamp(b"three"), stamp(b"fourteen")}) == 3


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_file_too_large_is_not_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.png"
    if kind == "folder":
        with file.open("wb") as handle:
            handle.truncate(MAX_BYTES + 1)
        entry = list_entries(tmp_path)[0]
    else:
        content = bytearray(zipped(tmp_path / "data.zip", ["a.png"]).read_bytes())
        directory = content.index(b"PK\x01\x02")  # what the central directory says of the size
        content[directory + 24 : directory + 28] = (MAX_BYTES + 1).to_bytes(4, "little")
        while b"PK\x01\x02" in content[directory + 1 :]:
            directory = content.index(b"PK\x01\x02", directory + 1)
            content[directory + 24 : directory + 28] = (MAX_BYTES + 1).to_bytes(4, "little")
        (tmp_path / "data.zip").write_bytes(content)
        entry = list_entries(tmp_path / "data.zip")[0]
    with pytest.raises(ValueError, match=f"{MAX_BYTES + 1} bytes are more than"):
        entry.read()


def test_a_damaged_member_of_a_zip_is_an_error_of_its_own(tmp_path: Path, encode: Encode) -> None:
    content = encode(Image.new("RGB", (64, 64), "red"))
    path = zipped(tmp_path / "data.zip", ["a.png", "b.png"], content)
    whole = bytearray(path.read_bytes())
    whole[whole.index(content) + 40] ^= 0xFF
    path.write_bytes(whole)
    first, second = list_entries(path)
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        first.read()
    assert Image.open(io.BytesIO(second.read())).size == (64, 64)


def test_a_link_to_a_folder_is_followed_and_a_circle_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "data" / "z" / "deep").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for name in ("data/z/deep/1.png", "outside/2.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "data" / "a").symlink_to("z")  # sorts before, and yet the true folder's name is kept
    (tmp_path / "data" / "b").symlink_to("../outside")
    (tmp_path / "data" / "z" / "deep" / "up").symlink_to("../..")
    assert names(tmp_path / "data") == ["b/2.png", "z/deep/1.png"]


def test_a_file_that_vanishes_while_it_is_listed_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x")
    scan = os.scandir

    class Vanishing:
        def __init__(self, path: str) -> None:
            self.entries = list(scan(path))
            (tmp_path / "a.png").unlink()

        def __enter__(self) -> list["os.DirEntry[str]"]:
            return self.entries

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Vanishing)
    assert names(tmp_path) == ["b.png"]


def test_of_two_members_with_one_name_the_last_is_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("a.png", b"old")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", b"new")
    assert [entry.read() for entry in list_entries(tmp_path / "data.zip")] == [b"new"]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "faces.npz"])
def test_a_folder_with_a_file_of_arrays_says_to_name_that(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=f"did you mean .*{name}"):
        list_entries(tmp_path)


def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is no file; --data takes a folder"):
        list_entries(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b.png", "a b.png"),
        ("日本ψ.png", "日本ψ.png"),
        ("a\nb\x1b[0m.png", "a\\nb\\x1b[0m.png"),
        ("\udcff.png", "\\udcff.png"),
    ],
)
def test_a_name_is_shown_on_one_line(name: str, text: str) -> None:
    assert shown(name) == text
