"""What `make audit` says of what pip-audit reports."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.markdown import load

ROOT = Path(__file__).parents[2]
GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {
    "name": "bad",
    "version": "1",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}, {"id": "CVE-2", "fix_versions": []}],
}
SKIPPED = {"name": "other", "skip_reason": "it is not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    return load(ROOT / "requirements" / "audit.py")


@pytest.mark.parametrize(
    ("packages", "vulnerable", "words"),
    [
        ([GOOD], False, "1 of 1 packages were looked up, something is known of 0"),
        ([GOOD, SKIPPED], False, "1 of 2 packages were looked up"),
        ([GOOD, BAD], True, "  bad 1: CVE-1, CVE-2 (fixed in 1.1)"),
        ([BAD, SKIPPED], True, "1 of 2 packages were looked up, something is known of 1"),
        (
            [SKIPPED, SKIPPED],
            False,
            "NOT AUDITED: the database knows none of the 2 packages from here: it is not found",
        ),
        ([], False, "0 of 0"),
    ],
)
def test_a_report_is_a_failure_if_something_is_known(
    audit: ModuleType, packages: list[dict[str, Any]], vulnerable: bool, words: str
) -> None:
    found, text = audit.verdict({"dependencies": packages})
    assert found is vulnerable
    assert words in text


def test_a_database_that_cannot_be_reached_is_told(audit: ModuleType) -> None:
    assert audit.verdict("no route to host") == (
        False,
        "NOT AUDITED: the database cannot be reached from here: no route to host",
    )


def test_what_is_no_report_is_told_by_its_last_line(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "COMMAND", ("sh", "-c", "echo first >&2; echo last >&2"))
    assert audit.audited(tmp_path / "lock.txt") == "last"
