import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.dataset import load_images
from training.doctor import Examination, Findings, examine
from training.doctor.examination import members
from training.source import DataError


def test_everything_is_counted(examined: Examination, mess: Path) -> None:
    f = examined.findings
    assert (f.source, f.files, f.images) == (str(mess), 24, 22)
    assert [(u.name, bool(u.reason)) for u in f.unreadable] == [("b/cut.png", True), ("b/empty\n.png", True)]
    assert f.formats == {"PNG": 20, "JPEG": 2}
    assert f.modes == {"RGB": 17, "RGBA": 2, "grey": 1, "CMYK": 1, "16 bits or more": 1}
    assert f.transparent == 1  # the other RGBA is opaque
    assert f.grey == 2
    assert (f.too_small.names, f.odd_shapes.names, f.constant.names) == (["b/small.png"], ["b/wide.png"], ["b/red.png"])
    assert (f.sizes[0].width, f.sizes[0].height, f.sizes[0].count) == (64, 64, 19)
    assert (f.shorter_side.smallest, f.shorter_side.median, f.shorter_side.largest) == (40, 64, 90)
    assert f.class_folders == {"a": 14, "b": 8}
    assert f.classes is None


def test_duplicates_are_named_by_kind(examined: Examination) -> None:
    found = examined.findings.duplicates
    assert found.exact == [["a/0.png", "a/copy of 0.png"]]
    assert found.near == [["a/1.png", "a/copy of 1.jpg"]]
    assert (found.exact_surplus, found.near_surplus, found.largest) == (1, 1, 2)
    assert found.share == pytest.approx(2 / 22)


def test_the_cache_is_the_one_that_fit_takes(examined: Examination, mess: Path) -> None:
    files = set((mess.parent / "cache").iterdir())
    data = load_images(mess, 64, 3, mess.parent / "cache")
    assert set((mess.parent / "cache").iterdir()) == files
    assert data.facts.digest == examined.findings.digest
    np.testing.assert_array_equal(data.images, examined.images)


def test_asked_for_labels_it_counts_classes(mess: Path) -> None:
    f = examine(mess, 64, 3, mess.parent / "cache", labels="folders").findings
    assert (f.classes, f.class_folders) == ({"a": 14, "b": 8}, None)
    with pytest.raises(DataError, match=r"no dataset\.jsonl"):
        examine(mess, 64, 3, mess.parent / "cache", labels="hair")


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(mess: Path, channels: int) -> None:
    f = examine(mess, 32, channels, mess.parent / "cache").findings
    assert (f.images, f.channels, f.resolution, f.too_small.count) == (22, channels, 32, 0)
    assert f.grey == (0 if channels == 1 else 2)


@pytest.mark.parametrize("layout", [(20, 28, 28), (20, 28, 28, 3)])
def test_arrays_are_examined_like_files(tmp_path: Path, layout: tuple[int, ...]) -> None:
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).integers(0, 256, layout, np.uint8), y=np.arange(20) % 4)
    f = examine(tmp_path / "d.npz", 32, 3, tmp_path / "cache", labels="labels").findings
    assert f.formats == {"array": 20}
    assert f.modes == {"grey" if len(layout) == 3 else "RGB": 20}
    assert f.classes == dict.fromkeys("0123", 5)
    assert f.total_bytes == np.prod(layout)
    assert f.too_small.count == 20


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_images_that_look_to_one_side_are_lopsided(
    tmp_path: Path, picture: Callable[..., Image.Image], seed: int
) -> None:
    for name in ("one side", "both sides"):
        (tmp_path / name).mkdir()
        for i in range(60):
            image = picture(100 * seed + i)
            image.paste("black", (44, 0, 64, 64))
            turned = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 and name == "both sides" else image
            turned.save(tmp_path / name / f"{i}.png")
    one, both = (examine(tmp_path / name, 32, 3, tmp_path / "cache").findings for name in ("one side", "both sides"))
    assert both.lopsided < 0.25 < one.lopsided


def test_a_file_that_is_gone_after_decoding_is_no_error(
    tmp_path: Path, picture: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    for i in range(3):
        picture(i).save(tmp_path / "d" / f"{i}.png")

    def progress(done: int, total: int) -> None:
        if done == total:
            (tmp_path / "d" / "1.png").unlink()

    f = examine(tmp_path / "d", 32, 3, tmp_path / "cache", progress=progress).findings
    assert (f.images, f.formats) == (3, {"PNG": 2})


def test_findings_survive_json(examined: Examination) -> None:
    assert Findings.model_validate_json(examined.findings.model_dump_json()) == examined.findings


def test_one_image(tmp_path: Path, picture: Callable[..., Image.Image]) -> None:
    (tmp_path / "d").mkdir()
    picture(0).save(tmp_path / "d" / "0.png")
    f = examine(tmp_path / "d", 32, 3, tmp_path / "cache").findings
    assert (f.images, f.duplicates.share, f.duplicates.largest, f.lopsided) == (1, 0, 1, 0)
    shutil.rmtree(tmp_path / "d")
    with pytest.raises(DataError, match="does not exist"):
        examine(tmp_path / "d", 32, 3, tmp_path / "cache")


def test_members_are_in_order_and_the_largest_group_is_first() -> None:
    found = members(np.array([0, 1, 2, 1, 0, 1, 3], np.int32))
    assert [group.tolist() for group in found] == [[1, 3, 5], [0, 4]]
