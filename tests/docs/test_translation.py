"""README.zh-TW.md is kept in step with README.md: the same headings, the same commands, the same links."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks, headings, links, prose

ORIGINAL, TRANSLATION = ROOT / "README.md", ROOT / "README.zh-TW.md"
IN_LINE = re.compile(r"`([^`\n]+)`")


def test_the_headings_have_the_same_levels() -> None:
    assert [level for level, _ in headings(TRANSLATION)] == [level for level, _ in headings(ORIGINAL)]


def test_the_blocks_are_identical() -> None:
    assert blocks(TRANSLATION) == blocks(ORIGINAL)


def test_the_links_are_the_same_but_for_the_other_language() -> None:
    def others(page: Path) -> list[str]:
        return [target for target in links(page) if target not in (ORIGINAL.name, TRANSLATION.name)]

    assert others(TRANSLATION) == others(ORIGINAL)
    assert TRANSLATION.name in links(ORIGINAL)
    assert ORIGINAL.name in links(TRANSLATION)


def test_what_is_written_in_code_is_the_same() -> None:
    def code(page: Path) -> set[str]:
        text = page.read_text(encoding="utf-8")
        return set(IN_LINE.findall(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)))

    assert code(TRANSLATION) == code(ORIGINAL)


def test_as_many_paragraphs() -> None:
    paragraphs = [len(re.findall(r"\S\n\n", prose(page))) for page in (ORIGINAL, TRANSLATION)]
    assert paragraphs[0] == paragraphs[1]


@pytest.mark.parametrize("word", ["资料", "图片", "训练", "服务", "网络", "默认"])
def test_it_is_written_in_traditional_characters(word: str) -> None:
    assert word not in TRANSLATION.read_text(encoding="utf-8")
