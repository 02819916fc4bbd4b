"""A picture of one's own: the nearest that the model draws."""

import io
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from bundle.points import point_of
from service.api import project
from tests.page.conftest import Site, Visit, close, pixels
from tests.page.painting_engine import PaintingEngine, paint

pytestmark = pytest.mark.browser


def picture(seed: int = 5) -> FilePayload:
    file = io.BytesIO()
    Image.fromarray(paint(np.random.RandomState(seed).randn(16))).save(file, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}


def search(window: Visit, state: str = "seed=7&kept=7") -> Page:
    page = window.open(state)
    page.locator("#project-open").click()
    window.screenshot("project")
    page.locator("#effort").select_option("60")
    page.locator("#file").set_input_files(picture())
    return page


@pytest.fixture
def slow(site: Site) -> Iterator[PaintingEngine]:
    """What searches, so slowly that a search is seen on its way."""
    engine = site.engines["faces/2"]
    engine.pace = 0.01
    yield engine
    engine.pace = 0.0


def test_the_nearest_picture_is_found_kept_and_walked_to(window: Visit, slow: PaintingEngine) -> None:
    page = search(window)
    dialog = page.locator("#project")
    expect(dialog).to_have_attribute("data-stage", "search")
    expect(dialog.locator(".progress-text")).to_have_text(re.compile(r"^Step \d+ of 60"))
    expect(dialog.locator(".nearest")).to_have_attribute("src", re.compile("^data:image/png"))
    window.screenshot("project-search")
    slow.pace = 0.0
    expect(dialog).to_have_attribute("data-stage", "found", timeout=60_000)
    window.screenshot("project-found")
    dialog.locator(".keep").click()
    close(page)
    expect(page.locator("#kept > li.shown")).to_have_count(2)
    expect(page.locator("#kept > li").last).to_have_attribute("data-point", re.compile("^z:"))
    page.locator("#walk-open").click()
    page.locator("#along").fill("32")
    expect(page.locator("#walk canvas:not(.waiting)[data-step='32']")).to_be_visible()


@pytest.mark.parametrize("truncation", [0.5, 0])
def test_what_was_found_is_kept_as_it_was_found(visit: Callable[..., Visit], truncation: float) -> None:
    page = search(visit(), f"seed=7&truncation={truncation}")
    expect(page.locator("#project")).to_have_attribute("data-stage", "found", timeout=60_000)
    page.locator("#project .keep").click()
    close(page)
    expect(page.locator("#kept > li.shown")).to_have_count(1)
    found, kept = (pixels(page, part) for part in ("#project .nearest", "#kept img"))
    assert np.abs(found - kept).max() <= 1  # dividing and multiplying rounds


def test_a_dropped_picture_begins_the_search(visit: Callable[..., Visit]) -> None:
    page = visit().open()
    data = page.evaluate_handle(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "mine.png", { type: "image/png" }));
            return data;
        }""",
        list(picture()["buffer"]),
    )
    page.dispatch_event("body", "dragover", {"dataTransfer": data})
    expect(page.locator(".drop-hint")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    expect(page.locator(".drop-hint")).to_be_hidden()
    expect(page.locator("#project")).to_have_attribute("data-stage", re.compile("search|found"))


def test_closing_ends_the_search(visit: Callable[..., Visit], slow: PaintingEngine) -> None:
    opened = visit()
    gone: list[str] = []
    opened.page.on("requestfailed", lambda request: gone.append(request.url))
    page = search(opened)
    expect(page.locator("#project")).to_have_attribute("data-stage", "search")
    close(page)
    expect(page.locator("#project")).to_be_hidden()
    page.wait_for_timeout(300)
    assert any("/project" in url for url in gone)


Searching = Callable[..., AsyncGenerator[tuple[str, dict[str, Any]]]]
FOUND = str(point_of(np.random.RandomState(8).randn(16).astype(np.float32)))


def tell_point(monkeypatch: pytest.MonkeyPatch, point: str | None) -> None:
    """Let the server tell in each event of a search that the nearest so far is this one, or not which it is."""
    search: Searching = project.follow

    async def follow(*of: Any) -> AsyncGenerator[tuple[str, dict[str, Any]]]:  # noqa: ANN401
        async with aclosing(search(*of)) as events:
            async for name, about in events:
                told = {key: value for key, value in about.items() if key != "point"}
                yield name, told | ({} if point is None else {"point": point})

    monkeypatch.setattr(project, "follow", follow)


def stop(window: Visit) -> Locator:
    """The dialog of a search that was stopped on its way."""
    dialog = search(window).locator("#project")
    expect(dialog.locator(".progress-text")).to_have_text(re.compile(r"^Step \d+ of 60"))
    with window.page.expect_event("requestfailed", lambda request: "/project" in request.url):
        dialog.locator(".stop-project").click()
    expect(dialog.locator(".progress-text")).to_have_text(re.compile("^Stopped"))
    return dialog


def test_stopping_keeps_what_was_found_so_far(
    window: Visit, slow: PaintingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_point(monkeypatch, FOUND)
    dialog = stop(window)
    expect(dialog).to_have_attribute("data-stage", "found")
    text = re.compile(r"^Stopped at step \d+ after \d+\.\d s: colours are about \d+ of 255 off$")
    expect(dialog.locator(".progress-text")).to_have_text(text)
    window.screenshot("project-stopped")
    dialog.locator(".keep").click()
    close(window.page)
    expect(window.page.locator("#kept > li.shown").last).to_have_attribute("data-point", FOUND)


def test_stopping_says_that_nothing_was_found(
    visit: Callable[..., Visit], slow: PaintingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_point(monkeypatch, None)
    dialog = stop(visit())
    expect(dialog).to_have_attribute("data-stage", "failed")
    given_up = "Stopped: the search was given up, and nothing was found."
    expect(dialog.locator(".progress-text")).to_have_text(given_up)
    expect(dialog.locator(".keep")).to_be_hidden()


def test_what_is_no_picture_is_said(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.open()
    page.locator("#project-open").click()
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#project")).to_have_attribute("data-stage", "failed")
    expect(page.locator("#project .progress-text")).not_to_be_empty()
    opened.screenshot("project-failed")
