import base64
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.pictures.archives import describe, encode_json, encode_npz, encode_zip, file_names
from service.pictures.png import encode_png
from service.pictures.provenance import read_provenance

HEAD = {
    "model": "avatars",
    "version": 2,
    "digest": "sha256:ab",
    "precision": "float32",
    "request": "/generate?seeds=7,ü",
}
TEXTS = [{"figment:request": f"/images/{seed}.png"} for seed in range(3)]
NAMES = ["7.png", "image-001.png", "8.png"]


def images_of(n: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 4, channels), dtype=np.uint8)


def latents_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        decoded = np.asarray(image)
    return decoded if decoded.ndim == 3 else decoded[:, :, np.newaxis]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("seeds", "labels"), [([7, 2**32 - 1, 0], [0, 3, 1]), (None, [0, 3, 1]), ([1, 2, 3], None), (None, None)]
)
def test_numpy_reads_what_was_given(
    seed: int, channels: int, seeds: list[int] | None, labels: list[int] | None
) -> None:
    images, latents = images_of(3, channels, seed), latents_of(3, seed)
    with np.load(io.BytesIO(encode_npz(images, latents, seeds, labels)), allow_pickle=False) as archive:
        found = dict(archive)
    expected: dict[str, np.ndarray] = {"images": images, "latents": latents}
    if seeds is not None:
        expected["seeds"] = np.array(seeds, np.uint32)
    if labels is not None:
        expected["labels"] = np.array(labels, np.int32)
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize(
    ("seeds", "names"),
    [
        ([7, 8], ["7.png", "8.png"]),
        ([7, None, 8, None], ["7.png", "image-001.png", "8.png", "image-003.png"]),
        ([7, 8, 7], ["000-7.png", "8.png", "002-7.png"]),
        ([], []),
    ],
)
def test_files_have_names_of_their_own(seeds: list[int | None], names: list[str]) -> None:
    assert file_names(seeds) == names


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_zip_holds_each_image_with_what_made_it_and_a_summary(channels: int, seed: int) -> None:
    images = images_of(3, channels, seed)
    with zipfile.ZipFile(io.BytesIO(encode_zip(images, NAMES, TEXTS, HEAD))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*NAMES, "figment.json"]
        for name, image, text in zip(NAMES, images, TEXTS, strict=True):
            assert np.array_equal(pixels(archive.read(name)), image)
            assert read_provenance(archive.read(name)) == text
        assert json.loads(archive.read("figment.json")) == HEAD
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("labels", [[3, 0, 1], None])
def test_json_is_what_the_documentation_shows(channels: int, labels: list[int] | None) -> None:
    images = images_of(3, channels)
    document = describe(images, ["7", "z:AAAA", "8"], [7, None, 8], labels, HEAD)
    read = json.loads(encode_json(images, TEXTS, document))
    drawn = [row.pop("png") for row in read["images"]]
    assert [base64.b64decode(png) for png in drawn] == [encode_png(*pair) for pair in zip(images, TEXTS, strict=True)]
    assert read == document
    assert list(read) == [*HEAD, "width", "height", "channels", "images"]
    assert (read["width"], read["height"], read["channels"]) == (4, 5, channels)
    assert read["images"][1] == {"point": "z:AAAA", "seed": None, "label": labels and labels[1]}


ENCODERS: dict[str, Callable[[], bytes]] = {
    "npz": lambda: encode_npz(images_of(3), latents_of(3), [1, 2, 3], [0, 1, 2]),
    "zip": lambda: encode_zip(images_of(3), NAMES, TEXTS, HEAD),
    "json": lambda: encode_json(images_of(3), TEXTS, describe(images_of(3), ["7"] * 3, [7] * 3, None, HEAD)),
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_the_bytes_do_not_depend_on_the_clock(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ENCODERS[kind]()
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    assert ENCODERS[kind]() == before


@pytest.mark.parametrize("names", [["7.png", "7.png", "8.png"], ["7.png", "figment.json", "8.png"]])
def test_two_files_of_a_name_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="same name"):
        encode_zip(images_of(3), names, TEXTS, HEAD)


@pytest.mark.parametrize("name", ["", "../7.png", "a\\b", "a\0b"])
def test_names_of_folders_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a file"):
        encode_zip(images_of(3), ["1.png", name, "2.png"], TEXTS, HEAD)


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("latents", lambda images: encode_npz(images, latents_of(2), None, None)),
        ("seeds", lambda images: encode_npz(images, latents_of(3), [1, 2], None)),
        ("labels", lambda images: encode_npz(images, latents_of(3), None, [1, 2])),
        ("names", lambda images: encode_zip(images, ["1.png", "2.png"], TEXTS, HEAD)),
        ("texts", lambda images: encode_zip(images, NAMES, TEXTS[:2], HEAD)),
        ("points", lambda images: describe(images, ["1", "2"], [1, 2, 3], None, HEAD)),
        ("seeds", lambda images: describe(images, ["1", "2", "3"], [1, 2], None, HEAD)),
        ("labels", lambda images: describe(images, ["1", "2", "3"], [1, 2, 3], [1, 2], HEAD)),
        ("texts", lambda images: encode_json(images, TEXTS[:2], {"images": [{}] * 3})),
        ("rows", lambda images: encode_json(images, TEXTS, {"images": [{}] * 2})),
    ],
)
def test_of_each_there_must_be_as_many_as_images(name: str, encode: Callable[[np.ndarray], Any]) -> None:
    with pytest.raises(ValueError, match=f"there are 2 {name} for 3 images"):
        encode(images_of(3))


def test_shapes_that_cannot_be_drawn_are_named() -> None:
    with pytest.raises(ValueError, match="images has"):
        encode_npz(np.zeros((3, 4, 4, 2), np.uint8), latents_of(3), None, None)
    with pytest.raises(TypeError, match="images is of float32"):
        encode_npz(np.zeros((3, 4, 4, 3), np.float32), latents_of(3), None, None)
