"""What runs next: the rows that wait for a device, in which order, and how long that takes. No threads and no clock.

Rows of several requests share a batch, and a large request is cut. A request's rank is the device's work so far plus
`PATIENCE` times its own, in seconds; the lowest rank is served first. So a small request passes a large one that came
before it and is in the next batch, equal ones are served in the order of their arrival, and a large one is passed
only until the device has worked `PATIENCE` times as long as it takes: nobody waits for ever (self-clocked fair
queueing: Golestani 1994). Requests for the same latents that are under way are computed once.
"""

import math
from typing import Any, Final, Literal

from service.engine.lane import SMALL, Batch, Lane, release_of
from service.engine.protocol import Latents, Pixels
from service.engine.work import Work

PATIENCE: Final = 16.0
"""How many times its own work a request lets others pass that came later and are smaller."""
LEARNING: Final = 0.3
"""How much the last batch counts in the estimate of the slowdown."""
SHORTEST: Final = 1e-4
"""Seconds: a measured time below it says nothing about a later one."""
SLOWEST: Final = 10.0
"""One batch that took more times as long counts as that many: a pause of the machine is no slowdown."""
MARGIN: Final = 0.75
"""Of a deadline, what the estimated wait may be. Estimates err, and a line in which all wait for as long as they may at
most is the worst: half of them give up just before their turn, and what they waited for is nobody's."""


Cause = Literal["queue-full", "deadline", "searches"]
"""Why a request is refused."""


class QueueFull(Exception):
    """The request cannot be taken; `retry_after` is when it could be, in whole seconds, at least 1.

    `cause` is why in a word: the queue is full, the deadline is too near, or as many searches wait as may.
    """

    def __init__(self, reason: str, wait: float, cause: Cause = "queue-full") -> None:
        self.retry_after, self.cause = max(1, math.ceil(wait)), cause
        super().__init__(f"{reason}; come again in about {self.retry_after} s")


class BatcherClosed(Exception):
    """The service is stopping, or the model is being unloaded."""


class Schedule:
    """The lanes of one device. `now` is the time in seconds, always of the same clock; calls come one at a time.

    Args:
        in_flight: batches that run at a time.
    """

    def __init__(self, in_flight: int = 1) -> None:
        self.in_flight = in_flight
        self.lanes: list[Lane] = []
        self.running: list[Batch] = []
        self._worked = 0.0
        self._number = 0

    def add(
        self,
        lane: Lane,
        latents: Latents,
        deadline: float,
        waiter: Any,  # noqa: ANN401
        now: float,
        link: Any = None,  # noqa: ANN401
    ) -> Work:
        """Queue rows, or join those for the same latents that are under way; `waiter` is kept with new ones.

        Args:
            lane: of the model.
            latents: float32 [n, latent_dim], n ≥ 1.
            deadline: seconds from now, after which nobody wants them.
            waiter: whatever the answer is for.
            now: the time.
            link: put into the `links` of the work, if it is not None.

        Raises:
            QueueFull: too many rows wait, or the answer would come after the deadline.
            BatcherClosed: the lane is closed.
        """
        key = latents.tobytes()
        if not lane.closed and (same := lane.flying.get(key)) is not None:
            if same.waiting:
                self._check_in_time(lane, same.waiting, deadline, now, same.rank, same.number - 1)
            same.callers += 1
            same.links += [] if link is None else [link]
            return same
        rank = self.admit(lane, len(latents), deadline, now)
        self._number += 1
        work = Work(lane, latents, key, rank, self._number, waiter, arrived=now, links=[] if link is None else [link])
        lane.flying[key] = work
        lane.line.add(work)
        return work

    def leave(self, work: Work) -> None:
        """One caller less: without any, the rows that are in no batch yet leave the queue."""
        work.callers -= 1
        if not work.callers:
            self._forget(work)

    def take(self, now: float) -> Batch | None:
        """The next batch, or None if nothing waits."""
        waiting = [lane for lane in self.lanes if lane.waiting]
        if not waiting:
            return None
        lane = min(waiting, key=lambda lane: lane.line.works[0])
        first = lane.line.works[0]
        together = [first] if first.alone else [work for work in lane.line.works if not work.alone]
        size = lane.plan.first(sum(work.waiting for work in together))
        small = sum(work.waiting for work in together if len(work.latents) <= max(SMALL, len(first.latents)))
        full = size
        if small < size.rows:  # the rest of it would be rows of larger requests that the first has passed
            size = lane.plan.hurried(small, size)
        slices = lane.line.take(together, size.rows)
        release = release_of(first.alone, size is not full, lane.waiting, len(together))
        batch = Batch(lane, size, tuple(slices), now, now + lane.slowdown * size.seconds, release)
        for work, _, _ in slices:
            work.begun = now if work.begun is None else work.begun
        self.running.append(batch)
        return batch

    def finish(self, batch: Batch, pixels: Pixels, now: float) -> list[Work]:
        """Give the works of a batch their rows; returns those that are complete."""
        self._end(batch, now)
        batch.lane.slowdown = smoothed_slowdown(batch.lane.slowdown, now - batch.begun, batch.size.seconds)
        place, complete = 0, []
        for work, start, count in batch.slices:
            work.parts[start] = pixels[place : place + count]
            place += count
            if work.error is None and work.complete:
                work.ended = now
                self._forget(work)
                complete.append(work)
        return complete

    def fail(self, batch: Batch, error: Exception, now: float) -> list[Work]:
        """A batch failed: a work that was alone in it has failed, several are tried again each by itself."""
        self._end(batch, now)
        works = list(dict.fromkeys(work for work, _, _ in batch.slices))
        if len(works) > 1:
            for work, start, count in batch.slices:
                self._again(work, start, count)
            return []
        if works[0].error is None:
            works[0].error, works[0].ended = error, now
            self._forget(works[0])
            return works
        return []

    def abandon(self, error: Exception) -> list[Work]:
        """All works have failed, because the schedule itself may be wrong; returns them."""
        self.running.clear()
        failed = [work for lane in self.lanes for work in lane.flying.values()]
        for work in failed:
            work.error = error
            self._forget(work)
        return failed

    def close(self, lane: Lane) -> None:
        """Take no more rows of a model; what waits is still run."""
        lane.closed = True

    @property
    def waiting(self) -> bool:
        """Whether any rows are in no batch yet."""
        return any(lane.waiting for lane in self.lanes)

    def ahead(self, now: float, rank: float = math.inf, number: float = math.inf) -> float:
        """The estimated seconds until rows of a rank are taken: what runs, and what is served before them."""
        waiting = sum(lane.seconds(lane.line.before(rank, number)) for lane in self.lanes)
        if not waiting and len(self.running) < self.in_flight:
            return 0.0
        return (waiting + sum(max(0.0, batch.due - now) for batch in self.running)) / self.in_flight

    def admit(self, lane: Lane, rows: int, deadline: float, now: float) -> float:
        """The rank of so many new rows; raises what `add` raises."""
        if lane.closed:
            raise BatcherClosed("the model is stopping")
        rank = self._worked + PATIENCE * lane.plan.seconds(rows)
        waiting, room = lane.waiting, lane.room(rows)
        if waiting and waiting + rows > room:
            wait = self.ahead(now) - lane.seconds(max(0, room - rows)) / self.in_flight
            raise QueueFull(
                f"too many images wait already: {waiting}, at most {room} may with those of this request", wait
            )
        self._check_in_time(lane, rows, deadline, now, rank)
        return rank

    def _check_in_time(
        self, lane: Lane, rows: int, deadline: float, now: float, rank: float, number: float = math.inf
    ) -> None:
        ahead, own = self.ahead(now, rank, number), lane.seconds(rows)
        if ahead:  # the last of the rows share a batch with others, and are answered when all of it is done
            before = lane.line.before(rank, number)
            last = min(before + rows, lane.plan.bulk.rows)
            ahead += (lane.seconds(before + rows - last) - lane.seconds(before)) / self.in_flight
            own = lane.seconds(last)
        if is_too_late(ahead, own, deadline):
            late = ahead + own - MARGIN * deadline
            raise QueueFull(
                f"the answer would take {ahead + own:.1f} s; of the {deadline:g} s it may take, "
                f"{MARGIN * deadline:.1f} s may be expected",
                late,
                "deadline",
            )

    def _end(self, batch: Batch, now: float) -> None:
        if batch in self.running:
            self.running.remove(batch)
        self._worked += batch.size.seconds

    def _again(self, work: Work, start: int, count: int) -> None:
        """Put rows of a batch that failed back, unless nobody wants them any more."""
        if work.error is not None or not work.callers:
            return
        work.alone = True
        work.lane.line.remove(work)
        work.put_back(start, count)
        work.lane.line.add(work)

    def _forget(self, work: Work) -> None:
        work.lane.line.remove(work)
        if work.lane.flying.get(work.key) is work:
            del work.lane.flying[work.key]


def smoothed_slowdown(before: float, taken: float, measured: float) -> float:
    """The new estimate of how many times longer than measured a batch takes, after one took `taken` seconds.

    A machine that is shared makes it grow, and one that was busier when it was measured makes it shrink.
    """
    return max(
        1.0 / SLOWEST,
        (1.0 - LEARNING) * before + LEARNING * min(max(taken, SHORTEST) / max(measured, SHORTEST), SLOWEST),
    )


def is_too_late(ahead: float, own: float, deadline: float) -> bool:
    """Whether a request is refused: `ahead` seconds until its turn, `own` to run it.

    It is if its answer is expected after `MARGIN` of its deadline. A device that has nothing else to do takes any.
    """
    return ahead > 0 and ahead + own > MARGIN * deadline
