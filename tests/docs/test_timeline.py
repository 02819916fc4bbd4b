"""The time line in docs/explanation/batcher.md is what the schedule does, and the page says what it shows."""

from types import ModuleType
from typing import Any

import pytest

from tests.docs.markdown import DOCS, load


@pytest.fixture(scope="module")
def timeline() -> ModuleType:
    return load(DOCS / "explanation/timeline.py")


@pytest.fixture(scope="module")
def story(timeline: ModuleType) -> Any:  # noqa: ANN401
    return timeline.play(timeline.requests())


def test_the_picture_is_that_of_todays_schedule(timeline: ModuleType, story: Any) -> None:  # noqa: ANN401
    assert (DOCS / "explanation/batcher.svg").read_text(encoding="utf-8") == timeline.draw(story)


def test_the_page_tells_what_the_picture_shows(story: Any) -> None:  # noqa: ANN401
    large, small, same, other, hurried = story.requests
    batches = [[(work, count) for work, _, count in batch.slices] for batch, _ in story.batches]
    assert batches[0] == [(large.work, 16)]
    assert batches[1] == [(small.work, 1), (other.work, 4), (large.work, 11)]  # small ones pass, and share
    assert [sum(count for _, count in batch) for batch in batches] == [16, 16, 16, 4, 1]
    assert same.work is small.work
    assert same.answered == small.answered < large.answered == pytest.approx(0.106)
    assert hurried.work is None
    assert hurried.refusal.retry_after == 1
    page = (DOCS / "explanation/batcher.md").read_text(encoding="utf-8")
    assert "A has lost 16 ms" in page.replace("**A** has", "A has")  # of 106, 90 are its own


@pytest.mark.parametrize("count", [1, 3, 5])
def test_fewer_requests_are_a_story_too(timeline: ModuleType, count: int) -> None:
    asked = timeline.requests()[:count]
    story = timeline.play(asked)
    assert all(request.answered > request.at or request.refusal for request in asked)
    rows = sum(size for batch, _ in story.batches for _, _, size in batch.slices)
    assert rows == sum(request.rows for request in {id(r.work): r for r in asked if r.work}.values())
