"""Where the time from the start of the process to the first answer goes."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

OTHERS = "Python and the service itself"


@dataclass
class Startup:
    """The seconds of each part of the start that was measured, in their order."""

    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the block as a part."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = time.perf_counter() - begin

    def text(self) -> str:
        """All of it for the log, such as "5.2 s: Python and the service itself 0.7, TensorFlow 3.1, the models 1.4"."""
        measured = sum(self.parts.values())
        total = process_age()
        whole = measured if total is None else max(total, measured)
        shown = ([] if total is None else [(OTHERS, whole - measured)]) + list(self.parts.items())
        return f"{whole:.1f} s: {', '.join(f'{name} {seconds:.1f}' for name, seconds in shown)}"


@contextmanager
def without(package: str) -> Iterator[None]:
    """Import what the block imports as if a package were not installed, unless it is imported already.

    TensorFlow imports Keras where it finds it, and all that Keras imports: a quarter of its time and 60 MB, for nothing
    that a SavedModel needs.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what Python's documentation of sys.modules says to do
    try:
        yield
    finally:
        del sys.modules[package]


def process_age(stat: Path = Path("/proc/self/stat")) -> float | None:
    """Seconds since this process was started, or None where Linux does not say."""
    try:
        after_name = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5), since boot
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, ValueError, IndexError, AttributeError):
        return None
