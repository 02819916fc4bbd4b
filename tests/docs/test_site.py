"""The site builds without a warning, and its pages ask nobody else for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, GENERATED, ROOT

ASSETS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    path = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}
    build = ["-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-d", str(path / "doctrees"), "docs", str(path / "html")]
    for command in (["docs/generate.py"], build):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return path / "html"


class Assets(HTMLParser):
    """Collects what a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ASSETS and (address := named.get(ASSETS[tag])):
            self.found.append(address)
        self.found += re.findall(r"url\(([^)]+)\)", named.get("style") or "")


def test_every_page_is_there(site: Path) -> None:
    sources = {*DOCS.rglob("*.md"), *GENERATED}
    missing = [page for page in sources if not (site / page.relative_to(DOCS).with_suffix(".html")).exists()]
    assert not missing


def test_no_page_asks_anybody_else(site: Path) -> None:
    count = 0
    for page in site.rglob("*.html"):
        assets = Assets()
        assets.feed(page.read_text(encoding="utf-8"))
        count += len(assets.found)
        for address in assets.found:
            assert not re.match(r"(?i)(https?:)?//", address), f"{page.name}: {address}"
            path = address.split("?")[0].split("#")[0]
            assert address.startswith("data:") or not path or (page.parent / path).exists(), f"{page.name}: {address}"
    assert count > 100


def test_no_style_asks_anybody_else(site: Path) -> None:
    styles = list(site.rglob("*.css"))
    assert styles
    for style in styles:
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(url\(\s*['\"]?|@import\s+['\"])(https?:)?//", text), style.name


def test_pictures_of_the_tutorial_are_small() -> None:
    pictures = list((DOCS / "tutorial").iterdir())
    assert len(pictures) >= 6
    assert all(picture.stat().st_size < 150_000 for picture in pictures)
