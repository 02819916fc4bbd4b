"""The lab's tables, from its results as they stand in the results file: for the terminal and for a page."""

import re
from dataclasses import dataclass
from typing import Any

from training.errors import Failed
from training.lab.modes import MEASURES, PUBLISHED

Value = float | str | None

SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Distances of the table; the plot has all."""

FAMILY_NAMES = {"points": "two points", "intervals": "two intervals of length 1", "normals": "two normals, σ = 1"}


@dataclass(frozen=True)
class Table:
    """Cells of text under headings."""

    name: str
    headings: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """The table as GitHub reads it."""
        line = ["---", *["---:"] * (len(self.headings) - 1)]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [self.headings, line, *self.rows])


def tables(results: dict[str, Any]) -> list[Table]:
    """All tables that the results allow."""
    made = []
    if divergences := results.get("divergences"):
        made += [_divergences(name, rows) for name, rows in divergences["families"].items()]
        floors = [[f"{row['floor']:g}", number(row["kl"])] for row in divergences["floors"]]
        made.append(Table("floors", ["ε added", "“KL” of two points, at any distance"], floors))
    return made + [_modes(name, data) for name, data in results.get("modes", {}).items()]


def fill(page: str, made: list[Table]) -> str:
    """The page with each table between its marks, `<!-- table NAME -->` and `<!-- end -->`.

    Raises:
        Failed: the page has no place for a table.
    """
    for table in made:
        place = re.compile(rf"(<!-- table {re.escape(table.name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = table.markdown()
        page, found = place.subn(lambda match, text=text: f"{match[1]}\n{text}\n\n{match[2]}", page)  # type: ignore[misc]
        if found != 1:
            raise Failed(f"the page has {found} places <!-- table {table.name} --> … <!-- end -->, not one")
    return page


def number(value: Value, digits: int = 4) -> str:
    """A value as the tables show it: "inf" as ∞, what is not a number as –."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("inf", "∞")
    return f"{value + 0.0:.{digits}f}".replace("-0.0000", "0.0000")


def _divergences(name: str, rows: list[dict[str, Value]]) -> Table:
    columns = ["kl", "kl_gradient", "js", "js_gradient", "em", "em_gradient"]
    headings = [FAMILY_NAMES[name] + ", apart by", "KL", "its gradient", "JS", "its gradient", "EM", "its gradient"]
    shown = [row for row in rows if row["distance"] in SHOWN]
    return Table(name, headings, [[f"{row['distance']:g}", *[number(row[c]) for c in columns]] for row in shown])


def _modes(name: str, data: dict[str, Any]) -> Table:
    count = data["modes"]
    headings = ["row", f"modes, of {count}", "held", "high quality, %", "reverse KL"]
    rows = []
    for row, measured in data["rows"].items():
        cells = [_with_error(measured[m], *((100.0, 1) if m == "high_quality" else (1.0, 2))) for m in MEASURES]
        rows.append([f"`{row}`", *cells])
    rows += [[f"{row}, published", f"{modes[name]:.1f}", "", "", ""] for row, modes in PUBLISHED.items()]
    return Table(name, headings, rows)


def _with_error(measured: dict[str, Any], times: float, digits: int) -> str:
    mean, error = measured["mean"], measured["error"]
    if mean is None:
        return "–"
    return f"{mean * times:.{digits}f} ± {error * times:.{digits}f}"
