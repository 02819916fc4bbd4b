"""What the tests of the documentation ask of a page: its blocks, headings, links."""

import importlib.util
import re
import subprocess
from collections import Counter
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
GENERATED = {DOCS / "reference" / f"{name}.md" for name in ("settings", "cli", "http")}
"""Pages that `make docs` writes."""

BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Every Markdown file of the repository."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return sorted(ROOT / name for name in set(names) if name and (ROOT / name).exists())


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block, in their order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def prose(page: Path) -> str:
    """A page without its blocks, fenced or indented, and without code in a line."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"`[^`\n]*`", "`", re.sub(r"^(?: {4}|\t).*$", "", text, flags=re.MULTILINE))


def headings(page: Path) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [(len(marks), title) for marks, title in re.findall(r"^(#{1,6}) (.+)$", text, re.MULTILINE)]


def links(page: Path) -> list[str]:
    """Targets of links and pictures, in their order."""
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What can stand behind # in a link to a page: headings as GitHub names them, and names of its own."""
    slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(page)]
    repeated = {f"{slug}-{i}" for slug, count in Counter(slugs).items() for i in range(1, count)}
    named = re.findall(r'<a id="([^"]+)">', page.read_text(encoding="utf-8"))
    return {*slugs, *repeated, *named}


def load(path: Path) -> ModuleType:
    """A script of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
