"""What a training job does after its workers have ended; without Ray."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from training.cluster import WORKER_LOST
from training.supervisor import RESTARTS, STOPPED

GONE: Final = -int(signal.SIGKILL)
"""The status of a worker whose node or process was lost, as if it had been killed."""

Verdict = Literal["done", "stopped", "failed", "again"]


def verdict(statuses: Sequence[int]) -> Verdict:
    """What comes next, by the exit statuses of all workers, the chief's first; −n for one ended by signal n.

    A worker that was killed, or ended because another had, is a reason to begin again from the last checkpoint; one
    that says that it failed is not.
    """
    if statuses[0] in (0, STOPPED):
        return "stopped" if statuses[0] else "done"
    killed = any(status < 0 for status in statuses)
    failed = any(status > 0 and status != WORKER_LOST for status in statuses)
    return "failed" if failed and not killed else "again"


def orders(arguments: Sequence[str], run: Path | None) -> list[str]:
    """What every worker is called with: `fit`, until there is a run to `resume`."""
    begin = ["resume", str(run)] if run else ["fit", *arguments]
    return ["-m", "training", *begin, "--strategy", "multiworker"]


class Patience:
    """Counts the rounds that ended without a new checkpoint."""

    def __init__(self) -> None:
        self._last: object = None
        self._rounds = 0

    def gave_up(self, checkpoint: object) -> bool:
        """Whether it was once too often; `checkpoint` is the last one, however it is told."""
        self._rounds = self._rounds + 1 if checkpoint == self._last else 1
        self._last = checkpoint
        return self._rounds > RESTARTS
