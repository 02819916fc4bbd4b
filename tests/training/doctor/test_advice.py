import re

import numpy as np
import pytest

from training.dataset import DataFacts, ImageSet
from training.doctor import Examination, Findings, quick_findings
from training.doctor.advice import advice
from training.doctor.findings import DuplicateFindings, Sides, Some, Unreadable

CLEAN = Findings(
    source="/data/faces", digest="sha256:0", resolution=64, channels=3, files=50_000, images=50_000,
    total_bytes=10**9, unreadable=[], formats={"PNG": 50_000}, modes={"RGB": 50_000}, transparent=0, grey=0, sizes=[],
    shorter_side=Sides(smallest=64, tenth_percentile=70, median=80, largest=120), too_small=Some(count=0, names=[]),
    odd_shapes=Some(count=0, names=[]), constant=Some(count=0, names=[]),
    duplicates=DuplicateFindings(exact=[], exact_surplus=0, near=[], near_surplus=0, share=0, largest=1),
    lopsided=0.4, classes=None, class_folders=None, advice=[],
)  # fmt: skip
ONE = Some(count=1, names=["x.png"])
REPEATED = DuplicateFindings(exact=[], exact_surplus=9_000, near=[], near_surplus=1_500, share=0.21, largest=9)

RULES: dict[str, tuple[dict[str, object], str]] = {
    "few": ({"images": 200}, "200 images are few"),
    "augmented": ({"images": 20_000}, "enough with augmentation"),
    "unreadable": ({"unreadable": [Unreadable(name="x.png", reason="empty")]}, "1 of 50,000 files .* x.png: empty"),
    "duplicates": ({"duplicates": REPEATED}, r"21\.0% of the images repeat others \(9,000 exactly, 1,500 nearly\)"),
    "a crowd": ({"duplicates": REPEATED.model_copy(update={"largest": 9_000})}, "One group has 9,000 images"),
    "one colour": ({"constant": ONE}, "1 images are of one colour, such as x.png"),
    "small": (
        {
            "too_small": Some(count=9_000, names=[]),
            "shorter_side": Sides(smallest=20, tenth_percentile=40, median=80, largest=99),
        },
        "9,000 images are smaller than 64 px .* --resolution 32",
    ),
    "large": (
        {"shorter_side": Sides(smallest=20, tenth_percentile=200, median=300, largest=999)}, "--resolution 128",
    ),
    "long": ({"odd_shapes": ONE}, "more than twice as long"),
    "grey": ({"grey": 50_000}, "take --channels 1"),
    "some grey": ({"grey": 5_000}, "5,000 images of a set in colour are grey"),
    "transparent": ({"transparent": 40_000}, "--channels 4"),
    "symmetric": ({"lopsided": 0.05}, "take --flip"),
    "lopsided": ({}, "do without --flip"),
    "folders": ({"class_folders": {"a": 9, "b": 9}}, "2 folders: --labels folders"),
    "rare classes": ({"classes": {"a": 9_000, "b": 9, "c": 50}}, "2 of 3 classes have fewer than 100 .*'b' only 9"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), RULES.values(), ids=RULES)
def test_every_finding_has_its_advice(changes: dict[str, object], expected: str) -> None:
    said = advice(CLEAN.model_copy(update=changes))
    assert any(re.search(expected, line) for line in said), said
    if changes:
        assert not any(re.search(expected, line) for line in advice(CLEAN))


def test_of_clean_images_there_is_little_to_say() -> None:
    assert advice(CLEAN) == ["Left and right differ throughout: do without --flip."]


def test_all_advice_of_a_mess(examined: Examination) -> None:
    assert len(examined.findings.advice) >= 7


def data(count: int, groups: int, unreadable: int = 0, labels: list[int] | None = None) -> ImageSet:
    facts = DataFacts("x", count, "sha256:0", tuple((f"{i}.png", "empty") for i in range(unreadable)))
    numbers = None if labels is None else np.array(labels, np.int32)
    names = () if labels is None else ("a", "b", "c")
    return ImageSet(
        np.zeros((count, 2, 2, 3), np.uint8), facts, numbers, names, (np.arange(count) % groups).astype(np.int32)
    )


def test_of_clean_images_fit_says_nothing() -> None:
    assert quick_findings(data(1000, 1000)) == []


def test_fit_says_what_it_knows_without_looking_again() -> None:
    lines = quick_findings(data(500, 400, unreadable=3, labels=[0] * 300 + [1] * 200))
    assert len(lines) == 4
    for line, part in zip(
        lines,
        ["3 of 503 files", "100 of 500 images (20.0%) repeat", "500 images are few", "1 of 3 classes"],
        strict=True,
    ):
        assert part in line
    assert "'c' only 0" in lines[3]
