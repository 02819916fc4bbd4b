import base64
import errno
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.doctor import Examination, examine
from training.doctor.page import write_page
from training.doctor.sheets import GAP, contact_sheet, data_uri
from training.doctor.text import size, text_of


@pytest.fixture(scope="session")
def page(examined: Examination, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "doctor.html"
    write_page(path, examined)
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_beside_itself(page: str) -> None:
    class Links(HTMLParser):
        found: tuple[str, ...] = ()

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.found += tuple(value or "" for key, value in attributes if key in ("src", "href"))

    links = Links()
    links.feed(page)
    assert links.found
    assert all(link.startswith("data:image/webp;base64,") for link in links.found)
    assert "url(" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    "title",
    [
        "A sample",
        "Exact repeats",
        "Near repeats",
        "Smaller than 64 px",
        "Longer than 2 : 1",
        "One colour",
        "Unreadable",
    ],
)
def test_every_kind_has_its_sheet(page: str, title: str) -> None:
    assert f"<h2>{title}" in page


def test_the_sample_shows_the_images(page: str, examined: Examination) -> None:
    uri = re.search(r'src="data:image/webp;base64,([^"]+)"', page)
    assert uri is not None
    sheet = Image.open(io.BytesIO(base64.b64decode(uri[1])))
    assert sheet.size == (16 * (64 + GAP) - GAP, 2 * (64 + GAP) - GAP)
    np.testing.assert_array_equal(np.asarray(sheet.convert("RGB"))[:64, :64], examined.images[0])


def test_names_are_text_and_never_markup(tmp_path: Path, picture: Callable[..., Image.Image]) -> None:
    (tmp_path / "<b>data").mkdir()
    for i in range(3):
        picture(i).save(tmp_path / "<b>data" / f"{i}.png")
    for name in ("<script>x.png", "new\nline.png", "caf\udce9.png"):
        (tmp_path / "<b>data" / name).write_bytes(b"")
    examination = examine(tmp_path / "<b>data", 32, 3, tmp_path / "cache")
    write_page(tmp_path / "doctor.html", examination)
    page = (tmp_path / "doctor.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "<b>" not in page
    for shown in ("&lt;script&gt;x.png", r"new\nline.png", r"caf\udce9.png"):
        assert shown in page


def test_a_page_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, examined: Examination) -> None:
    with pytest.raises(OSError, match=r"nowhere/doctor\.html") as error:
        write_page(tmp_path / "nowhere" / "doctor.html", examined)
    assert error.value.errno == errno.ENOENT


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_text_is_no_wider_than_the_terminal(examined: Examination, width: int) -> None:
    lines = text_of(examined.findings, width).splitlines()
    long = [line for line in lines if len(line) > width and " " in line[22:]]
    assert long == []
    assert any(line.startswith("near repeats       1 (4.5%) in 1 groups: a/1.png") for line in lines)
    assert any(line.startswith("unreadable         2: b/cut.png: ") for line in lines)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (56_341_878, "56.3 MB"), (10**10, "10.0 GB")],
)
def test_sizes_as_a_person_says_them(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_contact_sheet_is_row_by_row(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, channels), np.uint8)
    sheet = np.asarray(contact_sheet(images, 3))
    assert sheet.shape == (2 * 8 + GAP, 3 * 8 + 2 * GAP, 4)
    fifth = sheet[8 + GAP :, 8 + GAP : 16 + GAP]
    expected = images[4] if channels > 1 else images[4].repeat(3, 2)
    np.testing.assert_array_equal(fifth[..., : expected.shape[2]], expected)
    assert (sheet[8 + GAP :, 16 + 2 * GAP :, 3] == 0).all()


def test_pictures_in_the_page_are_lossless() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8))
    content = base64.b64decode(data_uri(image).split(",")[1])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), np.asarray(image))
