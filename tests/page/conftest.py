"""The page in Debian's Chromium, of a service with an engine that paints at once."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from starlette.types import ASGIApp, Receive, Scope, Send

from bundle.store import Bundle, Store
from service.app import create_app
from service.settings import Settings
from tests.page.painting_engine import SIZE, PaintingEngine
from tests.service.conftest import publish_fake

SCREENSHOTS = Path("build/screenshots")
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
PATIENCE = 120_000
"""Milliseconds that a step of a test waits."""


class Site:
    """A service that runs, its address, its engines by name/version, and what reached it: paths with their queries."""

    def __init__(self, app: FastAPI, url: str, engines: dict[str, PaintingEngine], asked: list[str]) -> None:
        self.app, self.url, self.engines, self.asked = app, url, engines, asked


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`faces/1` and `faces/2`, and `barred/1`, which has classes."""
    store = Store(tmp_path_factory.mktemp("page") / "models")
    for _ in range(2):
        publish_fake(store, "faces", shape=SIZE)
    publish_fake(store, "barred", shape=SIZE, classes={"one": 0.3, "two": 0.3, "three": 0.4}, latent_dim=19)
    engines: dict[str, PaintingEngine] = {}

    def load(bundle: Bundle) -> PaintingEngine:
        manifest = bundle.manifest
        engine = PaintingEngine(manifest.class_shares, manifest.version)
        return engines.setdefault(f"{manifest.name}/{manifest.version}", engine)

    settings = Settings.model_validate({"models": store.root, "default_model": "faces"})
    app = create_app(settings, store, load)
    asked: list[str] = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        await app(scope, receive, send)

    with served(noting) as url:
        while app.state.catalogue.loading:
            time.sleep(0.01)
        yield Site(app, url, engines, asked)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an application that runs in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", loop="asyncio", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; closed after each file, since Playwright's event loop bars every other from its thread."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium on this machine")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=[*sandbox, "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Visit:
    """A window on the page; what its console says is kept, and is to be nothing."""

    def __init__(self, context: BrowserContext, url: str, device: str, name: str) -> None:
        self.context, self.url, self.device, self._name = context, url, device, name
        self.complaints: list[str] = []
        self.expected = "nothing"
        context.set_default_timeout(PATIENCE)
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and self.expected not in message.text:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def open(self, fragment: str = "seed=7") -> Page:
        """Go to the page with a state, and return when its pictures are there."""
        self.page.goto(f"{self.url}#{fragment}")
        self.shown()
        return self.page

    def shown(self) -> None:
        """Return when every picture in sight is there."""
        self.page.wait_for_function("""() => {
            const tiles = [...document.querySelectorAll("li.tile")].filter((tile) => {
                const { top, bottom, height, left, right } = tile.getBoundingClientRect();
                const list = tile.parentElement.getBoundingClientRect(); // that of the tray scrolls
                return height && top < innerHeight && bottom > 0 && left < list.right && right > list.left;
            });
            const done = (tile) => tile.matches(".shown, .failed");
            return document.querySelector("#grid > li") && tiles.every(done);
        }""")

    def screenshot(self, name: str) -> None:
        """Keep what is seen, for people."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(300)  # transitions
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self._name}.png")


def close(page: Page) -> None:
    """Close the dialog that is open, and return when the address no longer has it."""
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('dialog[open]') && !location.hash.includes('open=')")


def run_program(program: str, folder: Path) -> None:
    """Run a Python program that the page copied, as somebody would who has the client, in a folder."""
    path = os.pathsep.join([str(Path("client").resolve()), *sys.path])
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=True,
                   timeout=PATIENCE / 1000)  # fmt: skip


def pixels(page: Page, selector: str) -> NDArray[Any]:
    """The RGBA values of an <img> of 64 × 64 pixels, when it shows what it was last told to."""
    return np.array(
        page.evaluate(
            """async (selector) => {
                const img = document.querySelector(selector);
                await img.decode();
                const pen = new OffscreenCanvas(64, 64).getContext("2d");
                pen.drawImage(img, 0, 0);
                return [...pen.getImageData(0, 0, 64, 64).data];
            }""",
            selector,
        )
    )


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visit]]:
    """Opens windows: `visit(device, name, **options of a context)`. At the end no console has complained."""
    visits: list[Visit] = []

    def opened(device: str = "desktop", name: str | None = None, **options: Any) -> Visit:  # noqa: ANN401
        context = browser.new_context(**(DEVICES[device] | options))
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
        visits.append(Visit(context, site.url, device, name or device))
        return visits[-1]

    yield opened
    for visit in visits:
        visit.context.close()
    assert [complaint for visit in visits for complaint in visit.complaints] == []


@pytest.fixture
def window(visit: Callable[..., Visit]) -> Visit:
    """One window of a desktop."""
    return visit()


@pytest.fixture(params=list(DEVICES))
def each_window(request: pytest.FixtureRequest, visit: Callable[..., Visit]) -> Visit:
    """One window of each device, where what is proved depends on it."""
    return visit(request.param)
