"""Whether a device has stopped: something runs on it for far longer than it should, and no end is in sight."""

from collections.abc import Iterable
from typing import Final

from service.engine.lane import Batch, Lane

CALLS: Final = 10.0
"""Times the patience with a batch that a warm-up's run has: it may compile, which takes minutes of a large graph."""


def wedged(
    now: float, patience: float, running: Iterable[Batch], call_begun: float | None, lanes: Iterable[Lane]
) -> str:
    """Why nothing is to be expected of a device any more, in words; empty if all is well.

    Args:
        now: seconds, of the device's clock.
        patience: seconds beyond what a batch was expected to take.
        running: the batches that run.
        call_begun: when the run of a warm-up began that runs now; None if none does.
        lanes: what waits.
    """
    running = list(running)
    for batch in running:
        if now - max(batch.due, batch.begun) > patience:
            expected = max(0.0, batch.due - batch.begun)
            model = f" of {batch.lane.label}" if batch.lane.label else ""
            return (
                f"a batch of {batch.size.rows}{model} has run for {now - batch.begun:.0f} s; "
                f"{expected:.2g} s were expected"
            )
    if call_begun is not None:
        taken = now - call_begun
        return f"a run of a model's warm-up has taken {taken:.0f} s so far" if taken > CALLS * patience else ""
    oldest = max((lane.age(now) for lane in lanes), default=0.0)
    if not running and oldest > patience:
        return f"images have waited for {oldest:.0f} s while the device does nothing"
    return ""
