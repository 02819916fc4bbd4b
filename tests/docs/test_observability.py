"""What the page on watching the service says is so."""

import json
import re
from pathlib import Path

import yaml

from tests.deploy.conftest import GPU, exposed, exposition
from tests.docs.markdown import DOCS, blocks

PAGE = DOCS / "observability.md"
OF_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")

__all__ = ["exposed", "exposition"]  # the fixtures


def rows(page: Path, prefix: str) -> dict[str, list[str]]:
    """The rows of tables whose first cell is code that begins so: its other cells."""
    found = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith(f"| `{prefix}") and len(cells) > 2:
            found[cells[0].strip("`")] = cells[1:]
    return found


def test_the_table_has_each_metric_with_its_labels(exposed: dict[str, set[str]]) -> None:
    table = rows(PAGE, "figment_")
    own = {name for name in exposed if name.startswith("figment_") and not name.endswith("_created")}
    named = {OF_HISTOGRAM.sub("", name) for name in own}
    assert table.keys() == named | GPU
    for name, (labels, about) in table.items():
        assert about
        known = set.union(set(), *(found - {"le"} for sample, found in exposed.items() if sample.startswith(name)))
        told = set(re.findall(r"\w+", labels.removesuffix(", …")))
        assert name in GPU or told == known or (labels.endswith("…") and told <= known), name


def test_the_table_has_each_alert() -> None:
    groups = yaml.safe_load((DOCS.parent / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    assert list(rows(PAGE, "Figment")) == [rule["alert"] for group in groups for rule in group["rules"]]


def test_the_line_of_the_log_is_json() -> None:
    (line,) = [block for language, block in blocks(PAGE) if language == "json"]
    assert json.loads(line)["stages"].keys() == {"queue", "inference", "encode", "write"}
