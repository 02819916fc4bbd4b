"""The page at / is served as it lies in its folder, under headers that let it do nothing else."""

import re
from pathlib import Path

import httpx
import pytest

import service.api.page
from service.api.page import MEDIA_TYPES, ending_of, make_router, matches
from tests.service.conftest import lasting

FOLDER = Path(service.api.page.__file__).parents[1] / "page"
FILES = sorted(path.name for path in FOLDER.iterdir())


def path_of(name: str) -> str:
    return "/" if name == "index.html" else f"/page/{name}"


def test_the_folder_holds_nothing_that_is_not_served() -> None:
    assert [name for name in FILES if ending_of(name) not in MEDIA_TYPES] == []
    assert len(make_router().routes) == len(FILES) > 10


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_served_as_it_is(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(path_of(name))
    assert answer.status_code == 200
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["Content-Type"] == MEDIA_TYPES[ending_of(name)]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_the_policy_allows_this_server_and_nobody_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/")).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["index.html", "page.js", "icon.svg"])
async def test_a_file_that_a_browser_has_is_not_sent_again(client: httpx.AsyncClient, name: str) -> None:
    etag = (await client.get(path_of(name))).headers["ETag"]
    for condition in (etag, f'"other", W/{etag}', "*"):
        again = await client.get(path_of(name), headers={"If-None-Match": condition})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == etag
    assert (await client.get(path_of(name), headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("condition", "agrees"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False)],
)
def test_entity_tags_are_compared_weakly(condition: str, agrees: bool) -> None:
    assert matches(condition, '"a"') is agrees


async def test_head_answers_the_headers_alone(client: httpx.AsyncClient) -> None:
    get, head = await client.get("/"), await client.head("/")
    assert head.status_code == 200
    assert head.content == b""
    assert lasting(head) == lasting(get)


@pytest.mark.parametrize(
    "path",
    ["/page/index.html", "/page/", "/page/nothing.js", "/page/../app.py", "/page/..%2fapp.py", "/page/%2e%2e/app.py"],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_every_file_that_is_named_is_there() -> None:
    index = (FOLDER / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="page/([^"]+)"', index))
    for module in FOLDER.glob("*.js"):
        named |= set(re.findall(r'from "\./([^"]+)"', module.read_text()))
    assert named | {"index.html"} == set(FILES)


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    for name in FILES:
        text = (FOLDER / name).read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//cdn" not in text
        assert not re.search(r"https?://", text), name
    index = (FOLDER / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", index)
