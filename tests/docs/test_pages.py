"""The commands of the tutorial and of the how-to pages work, one after the other."""

import io
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.docs.clone import Clone, make_clone
from tests.docs.markdown import DOCS, blocks

STARTED_BY_US = {"make serve\n"}
"""Blocks that go on for as long as the page is read."""
TOGETHER = "FIGMENT_PORT=8001 make serve &\nFIGMENT_PORT=8002 make serve &\n"
"""Two replicas: `test_nginx.py` has them."""
PAGES = {
    "tutorial": ("grid.png", "ada.png", "walk.png", "models/faces/1/saved_model.pb", "faces/60.png"),
    "howto/anime-faces": ("anime.png", "models/anime/1/saved_model.pb"),
    "howto/labels": ("cats.png", "dogs.png", "dogs-walk.png", "models/pets/1/saved_model.pb"),
    "howto/import-stylegan": ("stylelike.png", "models/stylelike/1/saved_model.pb"),
    "howto/cdn": ("ada.png",),
}
"""The pages with commands, and files that are there afterwards."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    path = tmp_path_factory.mktemp("clone") / "figment"
    made = make_clone(path)
    _pictures(path / "path/to/anime-faces", 60)
    _pictures(path / "path/to/photos/cat", 30)
    _pictures(path / "path/to/photos/dog", 30)
    with made.serving():
        yield made
    shutil.rmtree(path)


def _pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for seed in range(count):
        random = np.random.default_rng([seed, len(folder.name), ord(folder.name[0])])
        pixels = random.integers(0, 256, (70, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.jpg")


def test_all_pages_with_commands_are_run() -> None:
    pages = [DOCS / "tutorial.md", *(DOCS / "howto").glob("*.md")]
    commands = {page: [block for language, block in blocks(page) if language in ("sh", "python")] for page in pages}
    named = {DOCS / f"{name}.md" for name in PAGES}
    assert {page for page, found in commands.items() if found and found != [TOGETHER]} == named
    assert {language for page in pages for language, _ in blocks(page)} == {"sh", "python", "text", "nginx"}


@pytest.mark.tensorflow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(clone: Clone, page: str) -> None:
    shutil.rmtree(clone.path / "runs", ignore_errors=True)
    printed = ""
    for language, block in blocks(DOCS / f"{page}.md"):
        if language in ("sh", "python") and block not in STARTED_BY_US:
            if "curl" in block or "figment generate" in block:
                _wait_for_models(clone)
            printed += clone.run(language, block)
    for name in PAGES[page]:
        assert (clone.path / name).stat().st_size > 0, name
        if name.endswith(".png"):
            _picture(clone.path / name)
    _check(page, clone.path, printed)


def _wait_for_models(clone: Clone) -> None:
    """Until the service has found what was published: a reader takes longer to type."""
    published = {path.name for path in (clone.path / "models").iterdir()}
    begin = time.monotonic()
    while time.monotonic() - begin < 120:
        with urllib.request.urlopen(f"http://127.0.0.1:{clone.port}/models") as answer:
            listing = json.load(answer)
        if published <= {model["name"] for model in listing["models"] if model["loaded"]}:
            return
        time.sleep(0.2)
    raise AssertionError(listing)


def _picture(path: Path) -> Image.Image:
    picture = Image.open(io.BytesIO(path.read_bytes()))
    picture.load()
    return picture


def _check(page: str, path: Path, printed: str) -> None:
    """What a page says of what its commands print or write."""
    if page == "tutorial":
        assert _picture(path / "grid.png").size == (8 * 32, 4 * 32)
        assert _picture(path / "walk.png").size == (8 * 32, 32)
        assert "images             60 of 60 files" in printed
    if page == "howto/cdn":
        assert "/images/4260250381.png?model=adventurer&version=2" in printed
    if page == "howto/labels":
        assert _picture(path / "cats.png").tobytes() != _picture(path / "dogs.png").tobytes()
