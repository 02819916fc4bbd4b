"""Errors and a busy server are shown as what they are."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.page.conftest import Visit

pytestmark = pytest.mark.browser


def problem(status: int, detail: str) -> Callable[[Route], None]:
    """Answers as the service refuses."""

    def answer(route: Route) -> None:
        body = json.dumps({"type": "/problems/overloaded", "title": "Overloaded", "status": status, "detail": detail})
        route.fulfill(status=status, content_type="application/problem+json", body=body, headers={"Retry-After": "3"})

    return answer


def test_a_busy_server_is_asked_again_when_it_says(window: Visit) -> None:
    window.expected = "503"
    page = window.page
    page.route(re.compile("/images/"), problem(503, "the queue is full"))
    page.goto(f"{window.url}#seed=7")
    expect(page.locator("#waiting")).to_contain_text("The server is busy: the queue is full")
    expect(page.locator(".countdown")).to_have_text(re.compile(r"Again in [123] s"))
    window.screenshot("busy")
    page.unroute(re.compile("/images/"))
    window.shown()
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_person_need_not_wait(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "503"
    page = opened.page
    page.route(re.compile("/models"), problem(503, "no model is served"))
    page.goto(opened.url)
    expect(page.locator("#waiting")).to_contain_text("no model is served")
    page.unroute(re.compile("/models"))
    page.locator("#waiting button").click()
    opened.shown()


def test_what_the_server_says_is_shown(window: Visit) -> None:
    window.expected = "Failed to load resource"
    page = window.page
    page.goto(f"{window.url}#seed=7&model=barred&label=nobody")
    expect(page.locator("#problem")).to_contain_text("nobody")
    expect(page.locator("#grid .failed").first).to_be_visible()
    window.screenshot("problem")
    page.locator("#problem button").click()
    expect(page.locator("#problem")).to_be_hidden()


@pytest.mark.parametrize("grid", ["seed=7", "seed=7&of=9&noise=1"])
def test_instead_of_a_version_that_is_gone_the_newest_is_shown(visit: Callable[..., Visit], grid: str) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.page
    page.goto(f"{opened.url}#{grid}&version=99&model=faces")
    said = page.request.get(f"{opened.url}images/7.png?model=faces&version=99").json()["detail"]
    expect(page.locator("#problem p")).to_have_text(f"{said} Version 2, the newest, is shown instead.")
    expect(page.locator("#version")).to_have_value("2")
    opened.shown()
    expect(page.locator("#grid .failed")).to_have_count(0)


def test_instead_of_a_model_that_is_not_served_the_default_is_shown(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.open("seed=7&model=nobody&label=x")
    expect(page.locator("#problem p")).to_have_text("No model nobody is served. faces is shown instead.")
    expect(page.locator("#model")).to_have_value("faces")
    expect(page.locator("#grid .failed")).to_have_count(0)


def test_a_large_picture_that_cannot_be_drawn_is_words_and_no_broken_picture(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.open("seed=7&open=picture&picture=z:AAAA")
    expect(page.locator("#picture .about")).to_contain_text("float32")
    expect(page.locator("#picture .stage img")).to_be_hidden()


def test_before_the_models_are_known_it_says_that_it_loads(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.page
    answers: list[Route] = []
    page.route("**/models", lambda route: answers.append(route))
    page.goto(f"{opened.url}#seed=7")
    expect(page.locator("#end button")).to_be_hidden()
    expect(page.locator("#model")).to_be_hidden()
    said = page.evaluate("getComputedStyle(document.querySelector('#grid'), '::after').content")
    assert "Loading" in said
    opened.screenshot("loading")
    while not answers:
        page.wait_for_timeout(50)
    answers[0].continue_()
    opened.shown()
    expect(page.locator("#end button")).to_be_visible()


def test_a_server_that_is_gone_is_asked_until_it_is_back(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "ERR_INTERNET_DISCONNECTED"
    page = opened.open("seed=7")
    opened.context.set_offline(True)
    page.locator("#shuffle").click()
    expect(page.locator("#waiting")).to_contain_text("The server cannot be reached")
    opened.screenshot("offline")
    opened.context.set_offline(False)
    opened.shown()
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_point_of_another_size_is_refused_in_words(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.open("seed=7&kept=z:AAAAAA")
    expect(page.locator("#problem")).to_contain_text("numbers")
