"""The findings as one HTML file that needs nothing beside itself."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from training.cache import replacing
from training.doctor.examination import Examination, members
from training.doctor.sheets import contact_sheet, data_uri
from training.doctor.text import facts, size
from training.source import shown

HERE: Final = Path(__file__).parent
SAMPLE: Final = (16, 8)
"""Columns and rows of the sample."""
GROUPS: Final = 24
"""Groups of duplicates that are shown, and images of each."""
OF_A_GROUP: Final = 6
ODD_ONES: Final = 32
"""Images that are shown of every other kind."""


class Picture(NamedTuple):
    """A data URI, and its width in pixels."""

    uri: str
    width: int


class Sheet(NamedTuple):
    """A part of the page that shows images: one contact sheet, or one for each group of duplicates."""

    title: str
    text: str
    pictures: list[Picture]


def write_page(path: Path, examination: Examination) -> None:
    """Write the page.

    Raises:
        OSError: it cannot be written; names the file.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "size": size}
    page = environment.get_template("doctor.html.j2").render(
        f=examination.findings, name=shown(Path(examination.findings.source).name), facts=facts(examination.findings),
        sample=_sample(examination), sheets=_sheets(examination),
    )  # fmt: skip
    with replacing(path) as file:
        file.write(page.encode())


def _sample(examination: Examination) -> Sheet:
    columns, rows = SAMPLE
    count = len(examination.images)
    index = np.sort(np.random.default_rng(0).choice(count, min(count, columns * rows), replace=False))
    text = f"{len(index)} images at random, as they are trained on"
    return Sheet("A sample", text, [_picture(examination.images[index], columns)])


def _sheets(examination: Examination) -> list[Sheet]:
    f, images, exact = examination.findings, examination.images, examination.duplicates.exact
    where = {name: number for number, name in enumerate(examination.names)}
    different = [_one_of_each(group, exact) for group in members(examination.duplicates.groups)]
    sheets = []
    for title, groups in (
        ("Exact repeats", members(exact)),
        ("Near repeats", [group for group in different if len(group) > 1]),
    ):
        if groups:
            text = f"{len(groups):,} groups, the largest first; the first images of each"
            pictures = [_picture(images[group[:OF_A_GROUP]], OF_A_GROUP) for group in groups[:GROUPS]]
            sheets.append(Sheet(title, text, pictures))
    for title, some in (
        (f"Smaller than {f.resolution} px", f.too_small),
        ("Longer than 2 : 1, cut to the middle", f.odd_shapes),
        ("One colour", f.constant),
    ):
        if some.count:
            index = [where[name] for name in some.names[:ODD_ONES]]
            sheets.append(Sheet(title, f"{some.count:,} images", [_picture(images[index], SAMPLE[0])]))
    return sheets


def _one_of_each(group: NDArray[np.int64], exact: NDArray[np.int32]) -> NDArray[np.int64]:
    """The images of a group without exact repeats."""
    return group[np.unique(exact[group], return_index=True)[1]]


def _picture(images: NDArray[np.uint8], columns: int) -> Picture:
    sheet = contact_sheet(images, min(columns, len(images)))
    return Picture(data_uri(sheet), sheet.width)
