"""The means of what steps report, between two lines of the log."""

import json
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
    untimed: int = 0
    """Steps that were made before the clocks began: in another process, or before the run went back."""

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
        return (self.steps - self.untimed) / max(time.perf_counter() - self.since, 1e-9)

    def cpu_seconds(self) -> float:
        """Seconds of processors, of all threads, since the means began."""
        return time.process_time() - self.cpu_since

    def begin(self) -> None:
        """Forget what was added."""
        self.sums, self.counts, self.steps = {}, {}, 0
        self.restart_clocks()

    def restart_clocks(self) -> None:
        """Measure the speed from now on."""
        self.since, self.cpu_since, self.untimed = time.perf_counter(), time.process_time(), self.steps

    def text(self) -> str:
        """What was added, for a checkpoint."""
        return json.dumps({"sums": self.sums, "counts": self.counts, "steps": self.steps})

    @classmethod
    def of_text(cls, text: str) -> "Means":
        """The means of such a text, or of none where it is empty; their clocks begin now."""
        if not text:
            return cls()
        told = json.loads(text)
        return cls(told["sums"], told["counts"], told["steps"], untimed=told["steps"])
