"""A picture of one's own: the nearest that the model draws."""

import io
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

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


@pytest.fixture(autouse=True)
def there_is_a_search(site: Site) -> None:
    if "/project" not in site.app.openapi()["paths"]:
        pytest.skip("this service has no /project")


@pytest.fixture
def slow(site: Site) -> Iterator[PaintingEngine]:
    """What searches, so slowly that a search is seen on its way."""
    engine = site.engines["faces/2"]
    engine.pace = 0.03
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


@pytest.mark.parametrize("truncation", [0.5, 0, 2])
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
    expect(page.locator("#project .progress-text")).to_have_text(re.compile("^Step"))
    close(page)
    expect(page.locator("#project")).to_be_hidden()
    page.wait_for_timeout(300)
    assert any("/project" in url for url in gone)


def test_what_is_no_picture_is_said(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.open()
    page.locator("#project-open").click()
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#project")).to_have_attribute("data-stage", "failed")
    expect(page.locator("#project .progress-text")).not_to_be_empty()
    opened.screenshot("project-failed")
