"""The dialog of one picture, and what can be done with it."""

import io
import re
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from bundle.points import point_of
from tests.page.conftest import Visit, close, pixels, run_program

pytestmark = pytest.mark.browser


def copied(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def open_picture(window: Visit, place: int = 2, state: str = "seed=7") -> Page:
    page = window.open(state)
    page.locator("#grid > li").nth(place).locator(".more").click(force=True)
    expect(page.locator("#picture")).to_be_visible()
    return page


def test_it_is_kept_chosen_and_stepped_through(each_window: Visit) -> None:
    page = open_picture(each_window)
    dialog = page.locator("#picture")
    expect(dialog.locator("h2")).to_have_text("Seed 9")
    dialog.locator(".keep").click()
    expect(dialog.locator(".keep")).to_have_attribute("aria-pressed", "true")
    dialog.locator(".after").click()
    expect(dialog.locator("h2")).to_have_text("Seed 10")
    expect(dialog.locator("img")).to_have_attribute("src", re.compile("/images/10.png"))
    dialog.locator(".choose").click()
    expect(dialog.locator(".choose")).to_have_attribute("aria-pressed", "true")
    each_window.screenshot("picture")
    close(page)
    expect(dialog).to_be_hidden()
    expect(page.locator("#kept > li")).to_have_count(2)


def test_back_closes_it_and_a_link_opens_it(window: Visit) -> None:
    page = open_picture(window)
    link = page.url
    page.go_back()
    expect(page.locator("#picture")).to_be_hidden()
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#picture")).to_be_visible()
    page.locator("#picture .close").click()
    expect(page.locator("#picture")).to_be_hidden()
    assert page.url.startswith(window.url)


def test_the_class_is_said(visit: Callable[..., Visit]) -> None:
    page = open_picture(visit(), state="model=barred&seed=7")
    expect(page.locator("#picture .about")).to_have_text(re.compile("^Class (one|two|three)$"))


def test_it_is_copied_as_seed_address_curl_and_python(visit: Callable[..., Visit], tmp_path: Path) -> None:
    opened = visit()
    page = open_picture(opened, state="seed=7&truncation=0.8")
    page.locator("#picture .copy-point").click()
    expect(page.locator("#note")).to_have_text("9 copied")
    assert copied(page) == "9"
    page.locator("#picture [data-copy=url]").click()
    expect(page.locator("#note")).to_have_text("Address copied")
    url = copied(page)
    assert page.request.get(url).headers["content-type"] == "image/png"
    page.locator("#picture [data-copy=curl]").click()
    expect(page.locator("#note")).to_have_text("curl command copied")
    assert shlex.split(copied(page)) == ["curl", "--fail", "--output", "seed-9.png", url]
    page.locator("#picture [data-copy=python]").click()
    expect(page.locator("#note")).to_have_text("Python program copied")
    program = copied(page)
    assert 'figment.image(9, model="faces", version=2, truncation=0.8).save("seed-9.png")' in program
    run_program(program, tmp_path)
    assert (tmp_path / "seed-9.png").read_bytes() == page.request.get(url).body()


@pytest.mark.parametrize("ending", ["webp", "jpg"])
def test_it_is_saved(visit: Callable[..., Visit], ending: str) -> None:
    page = open_picture(visit())
    page.locator("#picture .ending").select_option(ending)
    with page.expect_download() as download:
        page.locator("#picture .save").click()
    assert download.value.suggested_filename == f"seed-9.{ending}"
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
        assert image.size == (64, 64)
        assert image.format == {"jpg": "JPEG"}.get(ending, ending.upper())


def save_all(page: Page) -> list[str]:
    """The names of the pictures in the zip of all that is kept."""
    with page.expect_download() as download:
        page.locator("#save-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        return [name for name in archive.namelist() if name.endswith(".png")]


def test_all_that_is_kept_is_saved(visit: Callable[..., Visit]) -> None:
    page = visit().open("seed=7&kept=7,9")
    assert save_all(page) == ["7.png", "9.png"]
    expect(page.locator("#problem")).to_be_hidden()


def test_of_very_many_kept_the_first_are_saved_and_the_rest_is_named(visit: Callable[..., Visit]) -> None:
    latents = np.random.RandomState(6).randn(63, 16).astype(np.float32)
    kept = ["7", *(str(point_of(latent)) for latent in latents), "12", "13"]
    page = visit().open(f"seed=7&kept={','.join(kept)}")
    names = save_all(page)
    assert len(names) == 64
    assert "12.png" not in names
    left = "A zip has 64 pictures at most. Left out: 2 of 66 kept pictures, from Seed 12 on."
    expect(page.locator("#problem p")).to_have_text(left)


def test_k_keeps_it_unless_letters_are_off_or_with_control(visit: Callable[..., Visit]) -> None:
    page = open_picture(visit())
    keep = page.locator("#picture .keep")
    page.keyboard.press("Control+k")
    expect(keep).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("k")
    expect(keep).to_have_attribute("aria-pressed", "true")
    page.locator("#shortcuts").evaluate("box => box.click()")
    page.keyboard.press("k")
    expect(page.locator("#picture .after")).to_be_enabled()
    expect(keep).to_have_attribute("aria-pressed", "true")


def test_its_variations_fill_the_grid(window: Visit) -> None:
    page = open_picture(window)
    page.locator("#picture .vary").click()
    expect(page.locator("#picture")).to_be_hidden()
    expect(page.locator("#origin .name")).to_have_text("9")
    window.shown()
    window.screenshot("variations")
    tiles = page.locator("#grid > li")
    expect(tiles.first).to_have_attribute("data-point", "9")
    expect(tiles.nth(1)).to_have_attribute("data-point", re.compile("^z:"))
    page.locator("#grid .picture").nth(1).click()
    expect(page.locator("#kept > li.shown")).to_have_count(1)
    same_picture(page)
    before = tiles.nth(1).get_attribute("data-point")
    page.locator("#distance").fill("1.2")
    expect(tiles.nth(1)).not_to_have_attribute("data-point", str(before))
    page.locator("#origin .other").click()
    expect(page.locator("#note")).to_have_text("Other directions")
    page.locator("#origin .back").click()
    expect(tiles.first).to_have_attribute("data-point", "7")
    expect(page.locator("#origin")).to_be_hidden()
    expect(page.locator("#kept > li")).to_have_count(1)


def same_picture(page: Page) -> None:
    """What the tray shows of the point is what the grid showed: asked for by its text, it is the same."""
    kept, shown = (pixels(page, part) for part in ("#kept img", "#grid > li:nth-child(2) img"))
    assert np.abs(kept - shown).max() <= 1  # dividing by the truncation and multiplying rounds


@pytest.mark.parametrize("truncation", [0.5, 1.5])
def test_a_variation_stays_what_it_is_under_truncation(visit: Callable[..., Visit], truncation: float) -> None:
    opened = visit()
    page = opened.open(f"seed=7&of=7&noise=3&truncation={truncation}")
    page.locator("#grid .picture").nth(1).click()
    expect(page.locator("#kept > li.shown")).to_have_count(1)
    same_picture(page)
