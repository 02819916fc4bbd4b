"""A walk between pictures: a slider that follows the hand, playing, and saving."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Visit, close, run_program

pytestmark = pytest.mark.browser

CANVAS = "document.querySelector('#walk canvas').toDataURL()"


def open_walk(window: Visit, state: str = "seed=7&kept=7,9,12&chosen=7,12") -> Page:
    page = window.open(state)
    page.locator("#walk-open").click()
    expect(page.locator("#walk canvas:not(.waiting)[data-step='0']")).to_be_visible()
    return page


def arrived(page: Page, step: int) -> None:
    expect(page.locator(f"#walk canvas:not(.waiting)[data-step='{step}']")).to_be_visible()


def test_the_slider_shows_what_is_on_the_way(each_window: Visit) -> None:
    page = open_walk(each_window)
    start = page.evaluate(CANVAS)
    page.locator("#along").fill("16")
    arrived(page, 16)
    middle = page.evaluate(CANVAS)
    each_window.screenshot("walk")
    page.locator("#stops button").last.click()
    arrived(page, 32)
    end = page.evaluate(CANVAS)
    assert len({start, middle, end}) == 3
    expect(page.locator("#along")).to_have_attribute("aria-valuetext", "at Seed 12")
    page.locator("#along").press("ArrowLeft")
    arrived(page, 31)
    expect(page.locator("#along")).to_have_attribute("aria-valuetext", "97 percent of the way from Seed 7 to Seed 12")


def test_the_picture_follows_the_hand(window: Visit) -> None:
    page = open_walk(window)
    box = page.locator("#walk canvas").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, y)
    page.mouse.down()
    for share in (0.2, 0.4, 0.75):
        page.mouse.move(box["x"] + share * box["width"], y)
    page.mouse.up()
    arrived(page, 24)
    page.wait_for_timeout(250)
    assert "at=24" in page.url


def test_places_are_few_so_that_caches_know_them(visit: Callable[..., Visit]) -> None:
    opened = visit()
    asked: list[str] = []
    opened.page.on("request", lambda request: "/interpolate" in request.url and asked.append(request.url))
    page = open_walk(opened)
    for step in (3, 17, 30):
        page.locator("#along").fill(str(step))
        arrived(page, step)
    page.wait_for_timeout(500)
    queries = [parse_qs(urlsplit(url).query) for url in asked]
    assert all((float(query["t"][0]) * 32).is_integer() for query in queries)
    assert len(set(asked)) <= 33  # one that gave way to another may be asked for again
    assert {query["version"][0] for query in queries} == {"2"}


def test_only_the_newest_place_matters(visit: Callable[..., Visit]) -> None:
    opened = visit()
    held: list[Route] = []
    page = opened.open("seed=7&kept=7,12")
    page.route(re.compile("/interpolate"), lambda route: held.append(route))
    page.locator("#walk-open").click()
    page.wait_for_timeout(200)
    page.locator("#along").fill("30")
    page.wait_for_timeout(300)
    wanted = [parse_qs(urlsplit(route.request.url).query)["t"][0] for route in held]
    assert "0.9375" in wanted, "a place far from those under way was asked for at once"
    assert len(wanted) <= 8
    page.unroute(re.compile("/interpolate"))
    arrived(page, 30)


def test_all_that_is_kept_is_walked_through_if_nothing_was_chosen(window: Visit) -> None:
    page = open_walk(window, "seed=7&kept=7,9,12")
    expect(page.locator("#stops button")).to_have_count(3)
    page.locator("#loop").check()
    expect(page.locator("#stops button")).to_have_count(4)
    page.locator("#stops button").nth(2).click()
    arrived(page, 64)
    window.screenshot("walk-loop")
    page.wait_for_function("() => location.hash.includes('at=64')")
    link = page.url
    page.reload()
    arrived(page, 64)
    expect(page.locator("#loop")).to_be_checked()
    expect(page.locator("#stops button")).to_have_count(4)
    assert page.url == link


def test_no_more_stops_are_walked_through_than_the_server_takes(visit: Callable[..., Visit]) -> None:
    page = visit().open(f"seed=7&kept={','.join(map(str, range(20, 38)))}")
    page.keyboard.press("w")
    said = "A walk has 16 stops at most: it goes through the first 16 of 18 kept pictures."
    expect(page.locator("#note")).to_have_text(said)
    expect(page.locator("#stops button")).to_have_count(16)
    arrived(page, 0)
    close(page)
    page.locator("#kept .picture").last.click()
    expect(page.locator("#note")).to_have_text("A walk has 16 stops at most: take another one away first.")
    expect(page.locator("#kept .picture[aria-pressed=true]")).to_have_count(16)


def test_playing_goes_on_over_a_picture_that_failed(visit: Callable[..., Visit]) -> None:
    opened = visit()
    opened.expected = "Failed to load resource"
    page = opened.page
    page.route(re.compile(r"/interpolate.*[?&]t=0\.3125&"), lambda route: route.fulfill(status=500))
    open_walk(opened)
    page.locator("#play").click()
    page.wait_for_function("() => document.querySelector('#walk canvas').dataset.step > 14")
    expect(page.locator("#problem")).to_contain_text("500")


def test_it_plays_and_stops(window: Visit) -> None:
    page = open_walk(window)
    page.locator("#fps").fill("48")
    page.locator("#play").click()
    page.wait_for_function("() => document.querySelector('#walk canvas').dataset.step > 20")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play")
    step = page.locator("#walk canvas").get_attribute("data-step")
    page.wait_for_timeout(300)
    assert page.locator("#walk canvas").get_attribute("data-step") == step


def test_nothing_is_chosen_from_one_picture(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=7&kept=7")
    expect(page.locator("#walk-open")).to_be_disabled()
    page.locator("#grid .picture").nth(3).focus()
    page.keyboard.press("w")
    expect(page.locator("#note")).to_have_text("A walk needs two pictures: keep another one.")


@pytest.mark.parametrize(
    ("form", "name", "kind"),
    [("webp", "walk.webp", "WEBP"), ("apng", "walk.apng.png", "PNG"),
     ("png", "walk-strip.png", "PNG")],
)  # fmt: skip
def test_it_is_saved(visit: Callable[..., Visit], form: str, name: str, kind: str) -> None:
    page = open_walk(visit())
    page.locator("#format").select_option(form)
    with page.expect_download() as download:
        page.locator("#export").click()
    assert download.value.suggested_filename == name
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
        assert image.format == kind
        if form == "png":
            assert image.size == (9 * 64, 64)
        else:
            assert getattr(image, "n_frames", 1) == 33


def test_it_is_copied(visit: Callable[..., Visit], tmp_path: Path) -> None:
    page = open_walk(visit())
    page.locator("#walk [data-copy=python]").click()
    expect(page.locator("#note")).to_have_text("Python program copied")
    program = page.evaluate("navigator.clipboard.readText()")
    assert 'figment.interpolate([7, 12], frames=33, easing="smooth"' in program
    page.locator("#walk [data-copy=url]").click()
    expect(page.locator("#note")).to_have_text("Address copied")
    url = page.evaluate("navigator.clipboard.readText()")
    run_program(program, tmp_path)
    assert (tmp_path / "walk.webp").read_bytes() == page.request.get(url).body()
