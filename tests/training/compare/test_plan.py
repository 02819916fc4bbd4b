from collections.abc import Callable
from pathlib import Path

import pytest

from training.compare.plan import FILE, Comparison, Conditions, Entry, open_comparison, title, write_comparison
from training.errors import Failed

Done = Callable[..., Entry]


def test_a_comparison_is_read_as_it_was_written(tmp_path: Path, comparison: Comparison, done: Done) -> None:
    whole = comparison.with_entry(done("ns", 0, 2.5)).with_images("hinge", 7)
    write_comparison(tmp_path / "new", whole)
    assert open_comparison(tmp_path / "new", comparison.conditions) == whole
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def test_an_empty_folder_begins_a_comparison(tmp_path: Path, conditions: Conditions) -> None:
    begun = open_comparison(tmp_path / "none", conditions)
    assert (begun.images, begun.entries) == ({}, ())


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("resolution", 64, "resolution 32 there, 64 here"),
        ("settings", ("flip=true",), r"settings \('generator.width=4',\) there"),
        ("images", 300, "images 200 there, 300 here"),
        ("data", "/data/cats", "data '/data/faces.zip' there, '/data/cats' here"),
    ],
)
def test_other_conditions_are_another_comparison(
    tmp_path: Path, comparison: Comparison, key: str, value: object, words: str
) -> None:
    write_comparison(tmp_path, comparison)
    other = comparison.conditions.model_copy(update={key: value})
    with pytest.raises(Failed, match=f"under other conditions: {words}.*; take another --out"):
        open_comparison(tmp_path, other)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"images": {}}', b"\xff\xfe"])
def test_a_damaged_file_is_refused(tmp_path: Path, conditions: Conditions, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(Failed, match=r"compare\.json cannot be read"):
        open_comparison(tmp_path, conditions)


def test_an_entry_takes_the_place_of_that_of_its_recipe_and_seed(comparison: Comparison, done: Done) -> None:
    for entry in (done("ns", 0, 1.0), done("ns", 1, 2.0), done("ns", 0, 3.0)):
        comparison = comparison.with_entry(entry)
    assert {e.seed: e.measures["colour"].value for e in comparison.of("ns")} == {0: 3.0, 1: 2.0}
    assert comparison.entry("ns", 2) is None
    assert comparison.entry("wgan", 0) is None


def test_the_settings_are_those_of_all_recipes(comparison: Comparison) -> None:
    assert [comparison.load(name).generator.width for name in ("ns", "wgan-gp")] == [4, 4]


@pytest.mark.parametrize(("recipe", "name"), [("ns", "ns"), ("mine/soft.toml", "soft"), ("wgan-gp", "wgan-gp")])
def test_a_recipe_of_ones_own_is_called_by_its_file(recipe: str, name: str) -> None:
    assert title(recipe) == name


@pytest.mark.parametrize(
    ("status", "run", "again"),
    [("done", None, False), ("done", "x", False), ("stopped", None, True), ("stopped", "x", True),
     ("failed", None, True), ("failed", "x", False)],
)  # fmt: skip
def test_what_is_trained_once_more(status: str, run: str | None, again: bool) -> None:
    assert Entry.model_validate({"recipe": "ns", "seed": 0, "status": status, "run": run}).again is again
