"""A process over time: its memory, threads and open files, and how long its answers took; and whether that is flat."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import resident_mib

MOST = 360
"""Samples that are kept, however long it takes: what a plot can show."""
GROWTH = {"mib": 64.0, "threads": 2.0, "files": 16.0}
"""What the median of the last third may have more than that of the middle one. A file is a connection, too, and as many
are open as there are requests under way."""


@dataclass(frozen=True)
class Sample:
    """One interval: its end in seconds, what the process held then, and what was answered in it."""

    at: float
    mib: float
    threads: int
    files: int
    answered: int
    p50: float
    """Seconds, as `p99`; 0 where nothing was answered."""
    p99: float


@dataclass
class Sampler:
    """Samples of a process."""

    process: int
    began: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """Those since the last sample, in seconds."""

    def sample(self) -> None:
        """Take one, and begin the next interval."""
        found, self.latencies = sorted(self.latencies), []
        self.samples.append(
            Sample(
                round(time.monotonic() - self.began, 1),
                round(resident_mib(self.process), 1),
                count(self.process, "task"),
                count(self.process, "fd"),
                len(found),
                round(percentile(found, 0.5, 0.0), 4),
                round(percentile(found, 0.99, 0.0), 4),
            )
        )

    def as_json(self) -> list[dict[str, Any]]:
        """The samples."""
        return [asdict(sample) for sample in self.samples]


def interval(seconds: float) -> float:
    """Seconds between two samples of a run of so many."""
    return max(1.0, seconds / MOST)


def count(process: int, what: str) -> int:
    """The entries of a folder of a process: its threads ("task") or its open files ("fd")."""
    return sum(1 for _ in Path(f"/proc/{process}/{what}").iterdir())


def percentile(values: Sequence[float], share: float, of_none: float = float("inf")) -> float:
    """The value that `share` of some stay below; `of_none` if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else of_none


def thirds(samples: Sequence[Sample], key: str) -> tuple[float, float]:
    """The medians of a value in the middle third and in the last."""
    values = [float(getattr(sample, key)) for sample in samples]
    third = max(1, len(values) // 3)
    return statistics.median(values[third : 2 * third] or values), statistics.median(values[-third:])


def growth(samples: Sequence[Sample]) -> list[str]:
    """What grew, in words."""
    grown = []
    for key, most in GROWTH.items():
        middle, last = thirds(samples, key)
        if last - middle > most:
            grown.append(f"{key} grew from {middle:.0f} in the middle third to {last:.0f} in the last")
    return grown
