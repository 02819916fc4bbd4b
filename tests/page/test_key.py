"""A service that asks for a key: the page asks for it once, and keeps it for the tab."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from bundle.store import Store
from service.app import create_app
from service.settings import Settings
from tests.page.conftest import Visit, served
from tests.page.painting_engine import SIZE, PaintingEngine
from tests.page.test_access import violations
from tests.service.access.test_gate import key_lines
from tests.service.conftest import publish_fake

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose only key is `open-sesame`."""
    folder: Path = tmp_path_factory.mktemp("locked")
    store, keys = Store(folder / "models"), folder / "keys.toml"
    publish_fake(store, "faces", shape=SIZE)
    keys.write_text(key_lines("open-sesame", "generate"))
    keys.chmod(0o600)
    settings = Settings.model_validate({"models": store.root, "keys": str(keys)})
    app = create_app(settings, store, lambda bundle: PaintingEngine(bundle.manifest.class_shares, 1))
    with served(app) as url:
        while app.state.catalogue.loading:
            time.sleep(0.01)
        yield url


def test_the_page_asks_for_a_key_and_draws_with_it(visit: Callable[..., Visit], locked: str) -> None:
    opened = visit()
    opened.url, opened.expected = locked, "401"
    page = opened.page
    page.goto(f"{locked}#seed=7")
    box = page.locator("#access")
    expect(box).to_contain_text("The server asks for a key.")
    assert violations(page) == []
    box.locator("input").fill("open-barley")
    box.locator("button").click()
    expect(box).to_contain_text("The server does not take this key: there is no such key")
    opened.screenshot("key")
    box.locator("input").fill("open-sesame")
    box.locator("button").click()
    expect(box).to_be_hidden()
    opened.shown()
    expect(page.locator("#grid .failed")).to_have_count(0)
    assert "sesame" not in page.evaluate("location.href + JSON.stringify(localStorage)")
    page.reload()
    opened.shown()
    expect(box).to_be_hidden()
