"""Every relative link of every page leads to a file, and to a heading in it."""

from pathlib import Path

import pytest

from tests.docs.markdown import GENERATED, ROOT, anchors, links, pages


def test_there_are_pages_with_links() -> None:
    assert len(pages()) >= 25
    assert sum(len(links(page)) for page in pages()) >= 80


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = [target for target in links(page) if not _leads_somewhere(page, target)]
    assert not wrong


def _leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith(("http://", "https://")):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if file in GENERATED:
        return not anchor
    return file.exists() and (not anchor or anchor in anchors(file))


@pytest.mark.parametrize("target", ["nothing.md", "docs/http.md#no-such-heading", "#no-such-heading"])
def test_a_wrong_link_is_seen(target: str) -> None:
    assert not _leads_somewhere(ROOT / "README.md", target)
