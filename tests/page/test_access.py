"""For everybody: keyboards, screen readers, less motion, every width, light and dark."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit, close

pytestmark = pytest.mark.browser

STATES = {
    "grid": "seed=7",
    "tray": "seed=7&kept=7,9,12&chosen=7,12",
    "variations": "seed=7&of=9&noise=4&kept=7",
    "picture": "seed=7&kept=7&open=picture&picture=9",
    "walk": "seed=7&kept=7,9,12&chosen=7,9,12&open=walk&at=5",
    "project": "seed=7&open=project",
    "help": "seed=7&open=help",
}


def violations(page: Page) -> list[Any]:
    results = Axe().run(page)
    return [(found["id"], [node["html"][:120] for node in found["nodes"]]) for found in results.response["violations"]]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(visit: Callable[..., Visit], state: str) -> None:
    device = "phone" if state in ("picture", "variations") else "desktop"
    opened = visit(device, color_scheme="light", reduced_motion="reduce")
    page = opened.open(STATES[state])
    opened.screenshot(f"axe-{state}-light")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    opened.screenshot(f"axe-{state}-dark")
    assert violations(page) == []


def test_axe_finds_nothing_in_the_folded_settings(visit: Callable[..., Visit]) -> None:
    opened = visit("phone")
    page = opened.open("seed=7&model=barred")
    page.locator("#fold").click()
    opened.screenshot("settings")
    assert violations(page) == []


@pytest.mark.parametrize("name", ["tray", "variations", "walk", "help"])
def test_no_width_scrolls_sideways(window: Visit, name: str) -> None:
    page = window.open(f"model=barred&{STATES[name]}")
    for width in (320, 768, 1200, 1280, 1920, 3840):
        page.set_viewport_size({"width": width, "height": {320: 568, 3840: 2160}.get(width, 900)})
        if width in (320, 1920):  # for people; what is measured does not wait for pictures
            window.shown()
            window.screenshot(f"wide-{name}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
        assert page.evaluate("""[...document.querySelectorAll("dialog[open]")].every((dialog) =>
            dialog.scrollWidth <= dialog.clientWidth && dialog.getBoundingClientRect().right <= innerWidth)"""), width
        cut = page.evaluate("""[...document.querySelectorAll("header.bar button, #settings *, #tray button")]
            .filter((part) => part.checkVisibility() && !part.closest("#kept"))
            .map((part) => [part.id || part.className, part.getBoundingClientRect()])
            .filter(([, box]) => box.width > 2 && (box.right > document.documentElement.clientWidth || box.left < 0))
            .map(([name]) => name)""")
        assert cut == [], width


def test_everything_can_be_done_with_the_keyboard(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.open("seed=7")
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tile(page, 7)).to_be_focused()
    for key, seed in {"ArrowRight": 8, "ArrowDown": 16, "ArrowLeft": 15, "ArrowUp": 7, "End": None, "Home": 7}.items():
        page.keyboard.press(key)
        if seed is not None:
            expect(tile(page, seed)).to_be_focused()
    page.keyboard.press("Enter")
    expect(tile(page, 7)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    expect(page.locator("#kept > li")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    opened.screenshot("keyboard")
    page.keyboard.press("c")
    expect(page.locator("#note")).to_have_text("9 copied")
    with page.expect_download():
        page.keyboard.press("d")
    page.keyboard.press("i")
    expect(page.locator("#picture h2")).to_have_text("Seed 9")
    close(page)
    expect(tile(page, 9)).to_be_focused()
    page.keyboard.press("w")
    expect(page.locator("#walk")).to_be_visible()
    close(page)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    close(page)
    page.keyboard.press("v")
    expect(page.locator("#origin .name")).to_have_text("9")
    page.keyboard.press("/")
    expect(page.locator("#seed")).to_be_focused()
    page.locator("#kept .picture").first.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#kept > li")).to_have_count(2)
    expect(page.locator("#kept .picture").first).to_be_focused()
    page.keyboard.press("p")
    expect(page.locator("#project")).to_be_visible()


def tile(page: Page, seed: int) -> Any:  # noqa: ANN401
    return page.locator(f"#grid > li[data-point='{seed}'] .picture")


def test_arrows_go_on_beyond_the_last_row(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=0")
    tile(page, 0).focus()
    page.keyboard.press("End")
    last = page.evaluate("document.activeElement.closest('li').dataset.point")
    page.keyboard.press("ArrowRight")
    expect(tile(page, int(last) + 1)).to_be_focused()


def test_the_focus_stays_in_a_dialog_and_returns(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=7")
    page.locator("#help-open").focus()
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#help')")
    close(page)
    expect(page.locator("#help-open")).to_be_focused()


def test_letters_can_be_turned_off(visit: Callable[..., Visit]) -> None:
    opened = visit()
    page = opened.open("seed=7&open=help")
    page.locator("#shortcuts").uncheck()
    close(page)
    page.reload()
    opened.shown()
    tile(page, 7).focus()
    page.keyboard.press("s")
    page.keyboard.press("v")
    expect(page.locator("#kept > li")).to_have_count(0)
    expect(page.locator("#origin")).to_be_hidden()


def test_less_motion_is_none(visit: Callable[..., Visit]) -> None:
    opened = visit(reduced_motion="reduce")
    page = opened.open("seed=7&kept=7,9")
    moving = """[...document.querySelectorAll("*")].filter((element) => {
        const { animationName, transitionDuration } = getComputedStyle(element);
        return animationName !== "none" || transitionDuration !== "0s";
    }).length"""
    assert page.evaluate(moving) == 0
    page.locator("#walk-open").click()
    expect(page.locator("#walk")).to_be_visible()
    assert page.evaluate(moving) == 0
    assert page.evaluate("document.getAnimations().length") == 0
