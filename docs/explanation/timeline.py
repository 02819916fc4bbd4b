"""Draw docs/explanation/batcher.svg: what the real schedule does with five requests, on a clock that is only counted.

    PYTHONPATH=. python docs/explanation/timeline.py

A test draws it anew and compares, so the picture is what the code does.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from service.engine.lane import Batch, Lane
from service.engine.plan import Plan
from service.engine.protocol import BatchSize, Engine
from service.engine.schedule import QueueFull, Schedule
from service.engine.work import Work

PICTURE: Final = Path(__file__).parent / "batcher.svg"
SIZES: Final = (BatchSize(1, 0.006), BatchSize(4, 0.010), BatchSize(16, 0.030), BatchSize(64, 0.120))
"""Rounded from what docs/benchmarks.md measured of adventurer/1."""


@dataclass(eq=False)
class Request:
    """What is asked for: `rows` images from `seed` on, `at` seconds, to be answered within `deadline` seconds."""

    name: str
    at: float
    rows: int
    seed: int
    deadline: float = 30.0
    work: Work | None = None
    refusal: QueueFull | None = None
    answered: float = 0.0


@dataclass
class Story:
    """The requests, and the batches that were run with the time when each ended."""

    requests: list[Request] = field(default_factory=list)
    batches: list[tuple[Batch, float]] = field(default_factory=list)


def requests() -> list[Request]:
    """A large one, two that ask for the same image, a small one, and one that is in too much of a hurry."""
    return [
        Request("A: 48 images", 0.000, 48, 1000),
        Request("B: 1 image", 0.005, 1, 7),
        Request("C: the same", 0.012, 1, 7),
        Request("D: 4 images", 0.018, 4, 20),
        Request("E: 16 images in 50 ms", 0.034, 16, 3000, deadline=0.05),
    ]


def play(asked: list[Request]) -> Story:
    """Give the requests to a `Schedule` with one batch in flight, and run what it says, each as long as measured."""
    lane = Lane(cast(Engine, None), Plan(SIZES), max_rows=1024)
    schedule = Schedule()
    schedule.lanes.append(lane)
    story, coming, now = Story(asked), sorted(asked, key=lambda request: request.at), 0.0
    while coming or lane.waiting or schedule.running:
        running = schedule.running[0] if schedule.running else None
        if running and not (coming and coming[0].at < running.due):
            now = running.due
            done = schedule.finish(running, np.zeros((running.size.run, 1, 1, 1), np.uint8), now)
            story.batches.append((running, now))
            _answer(asked, done, now)
        elif coming:
            now = coming[0].at
            _arrive(schedule, lane, coming.pop(0), now)
        if not schedule.running:
            schedule.take(now)
    return story


def _arrive(schedule: Schedule, lane: Lane, request: Request, now: float) -> None:
    latents = np.arange(request.seed, request.seed + request.rows, dtype=np.float32)[:, np.newaxis]
    try:
        request.work = schedule.add(lane, latents, request.deadline, None, now)
    except QueueFull as refusal:
        request.refusal, request.answered = refusal, now


def _answer(asked: list[Request], done: list[Work], now: float) -> None:
    for request in asked:
        if request.work in done:
            request.answered = now


# The drawing: milliseconds to the right, a line for each request, the device below.
LEFT, SCALE, LINE, TOP = 190, 6.0, 34, 46
COLOURS: Final = ("#3b6fb6", "#d9822b", "#d9822b", "#2f8f5b", "#b23a48")


def draw(story: Story) -> str:
    """The story as SVG."""
    end = max(now for _, now in story.batches)
    width, height = LEFT + SCALE * 1000 * end + 170, TOP + LINE * (len(story.requests) + 2) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="sans-serif"'
        ' font-size="13" role="img">',
        "<title>Five requests, and the batches in which one device runs them</title>",
        f'<rect width="{width:.0f}" height="{height}" fill="#ffffff"/>',
        *_axis(end, height),
    ]
    for line, request in enumerate(story.requests):
        parts += _request(story, request, TOP + LINE * line, COLOURS[line])
    parts += _device(story, TOP + LINE * (len(story.requests) + 1))
    return "\n".join([*parts, "</svg>", ""])


def _x(seconds: float) -> float:
    return LEFT + SCALE * 1000 * seconds


def _text(x: float, y: float, text: str, more: str = 'fill="#222222"') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>'


def _box(start: float, end: float, y: float, height: float, more: str) -> str:
    width = SCALE * 1000 * (end - start)
    return f'<rect x="{_x(start):.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {more}/>'


def _axis(end: float, height: int) -> list[str]:
    parts = []
    for tick in range(0, int(1000 * end) + 1, 10):
        x = _x(tick / 1000)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{height - 22}" stroke="#e2e2e2"/>')
        parts.append(
            _text(x, TOP - 20, f"{tick} ms" if tick == 0 else str(tick), 'fill="#666666" text-anchor="middle"')
        )
    return parts


def _request(story: Story, request: Request, y: float, colour: str) -> list[str]:
    """Pale while it waits, full while rows of it run, and what became of it."""
    parts = [_text(10, y + 17, request.name)]
    x, said = _x(request.answered) + 8, f"answered after {1000 * (request.answered - request.at):.0f} ms"
    if request.refusal:
        said = f"refused at once: 503, Retry-After: {request.refusal.retry_after}"
        x += 10
        parts.append(f'<circle cx="{x - 14:.1f}" cy="{y + 12}" r="6" fill="{colour}"/>')
    parts.append(_box(request.at, request.answered, y + 4, 16, f'fill="{colour}" fill-opacity="0.22"'))
    for batch, ended in story.batches:
        if any(work is request.work for work, _, _ in batch.slices):
            begun = max(batch.begun, request.at)
            parts.append(_box(begun, ended, y + 4, 16, f'fill="{colour}"'))
    return [*parts, _text(x, y + 17, said)]


def _device(story: Story, y: float) -> list[str]:
    """Each batch as high as it is full, in the colours of those whose rows it holds."""
    parts: list[Any] = [_text(10, y + 24, "the device: rows in a batch")]
    for batch, ended in story.batches:
        place = y
        for work, _, count in batch.slices:
            owner = next(i for i, request in enumerate(story.requests) if request.work is work)
            share = 40.0 * count / batch.size.rows
            parts.append(_box(batch.begun, ended, place, share, f'fill="{COLOURS[owner]}" stroke="#ffffff"'))
            place += share
        counts = " + ".join(str(count) for _, _, count in batch.slices)
        middle = (_x(batch.begun) + _x(ended)) / 2
        parts.append(_text(middle, y + 56, counts, 'fill="#222222" text-anchor="middle"'))
    return parts


if __name__ == "__main__":
    PICTURE.write_text(draw(play(requests())), encoding="utf-8")
