from __future__ import annotations

import dataclasses
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from figment_client.errors import NumpyMissing, PillowMissing, WrongEnding
from figment_client.pictures import Picture

from tests.client.fake_service import MEDIA_TYPES


def picture(images: Mapping[str, bytes], name: str = "png") -> Picture:
    return Picture(images[name], MEDIA_TYPES[name], (7, 8), "adventurer", 3, "/generate?n=2&seed=7")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("png", "grid.png"),
        ("png", "GRID.PNG"),
        ("webp", "walk.webp"),
        ("gif", "walk.gif"),
        ("jpeg", "one.jpg"),
        ("jpeg", "one.jpeg"),
        ("apng", "walk.png"),
        ("apng", "walk.apng"),
        ("mp4", "walk.mp4"),
        ("npz", "grid.npz"),
        ("json", "grid.json"),
    ],
)
def test_save_writes_the_bytes_and_returns_the_path(
    images: Mapping[str, bytes], tmp_path: Path, name: str, file: str
) -> None:
    saved = picture(images, name).save(tmp_path / file)
    assert saved == tmp_path / file
    assert saved.read_bytes() == images[name]


def test_save_takes_a_string_and_replaces_what_was_there(images: Mapping[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "grid.png").write_bytes(b"old")
    assert picture(images).save(str(tmp_path / "grid.png")).read_bytes() == images["png"]
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]


@pytest.mark.parametrize("file", ["grid.webp", "grid.gif", "grid.jpg", "grid", ".png", "grid.png.txt"])
def test_save_refuses_an_ending_of_another_format(images: Mapping[str, bytes], tmp_path: Path, file: str) -> None:
    with pytest.raises(WrongEnding, match=r"image/png needs a name ending in \.png"):
        picture(images).save(tmp_path / file)
    assert not list(tmp_path.iterdir())


def test_save_refuses_a_format_it_does_not_know(images: Mapping[str, bytes], tmp_path: Path) -> None:
    unknown = dataclasses.replace(picture(images), media_type="image/bmp")
    with pytest.raises(WrongEnding, match="image/bmp"):
        unknown.save(tmp_path / "grid.png")


def test_a_failed_save_leaves_the_old_file_and_no_other(
    images: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "grid.png"
    old.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        picture(images).save(old)
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]


def test_a_missing_folder_is_the_file_systems_error(images: Mapping[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        picture(images).save(tmp_path / "nowhere" / "grid.png")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_saved_file_has_the_permissions_of_any_new_file(images: Mapping[str, bytes], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    saved = picture(images).save(tmp_path / "grid.png")
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


@pytest.mark.parametrize("name", ["png", "webp", "gif", "jpeg", "avif", "apng"])
def test_image_is_decoded_by_pillow(images: Mapping[str, bytes], name: str) -> None:
    assert picture(images, name).image().size == (6, 2)


def test_arrays_are_those_of_npz(images: Mapping[str, bytes]) -> None:
    drawn = picture(images, "npz")
    assert set(drawn.arrays()) == {"images", "latents"}
    assert (drawn.array().shape, drawn.array().dtype) == ((2, 2, 3, 3), np.uint8)


@pytest.mark.parametrize("name", ["png", "zip", "json"])
def test_another_format_has_no_arrays(images: Mapping[str, bytes], name: str) -> None:
    with pytest.raises(ValueError, match=r"npz|pickle"):
        picture(images, name).arrays()


def test_without_numpy_arrays_say_what_to_install(images: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(NumpyMissing, match=r"figment-client\[numpy\]"):
        picture(images, "npz").array()


def test_a_picture_in_a_file_has_its_bytes_and_is_saved_as_a_copy(images: Mapping[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "first.png").write_bytes(images["png"])
    drawn = dataclasses.replace(picture(images), source=tmp_path / "first.png")
    assert (drawn.path, drawn.content) == (tmp_path / "first.png", images["png"])
    assert drawn.save(tmp_path / "second.png").read_bytes() == images["png"]
    assert drawn.image().size == (6, 2)
    assert picture(images).path is None


@pytest.mark.parametrize(("seeds", "seed"), [((7, 8), 7), ((0,), 0), ((), None)])
def test_the_seed_is_the_first(images: Mapping[str, bytes], seeds: tuple[int, ...], seed: int | None) -> None:
    assert dataclasses.replace(picture(images), seeds=seeds).seed == seed


def test_without_pillow_image_says_what_to_install(
    images: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(PillowMissing, match=r"figment-client\[pillow\]"):
        picture(images).image()


def test_a_picture_is_frozen_and_shows_no_bytes(images: Mapping[str, bytes]) -> None:
    drawn = picture(images)
    with pytest.raises(dataclasses.FrozenInstanceError):
        drawn.seeds = (8,)  # type: ignore[misc]
    assert "PNG" not in repr(drawn)
