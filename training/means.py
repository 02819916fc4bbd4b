"""The means of what steps report, between two lines of the log."""

import time
from dataclasses import dataclass, field

import tensorflow as tf


@dataclass
class Means:
    """The means of what the steps report, and how fast they are, until they are taken."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    since: float = field(default_factory=time.perf_counter)
    cpu_since: float = field(default_factory=time.process_time)

    def add(self, logs: dict[str, tf.Tensor]) -> None:
        """One step's scalars; a term that is not computed at every step is averaged over those where it is."""
        self.steps += 1
        for name, value in logs.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
            self.counts[name] = self.counts.get(name, 0) + 1

    def peek(self) -> dict[str, float]:
        """The means so far."""
        return {name: total / self.counts[name] for name, total in self.sums.items()}

    def steps_per_second(self) -> float:
        """Since the means began, by the clock."""
        return self.steps / max(time.perf_counter() - self.since, 1e-9)

    def cpu_seconds(self) -> float:
        """Seconds of processors, of all threads, since the means began."""
        return time.process_time() - self.cpu_since

    def begin(self) -> None:
        """Forget what was added."""
        self.sums, self.counts, self.steps = {}, {}, 0
        self.since, self.cpu_since = time.perf_counter(), time.process_time()
