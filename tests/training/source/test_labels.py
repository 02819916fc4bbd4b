import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.source import DataError, open_source
from training.source.labels import classes, common_folder, folder_labels

NAMES = [f"{i:02d}.png" for i in range(6)]
HAIR = ["short", "long", "short", "none", "long", "short"]


def lines_of(values: list[Any], key: str = "hair", file_key: str = "file", names: list[str] = NAMES) -> str:
    return "".join(json.dumps({file_key: n, key: v}) + "\n" for n, v in zip(names, values, strict=True))


def source_of(path: Path, files: dict[str, str | bytes], kind: str) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return path


KINDS = pytest.mark.parametrize("kind", ["folder", "zip"])


def labelled(path: Path, jsonl: str, kind: str = "folder", key: str = "hair", folder: str = "") -> list[str]:
    files = {f"{folder}{name}": b"x" for name in NAMES} | {f"{folder}dataset.jsonl": jsonl}
    numbers, names = open_source(source_of(path / "data", files, kind)).labels(key, frozenset())
    return [names[number] for number in numbers]


@KINDS
@pytest.mark.parametrize("file_key", ["file", "file_name", "filename", "path", "image", "name"])
def test_a_key_of_dataset_jsonl_is_a_label(tmp_path: Path, kind: str, file_key: str) -> None:
    assert labelled(tmp_path, lines_of(HAIR, file_key=file_key), kind) == HAIR


@KINDS
def test_dataset_jsonl_may_lie_in_the_one_folder_of_a_zip(tmp_path: Path, kind: str) -> None:
    assert labelled(tmp_path, lines_of(HAIR), kind, folder="faces/all/") == HAIR


def test_images_that_cannot_be_read_need_no_label(tmp_path: Path) -> None:
    files = dict.fromkeys(NAMES, b"x") | {"dataset.jsonl": lines_of([*HAIR[:5], None])}
    source = open_source(source_of(tmp_path / "data", files, "folder"))
    numbers, names = source.labels("hair", frozenset({"05.png", "00.png"}))
    assert [names[number] for number in numbers] == HAIR[1:5]
    assert numbers.dtype == np.int32


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, 10, 9, 10, 100], ("9", "10", "100")),
        ([1.5, 0.5, 1.5, 0.5, 1.5, 0.5], ("0.5", "1.5")),
        ([True, False, True, True, False, True], ("false", "true")),
        (["b", "a", "B", "b", "a", "ä"], ("B", "a", "b", "ä")),
        ([1, "x", 1, "x", 1, "x"], ("1", "x")),
    ],
)
def test_numbers_and_booleans_become_their_text_and_are_sorted_as_what_they_are(
    tmp_path: Path, values: list[Any], names: tuple[str, ...]
) -> None:
    files = dict.fromkeys(NAMES, b"x") | {"dataset.jsonl": lines_of(values)}
    assert open_source(source_of(tmp_path / "data", files, "folder")).labels("hair", frozenset())[1] == names


WRONG: dict[str, tuple[str, str]] = {
    "missing key": (lines_of(HAIR, key="skin"), "has no key 'hair'; it has file, skin"),
    "a list": (lines_of([*HAIR[:5], ["short"]]), "'hair' is a list; a label is one value"),
    "an object": (lines_of([*HAIR[:5], {"a": 1}]), "'hair' is a nested object"),
    "null": (lines_of([*HAIR[:4], None, None]), r"2 of 6 images have no label: 04\.png, 05\.png"),
    "empty texts": (lines_of(["", "", *HAIR[:4]]), r"2 of 6 images have no label: 00\.png, 01\.png"),
    "missing lines": (lines_of(HAIR[:1], names=NAMES[:1]), r"5 of 6 .*: 01\.png, 02\.png, 03\.png and 2 more"),
    "no name": (lines_of(HAIR, file_key="id"), "does not say which image a line is of"),
    "no JSON": (lines_of(HAIR) + "{cut", "line 7 is no JSON"),
    "no object": ("[1]\n", "line 1 is no JSON object but list"),
    "empty": ("\n\n", "is empty"),
    "one class": (lines_of(["short"] * 6), "all images have the label 'short'"),
}


@pytest.mark.parametrize(("jsonl", "reason"), WRONG.values(), ids=WRONG)
@KINDS
def test_labels_that_cannot_be_taken_are_refused_with_the_reason(
    tmp_path: Path, jsonl: str, reason: str, kind: str
) -> None:
    with pytest.raises(DataError, match=reason):
        labelled(tmp_path, jsonl, kind)


def test_a_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    files = dict.fromkeys(NAMES, b"x") | {"dataset.jsonl": b'{"file": "\xff"}'}
    with pytest.raises(DataError, match="line 1 is no JSON"):
        open_source(source_of(tmp_path / "data", files, "folder")).labels("hair", frozenset())


@KINDS
def test_without_dataset_jsonl_it_says_what_else_there_is(tmp_path: Path, kind: str) -> None:
    path = source_of(tmp_path / "data", dict.fromkeys(NAMES, b"x"), kind)
    with pytest.raises(DataError, match=r"has no dataset\.jsonl for the labels 'hair'; .*'folders'"):
        open_source(path).labels("hair", frozenset())


def test_an_image_of_its_own_class_each_is_refused() -> None:
    names = [f"{i}.png" for i in range(20)]
    with pytest.raises(DataError, match=r"20 different labels for 20 images, such as '0\.png', are no classes"):
        classes(names, names, "x")


@pytest.mark.parametrize("top", ["", "data/", "a/b/"])
@KINDS
def test_the_first_folder_is_the_class(tmp_path: Path, kind: str, top: str) -> None:
    files = dict.fromkeys([f"{top}cat/1.png", f"{top}cat/deep/2.png", f"{top}dog/1.png"], b"x")
    numbers, names = open_source(source_of(tmp_path / "data", files, kind)).labels("folders", frozenset())
    assert (numbers.tolist(), names) == ([0, 0, 1], ("cat", "dog"))


def test_images_beside_the_class_folders_have_no_label(tmp_path: Path) -> None:
    files = dict.fromkeys(["cat/1.png", "dog/1.png", "x\ny.png"], b"x")
    with pytest.raises(DataError, match=r"1 of 3 images have no label: x\\ny\.png"):
        open_source(source_of(tmp_path / "data", files, "folder")).labels("folders", frozenset())


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (["a.png"], ""), (["x/a.png"], "x/"), (["x/a.png", "x/b.png"], "x/"), (["x/a.png", "xy/b.png"], ""),
        (["x/y/a.png", "x/z/b.png"], "x/"), (["x/y/a.png", "x/y.png"], "x/"), (["x/y/z/a", "x/y/b/c", "x/y/d"], "x/y/"),
    ],
)  # fmt: skip
def test_the_folder_that_all_have_in_common(names: list[str], folder: str) -> None:
    assert common_folder(names) == folder


def test_folders_below_the_class_do_not_count() -> None:
    assert folder_labels(["a/1/x.png", "a/2/x.png", "b/1/x.png", "c.png"]) == ["a", "a", "b", None]


@pytest.mark.parametrize(
    ("label", "reason"),
    [("x" * 256, "256 characters; at most 255"), ("\ud800", "no valid Unicode"), (float("nan"), "no label")],
)
def test_a_label_that_no_manifest_takes_is_refused(tmp_path: Path, label: object, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        labelled(tmp_path, lines_of([label, *HAIR[1:]]))
