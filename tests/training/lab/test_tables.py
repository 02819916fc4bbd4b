import json
from pathlib import Path

import pytest

from training.errors import Failed
from training.lab.divergences import compute, floors
from training.lab.mixtures import EVALUATED
from training.lab.modes import PUBLISHED
from training.lab.results import FILE, plain, read, write
from training.lab.tables import Table, fill, number, tables

DOCS = Path(__file__).parents[3] / "docs"


def measured(mean: float | None, error: float = 0.0) -> dict[str, float | None]:
    return {"mean": mean, "error": error}


def modes_of(name: str) -> dict[str, object]:
    row = {
        "modes": measured(7.9, 0.1), "held": measured(7.5, 0.2),
        "high_quality": measured(0.9512, 0.004), "reverse_kl": measured(None),
    }  # fmt: skip
    return {"modes": {name: {"modes": 8, "rows": {"r3": row}}}}


def test_modes_table() -> None:
    (table,) = tables(modes_of("ring"))
    assert table.rows[0] == ["`r3`", "7.90 ± 0.10", "7.50 ± 0.20", "95.1 ± 0.4", "–"]
    assert table.rows[1][:2] == ["GAN, published", "6.3"]
    assert len(table.rows) == 1 + len(PUBLISHED)


def test_divergence_tables() -> None:
    made = tables(plain({"divergences": {"families": compute([0.0, 0.1, 2.0]), "floors": floors()}}))
    points = made[0]
    assert [table.name for table in made] == ["points", "intervals", "normals", "floors"]
    assert points.rows == [
        ["0", "0.0000", "–", "0.0000", "–", "0.0000", "–"],
        ["2", "∞", "–", "0.6931", "0.0000", "2.0000", "1.0000"],
    ]


def test_number() -> None:
    assert [number(value) for value in (None, "inf", "-inf", -1e-9, 0.12345)] == ["–", "∞", "-∞", "0.0000", "0.1235"]


def test_fill() -> None:
    table = Table("points", ["a", "b"], [["1", "2"]])
    page = "x\n<!-- table points -->\nold\n<!-- end -->\ny\n<!-- table other -->\nkept\n<!-- end -->\n"
    filled = fill(page, [table])
    assert filled == page.replace("old", "\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n")
    assert fill(filled, [table]) == filled
    with pytest.raises(Failed, match="0 places <!-- table points -->"):
        fill("nothing", [table])


def test_results_file(tmp_path: Path) -> None:
    assert read(tmp_path) == {}
    write(tmp_path / "new", {"a": [float("inf"), float("nan"), -float("inf"), 1.5], "b": {"c": (1, "x", None)}})
    assert read(tmp_path / "new") == {"a": ["inf", None, "-inf", 1.5], "b": {"c": [1, "x", None]}}
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["{", "[]", "\ufeff{}"])
def test_results_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Failed, match="move it away"):
        read(tmp_path)


def test_page_has_the_tables_of_the_results() -> None:
    page, results = (DOCS / "lab.md").read_text(encoding="utf-8"), read(DOCS)
    assert fill(page, tables(results)) == page
    assert page.count("<!-- table ") == len(tables(results))
    for found in results["modes"].values():
        assert found["evaluated"] == EVALUATED
        assert all(row["settings"]["steps"] > 0 for row in found["rows"].values())


def test_committed_divergences_are_what_is_computed() -> None:
    committed = read(DOCS)["divergences"]
    for name, rows in committed["families"].items():
        some = [rows[i] for i in (0, 8, 32, 64, -1)]
        again = plain(compute([row["distance"] for row in some])[name])
        for row, other in zip(some, again, strict=True):
            assert {k for k, v in row.items() if v in (None, "inf")} == {
                k for k, v in other.items() if v in (None, "inf")
            }
            numbers = [k for k, v in row.items() if isinstance(v, float)]
            assert [row[k] for k in numbers] == pytest.approx([other[k] for k in numbers], abs=1e-9)
    assert json.dumps(committed, allow_nan=False)
