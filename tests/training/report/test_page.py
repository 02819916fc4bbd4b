import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from training.report import write_report
from training.report.page import render
from training.run import Run

VOID = {"meta", "img", "input", "source", "br", "link"}


class Reader(HTMLParser):
    """Every tag with its attributes; complains where tags do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def fill(run: Run, write_sheets: Callable[..., None]) -> None:
    """A log, happenings, measures and sheets."""
    random = np.random.default_rng(0)
    lines = [
        {"step": i, "images": 40 * i, "loss_d": random.normal(), "loss_g": 1.0, "images_per_second": 80.0}
        for i in range(1, 101)
    ]
    lines.insert(50, {"step": 50, "images": 2000, "event": "collapse", "text": "all <b>alike</b>"})
    run.log_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    values = {"swd": {"value": 14.25, "floor": 3.5, "low": 12.0, "high": 16.0, "about": "what swd is"}}
    measures = [json.dumps({"images": images, "values": values}) for images in (2000, 4000)]
    (run.path / "measures.jsonl").write_text("\n".join(measures))
    (run.path / "best.json").write_text('{"images": 2000, "distance": 14.25}')
    write_sheets(run, 0, 1000, 2000, 3000, 4000)


def noise(count: int = 30, side: int = 32) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_a_run_with_nothing_yet_has_a_report(new_run: Callable[..., Run]) -> None:
    html = render(new_run(), None)
    assert "Nothing has been seen yet" in html
    assert read(html).all("img") == []


@pytest.mark.parametrize("recipe", ["ns", "wgan-gp"])
def test_a_whole_run_shows_everything(
    new_run: Callable[..., Run], write_sheets: Callable[..., None], recipe: str
) -> None:
    run = new_run(recipe)
    fill(run, write_sheets)
    html = render(run, noise())
    reader = read(html)
    for title in ("What happened", "Curves", "Measures", "Samples over time", "Nearest training images", "Settings"):
        assert f"<h2>{title}</h2>" in html
    assert "Complete" in html
    assert "14.2" in html
    assert "12.0 … 16.0" in html
    frames = [image for image in reader.all("img") if "frame" in (image.get("class") or "")]
    assert [frame["data-images"] for frame in frames] == ["0", "1,000", "2,000", "3,000", "4,000"]
    assert [frame.get("hidden", "shown") for frame in frames] == [None] * 4 + ["shown"]  # without script the last one
    assert all(image.get("alt") or "hidden" in image for image in reader.all("img"))
    lines = [attributes["data-lines"] for _, attributes in reader.tags if "data-lines" in attributes]
    assert len(lines) == 3
    assert all(json.loads(line or "") for line in lines)


def test_the_page_asks_for_nothing_outside(new_run: Callable[..., Run], write_sheets: Callable[..., None]) -> None:
    run = new_run()
    fill(run, write_sheets)
    html = render(run, noise())
    reader = read(html)
    sources = [
        value for _, attributes in reader.tags for key in ("src", "srcset", "href") if (value := attributes.get(key))
    ]
    assert sources
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest", html)
    [policy] = [meta["content"] for meta in reader.all("meta") if meta.get("http-equiv")]
    assert (policy or "").startswith("default-src 'none'")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_texts_of_data_and_log_stay_texts(new_run: Callable[..., Run], hostile: str) -> None:
    run = new_run(name=hostile, attribution=hostile, license=hostile)
    run.log_file.write_text(json.dumps({"images": 4, "event": hostile, "text": hostile}))
    reader = read(render(run, None))
    assert len(reader.all("script")) == 1
    assert not any("onerror" in attributes or attributes.get("src") == "x" for _, attributes in reader.tags)


def test_broken_files_do_not_stop_the_report(new_run: Callable[..., Run], write_sheets: Callable[..., None]) -> None:
    run = new_run()
    fill(run, write_sheets)
    (run.path / "recipe.toml").write_text("name = ")
    for name in ("log.jsonl", "measures.jsonl", "best.json", "samples/000004000.png", "recipe.toml"):
        content = (run.path / name).read_bytes()
        (run.path / name).write_bytes(content[: len(content) // 2] + b"\xff{")
    frames = [image["data-images"] for image in read(render(run, noise())).all("img") if "data-images" in image]
    assert frames == ["0", "1,000", "2,000", "3,000"]


def test_the_report_takes_the_place_of_the_one_before(new_run: Callable[..., Run]) -> None:
    run = new_run()
    first = write_report(run, None)
    assert first == run.path / "report.html"
    (run.path / "log.jsonl").write_text('{"images": 1234, "loss_d": 1}')
    assert write_report(run, None) == first
    assert "1,234" in first.read_text(encoding="utf-8")
    assert [path.name for path in run.path.iterdir() if "report" in path.name] == ["report.html"]


def test_a_report_that_cannot_be_written_leaves_the_one_before(
    new_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    path = write_report(run, None)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(run, None)
    assert path.read_bytes() == before
    assert [p.name for p in run.path.iterdir() if "report" in p.name] == ["report.html"]


def test_a_report_can_be_written_elsewhere(new_run: Callable[..., Run], tmp_path: Path) -> None:
    assert write_report(new_run(), None, out=tmp_path / "page.html") == tmp_path / "page.html"
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_held_out_images_give_the_scale_of_distances(
    new_run: Callable[..., Run], write_sheets: Callable[..., None]
) -> None:
    run = new_run()
    write_sheets(run, 4)
    assert "training images, themselves left out" in render(run, noise())
    assert "30 held-out images" in " ".join(render(run, noise(), noise()).split())


def test_only_the_last_best_is_listed(new_run: Callable[..., Run]) -> None:
    run = new_run()
    lines = [{"images": 100 * i, "event": "best", "text": f"best number {i}"} for i in range(5)]
    run.log_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    html = render(run, None)
    assert "best number 4" in html
    assert "best number 3" not in html
