"""What is told of batches and of the time that a request's rows took, for those who watch. No metrics and no HTTP."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from service.engine.work import Work

if TYPE_CHECKING:
    from service.engine.lane import Batch
    from service.engine.protocol import Pixels

Release = Literal["lone", "drained", "full", "hurried", "retry"]
"""Why a batch was released with the rows it has. A free device takes what there is: nothing waits for more to come.

lone: one request waited, and all of it fits; drained: several did, and all of them fit; full: more wait than it holds;
hurried: larger ones wait, and the batch is kept small for a request that has passed them; retry: one request by itself,
since a batch that it shared has failed.
"""


class Observer(Protocol):
    """Hears of every batch, in the thread that ran it and after its requests were answered."""

    def ran(self, batch: "Batch", ended: float, pixels: "Pixels | None", error: Exception | None) -> None:
        """A batch is over.

        Args:
            batch: what ran.
            ended: seconds of the device's clock, as `batch.begun` is.
            pixels: uint8 [n, height, width, channels], with the padding; None if it failed. Not to be written to.
            error: why it failed.
        """
        ...


@dataclass
class Timing:
    """When a request's rows were asked for, first ran and were done, in seconds of the device's clock.

    `link` is whatever names the request to an `Observer`, and is found in the `links` of its work.
    """

    link: Any = None
    asked: float = 0.0
    begun: float = 0.0
    done: float = 0.0

    def note(self, work: Work, asked: float, now: float) -> None:
        """Take the times of a work that is answered, failed or given up now; rows may have run before they were asked
        for, where somebody else has asked for the same."""
        self.asked = asked
        self.begun = max(asked, now if work.begun is None else work.begun)
        self.done = max(self.begun, now if work.ended is None else work.ended)
