"""The grid: pictures without an end, what is kept of them, and which ones."""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from bundle.points import point_of
from tests.page.conftest import Site, Visit

pytestmark = pytest.mark.browser


def points(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("#grid > li", "tiles => tiles.map((tile) => tile.dataset.point)")
    return found


def fragment(page: Page) -> dict[str, str]:
    """What the address says, when it has been written."""
    page.wait_for_timeout(250)
    text = page.url.partition("#")[2]
    return dict(part.split("=", 1) for part in text.split("&") if part)


def unfold(page: Page) -> None:
    if page.locator("#fold").is_visible():
        page.locator("#fold").click()


def test_pictures_of_seeds_fill_the_window(each_window: Visit) -> None:
    page = each_window.open("seed=40")
    each_window.screenshot("grid")
    assert points(page)[:4] == ["40", "41", "42", "43"]
    last = page.locator("#grid > li").last.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] > page.viewport_size["height"]  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_seeds_go_on_from_0_after_the_last(visit: Callable[..., Visit]) -> None:
    page = visit().open(f"seed={2**32 - 2}")
    assert points(page)[:3] == [str(2**32 - 2), str(2**32 - 1), "0"]


def test_a_page_without_a_state_draws_a_seed_and_says_it(visit: Callable[..., Visit]) -> None:
    seeds = set()
    for _ in range(2):
        opened = visit()
        page = opened.open("")
        seeds.add(fragment(page)["seed"])
        assert fragment(page)["model"] == "faces"
        assert fragment(page)["version"] == "2"
    assert len(seeds) == 2


def test_few_requests_are_under_way_at_a_time(visit: Callable[..., Visit]) -> None:
    opened = visit(viewport={"width": 1920, "height": 1080})
    under_way: set[Request] = set()
    most = 0

    def begun(request: Request) -> None:
        nonlocal most
        if "/images/" in request.url:
            under_way.add(request)
            most = max(most, len(under_way))

    def done(request: Request) -> None:
        under_way.discard(request)

    opened.page.on("request", begun)
    opened.page.on("requestfinished", done)
    opened.page.on("requestfailed", done)
    opened.open("seed=100")
    assert 2 <= most <= 6


def shown_addresses(page: Page) -> list[str]:
    """Paths with their queries of the pictures of the grid that are there."""
    sources: list[str] = page.eval_on_selector_all("#grid > li.shown img", "all => all.map((img) => img.src)")
    return [f"{url.path}?{url.query}" for url in map(urlsplit, sources)]


def wait_for_pictures(page: Page, addresses: list[str]) -> None:
    """Return when these are in the grid, those out of sight too."""
    page.wait_for_function(
        """addresses => {
            const there = [...document.querySelectorAll("#grid > li.shown img")].map(({ src }) => new URL(src));
            const paths = new Set(there.map(({ pathname, search }) => pathname + search));
            return addresses.every((address) => paths.has(address));
        }""",
        arg=addresses,
    )


def test_pictures_that_were_shown_are_not_asked_for_again(visit: Callable[..., Visit], site: Site) -> None:
    opened = visit()
    before = len(site.asked)
    page = opened.open("seed=2000")
    first = shown_addresses(page)
    assert len(first) > 10
    page.locator("#shuffle").click()
    expect(page.locator("#grid > li").first).not_to_have_attribute("data-point", "2000")
    opened.shown()
    page.go_back()
    expect(page.locator("#grid > li").first).to_have_attribute("data-point", "2000")
    wait_for_pictures(page, first)
    page.reload()
    wait_for_pictures(page, first)
    times = Counter(site.asked[before:])
    assert {address: times[address] for address in first} == dict.fromkeys(first, 1)


def test_more_come_at_the_end(window: Visit) -> None:
    page = window.open("seed=1")
    before = len(points(page))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_function("before => document.querySelectorAll('#grid > li').length > before", arg=before)
    page.locator("#end button").evaluate("button => button.click()")
    window.shown()
    assert points(page) == [str(1 + i) for i in range(len(points(page)))]


def test_what_is_pressed_is_kept_and_let_go(window: Visit) -> None:
    page = window.open("seed=7")
    expect(page.locator("#tray .hint")).to_be_visible()
    for place in (0, 2, 3):
        page.locator("#grid .picture").nth(place).click()
    expect(page.locator("#note")).to_have_text("Seed 10 kept")
    expect(page.locator("#kept > li.shown")).to_have_count(3)
    window.screenshot("kept")
    assert fragment(page)["kept"] == "7,9,10"
    page.locator("#grid .picture").nth(2).click()
    expect(page.locator("#kept > li")).to_have_count(2)
    page.locator("#clear").evaluate("button => button.click()")
    expect(page.locator("#tray .hint")).to_be_visible()
    assert "kept" not in fragment(page)


def test_a_link_shows_the_same(visit: Callable[..., Visit]) -> None:
    first = visit()
    page = first.open("seed=7&truncation=0.6&kept=9,12&chosen=12")
    page.locator("#link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    second = visit("phone").page
    second.goto(link)
    expect(second.locator("#kept > li.shown")).to_have_count(2)
    expect(second.locator("#kept .stop:not(:empty)")).to_have_count(1)
    assert points(second)[0] == "7"
    assert second.locator("#truncation").input_value() == "0.6"
    source = second.locator("#kept img").first.get_attribute("src")
    assert source is not None
    assert "truncation=0.6" in source


def test_back_and_forward_change_the_view_and_keep_what_was_kept(window: Visit) -> None:
    page = window.open("seed=7")
    page.locator("#shuffle").click()
    window.shown()
    other = fragment(page)["seed"]
    assert other != "7"
    page.locator("#grid .picture").nth(1).click()
    page.go_back()
    expect(page.locator("#grid > li").first).to_have_attribute("data-point", "7")
    expect(page.locator("#kept > li")).to_have_count(1)
    page.go_forward()
    expect(page.locator("#grid > li").first).to_have_attribute("data-point", other)
    expect(page.locator("#kept > li")).to_have_count(1)


def test_back_leaves_truncation_as_it_is(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=7")
    page.locator("#shuffle").click()
    page.locator("#truncation").fill("0.5")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("truncation=0.5"))
    page.go_back()
    expect(page.locator("#grid > li").first).to_have_attribute("data-point", "7")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("truncation=0.5"))


def test_truncation_redraws_what_is_there(window: Visit) -> None:
    page = window.open("seed=7&kept=8")
    unfold(page)
    before = page.locator("#grid img").first.screenshot()
    page.locator("#truncation").fill("0")
    expect(page.locator("#settings output")).to_have_text("0.00")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("truncation=0$|truncation=0&"))
    window.shown()
    page.wait_for_timeout(300)
    assert page.locator("#grid img").first.screenshot() != before
    expect(page.locator("#kept img").first).to_have_attribute("src", re.compile("truncation=0"))
    assert fragment(page)["truncation"] == "0"


@pytest.mark.parametrize("text", ["1.5", "søren"])
def test_a_word_is_a_seed_too(visit: Callable[..., Visit], text: str) -> None:
    opened = visit()
    page = opened.open("seed=7")
    page.locator("#seed").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("#grid > li").first).not_to_have_attribute("data-point", "7")
    opened.shown()
    seed = fragment(page)["seed"]
    assert seed.isdecimal()
    source = page.locator("#grid img").first.get_attribute("src")
    assert source is not None
    drawn = page.request.get(source).body()
    assert (
        page.request.get(f"{opened.url}generate", params={"seed": text, "version": 2}).headers["figment-seed"] == seed
    )
    assert len(drawn) > 100


def paste(page: Page, text: str) -> None:
    """Put a text into the field of a seed, as pasting does: at most as long as the field lets it be."""
    page.locator("#seed").focus()
    page.keyboard.insert_text(text)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("seed", [3, 4])
def test_a_pasted_point_is_shown_with_what_is_near_it(visit: Callable[..., Visit], seed: int) -> None:
    opened = visit()
    page = opened.open("seed=7")
    point = str(point_of(np.random.RandomState(seed).randn(16).astype(np.float32)))
    page.locator("#seed").fill("")
    paste(page, point)
    expect(page.locator("#grid > li").first).to_have_attribute("data-point", point)
    expect(page.locator("#origin")).to_be_visible()
    opened.shown()
    assert fragment(page)["seed"] == "7"


def test_the_field_of_a_seed_takes_a_point_of_many_numbers(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=7")
    point = str(point_of(np.ones(512, np.float32)))
    page.locator("#seed").fill("")
    page.locator("#seed").focus()
    page.keyboard.insert_text(point)
    assert page.locator("#seed").input_value() == point


@pytest.mark.parametrize("text", ["z:AAAAAA", "z:?"])
def test_a_pasted_point_that_is_none_is_refused_in_the_servers_words(visit: Callable[..., Visit], text: str) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.open("seed=7")
    said = page.request.get(f"{opened.url}images/{quote(text)}.png").json()["detail"]
    page.locator("#seed").fill("")
    paste(page, text)
    expect(page.locator("#problem p")).to_have_text(said)
    assert points(page)[0] == "7"


def test_models_versions_and_classes_can_be_chosen(each_window: Visit) -> None:
    page = each_window.open("seed=7")
    unfold(page)
    expect(page.locator("#label")).to_be_hidden()
    expect(page.locator("#version option")).to_have_text(["v2", "v1"])
    page.locator("#version").select_option("1")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("version=1"))
    page.locator("#model").select_option("barred")
    page.locator("#label").select_option("two")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("label=two"))
    each_window.shown()
    each_window.screenshot("class")
    expect(page.locator("#version")).to_be_hidden()
    page.go_back()
    page.go_back()
    expect(page.locator("#model")).to_have_value("faces")
    expect(page.locator("#grid img").first).to_have_attribute("src", re.compile("model=faces&version=1"))


def test_a_crisp_or_smooth_look_and_the_theme_are_remembered(visit: Callable[..., Visit], site: Site) -> None:
    opened = visit()
    page = opened.open("seed=7")
    look = "getComputedStyle(document.querySelector('#grid img')).imageRendering"
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(look) == "auto"
    light = page.evaluate(ground)
    page.locator("#look").click()
    page.locator("#theme").click()
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_attribute("aria-label", "Colours: dark")
    page.reload()
    opened.shown()
    assert page.evaluate(look) == "pixelated"
    assert page.evaluate(ground) != light
    opened.screenshot("dark")
