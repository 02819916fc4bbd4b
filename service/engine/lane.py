"""A model's lane of a device: what waits in it, and the batches that its rows become."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.engine.plan import Plan
from service.engine.protocol import BatchSize, Engine, Latents
from service.engine.timing import Release
from service.engine.work import Line, Work

SMALL: Final = 4
"""Rows of a request up to which it is small: the last eighth of a queue is for those, so that a flood leaves room."""


@dataclass(eq=False)
class Lane:
    """What waits for one model. `max_rows` may wait."""

    engine: Engine
    plan: Plan
    max_rows: int
    label: str = ""
    """Of the model, `name/version`, for people."""
    line: Line = field(default_factory=Line)
    flying: dict[bytes, Work] = field(default_factory=dict)
    """Those that are not answered yet, by their latents."""
    closed: bool = False
    slowdown: float = 1.0
    """How much longer its batches take than when they were measured, of late."""

    @property
    def waiting(self) -> int:
        """Rows that are in no batch yet."""
        return self.line.rows

    def age(self, now: float) -> float:
        """Seconds that the oldest request with rows that wait has been here; 0 if none does."""
        return max((now - work.arrived for work in self.line.works), default=0.0)

    def seconds(self, rows: int) -> float:
        """The estimated time of some rows."""
        return self.slowdown * self.plan.seconds(rows)

    def room(self, rows: int) -> int:
        """How many rows may wait where a request has so many."""
        return self.max_rows if rows <= SMALL else self.max_rows - self.max_rows // 8


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows that run together: of each work its first row in the batch and how many; `due` is when it should be done."""

    lane: Lane
    size: BatchSize
    slices: tuple[tuple[Work, int, int], ...]
    begun: float
    due: float
    release: Release = "drained"
    """Why it has these rows and no others."""

    @property
    def rows(self) -> int:
        """Rows that are not padding."""
        return sum(count for _, _, count in self.slices)

    def latents(self) -> Latents:
        """The rows, and zeros behind them."""
        latents = np.zeros((self.size.run, self.slices[0][0].latents.shape[1]), np.float32)
        rows = [work.latents[start : start + count] for work, start, count in self.slices]
        np.concatenate(rows, out=latents[: self.rows])
        return latents


def release_of(alone: bool, hurried: bool, left: int, works: int) -> Release:
    """Why a batch was released, where `left` rows of its lane wait on and `works` requests might have been in it."""
    if alone:
        return "retry"
    if hurried:
        return "hurried"
    if left:
        return "full"
    return "lone" if works == 1 else "drained"
