"""What is asked for, and the line in which it waits."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.engine.protocol import Latents, Pixels


@dataclass(eq=False)
class Work:
    """Rows that are computed once, for one request or for several that ask for the same.

    `pending` are the ranges of rows, first and count, that are in no batch yet; `parts` are those done, by their
    first row; `callers` wait for them. `alone`: a batch with others in it failed, so now each is tried by itself.
    `arrived`, `begun` and `ended` are when it was queued, when its first row ran, and when it was done or had failed.
    """

    lane: Any
    latents: Latents
    key: bytes
    rank: float
    number: int
    waiter: Any
    callers: int = 1
    alone: bool = False
    waiting: int = 0
    """Rows that are in no batch yet: those of `pending`."""
    queued: bool = False
    pending: list[tuple[int, int]] = field(default_factory=list)
    parts: dict[int, Pixels] = field(default_factory=dict)
    error: Exception | None = None
    arrived: float = 0.0
    begun: float | None = None
    ended: float | None = None
    links: list[Any] = field(default_factory=list)
    """What names the requests that wait for it, where somebody follows them."""

    def __post_init__(self) -> None:
        self.pending, self.waiting = [(0, len(self.latents))], len(self.latents)

    def take(self, room: int) -> Iterator[tuple[int, int]]:
        """Ranges of the next rows, at most `room` of them, which no longer wait."""
        while self.pending and room:
            start, count = self.pending.pop(0)
            if count > room:
                self.pending.insert(0, (start + room, count - room))
                count = room
            room -= count
            self.waiting -= count
            yield start, count

    def put_back(self, start: int, count: int) -> None:
        """These rows wait again."""
        self.pending.insert(0, (start, count))
        self.waiting += count

    @property
    def complete(self) -> bool:
        """Whether all rows are done."""
        return sum(map(len, self.parts.values())) == len(self.latents)

    def pixels(self) -> Pixels:
        """All rows in their order; not to be written to, since several callers may have them."""
        parts = [self.parts[start] for start in sorted(self.parts)]
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
        pixels.flags.writeable = False
        return pixels

    def __lt__(self, other: "Work") -> bool:
        return (self.rank, self.number) < (other.rank, other.number)


class Line:
    """Works with rows that wait, by rank; it keeps count of the rows, since every arrival asks for it."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.rows = 0

    def add(self, work: Work) -> None:
        """Put a work in its place."""
        if not work.queued:
            insort(self.works, work)
            work.queued = True
            self.rows += work.waiting

    def remove(self, work: Work) -> None:
        """Take a work out, if it is there."""
        if work.queued:
            self.works.remove(work)
            work.queued = False
            self.rows -= work.waiting

    def take(self, works: list[Work], room: int) -> list[tuple[Work, int, int]]:
        """At most `room` of the next rows of some of its works, in their order: each work, its first row, how many."""
        slices = []
        for work in works:
            for start, count in work.take(room):
                slices.append((work, start, count))
                room -= count
                self.rows -= count
            if not work.waiting:
                self.remove(work)
            if not room:
                break
        return slices

    def before(self, rank: float, number: float) -> int:
        """Rows served with or before the work of a rank and number; counted from the end, where most belong."""
        rows = self.rows
        for work in reversed(self.works):
            if (work.rank, work.number) <= (rank, number):
                break
            rows -= work.waiting
        return rows
