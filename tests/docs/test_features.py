"""The table of features: every cell is filled, and what it says of Figment's interface is there."""

import re
from pathlib import Path

import pytest

from bundle.store import Store
from service.app import create_app
from service.settings import Settings
from tests.docs.markdown import DOCS

PAGE = (DOCS / "features.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## Where this was read")[0].splitlines()
    if line.startswith("|")
]
SERVERS = ROWS[0][1:]


def test_every_cell_is_filled() -> None:
    assert SERVERS[0] == "Figment"
    assert len(SERVERS) == 7
    assert len(ROWS) > 20
    for row in ROWS[2:]:
        assert len(row) == 8, row
        assert all(row), row


@pytest.mark.parametrize("server", SERVERS)
def test_it_says_which_version_was_read(server: str) -> None:
    assert re.search(rf"^\| {re.escape(server)} \| [^|]*\S[^|]* \| [^|]*\S[^|]* \|$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def paths() -> str:
    """The paths of the service, one a line."""
    app = create_app(Settings(), Store(Path("models")), lambda bundle: pytest.fail(f"{bundle} is loaded"))
    return "\n".join(app.openapi()["paths"])


def test_paths_that_are_said_to_be_ours_are_there(paths: str) -> None:
    said = {path for row in ROWS[2:] for path in re.findall(r"`([/:][^`]+)`", f"{row[0]} {row[1]}")}
    assert len(said) >= 6
    missing = [path for path in said if path not in paths]
    assert not missing


@pytest.mark.parametrize("kind", ["image/png", "image/webp", "image/jpeg", "image/avif"])
def test_formats_that_are_said_to_be_ours_are_there(kind: str) -> None:
    app = create_app(Settings(), Store(Path("models")), lambda bundle: pytest.fail(f"{bundle} is loaded"))
    assert kind in app.openapi()["paths"]["/generate"]["get"]["responses"]["200"]["content"]
    (row,) = [row for row in ROWS if row[0].startswith("a picture as the body")]
    assert kind.removeprefix("image/").upper() in row[1].upper()
