"""The pages of the problems, docs/errors.md, and the text that both are made of."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.problem_kinds import KINDS
from service.api.problem_pages import markdown

ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"
VOID = {"meta", "!doctype"}


class Tags(HTMLParser):
    """The tags of a page, and its text; what is opened must be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("kind", KINDS)
async def test_every_problem_has_a_page_with_what_it_means_and_what_to_do(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get(f"/problems/{kind}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    tags = Tags()
    tags.feed(answer.text)
    assert tags.open == []
    assert tags.seen.count("h1") == tags.seen.count("title") == tags.seen.count("main") == 1
    assert ("lang", "en") in tags.attributes
    assert str(KINDS[kind].status) in tags.text
    for text in (KINDS[kind].meaning, KINDS[kind].remedy):
        assert text.replace("`", "") in tags.text


async def test_a_page_runs_nothing_loads_nothing_and_allows_its_own_style_alone(client: httpx.AsyncClient) -> None:
    answer = await client.get("/problems/overloaded")
    assert not re.search(r"<script|<link|<img|style=|\bon\w+=|src=|href=", answer.text)
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert len(styles) == 1
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    assert answer.headers["Content-Security-Policy"] == policy


@pytest.mark.parametrize("kind", ["nothing", "Overloaded", "overloaded ", "%3Cscript%3E"])
async def test_what_is_no_problem_has_no_page(client: httpx.AsyncClient, problem: Any, kind: str) -> None:  # noqa: ANN401
    answer = await client.get(f"/problems/{kind}")
    assert answer.status_code == 404
    problem(answer, "not-found")


async def test_the_type_of_a_problem_is_the_address_of_its_page(client: httpx.AsyncClient) -> None:
    for path in ("/nothing", "/generate?n=0", "/generate?model=other"):
        kind = (await client.get(path)).json()["type"]
        assert (await client.get(kind)).status_code == 200


def test_the_page_in_the_documentation_is_made_of_the_same_text() -> None:
    assert ERRORS.read_text(encoding="utf-8") == markdown(), "run `make errors`"


def test_every_problem_has_an_anchor_in_the_documentation() -> None:
    assert re.findall(r'<a id="([^"]+)">', markdown()) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_problem_is_told_in_whole_sentences(kind: str) -> None:
    for text in (KINDS[kind].meaning, KINDS[kind].remedy):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "<" not in text  # it is Markdown too
