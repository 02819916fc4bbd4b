"""Replicas behind a balancer, simulated: the service's own `Schedule`, with a clock that is counted, not waited for.

A batch is as much work as it was measured to take, and as the HTTP of its requests takes; batches that run at the same
time share their machine. So nothing here is random but when requests arrive, and that has a seed.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.sampling import percentile
from service.engine.plan import Plan
from service.engine.protocol import BatchSize
from service.engine.schedule import Batch, Lane, QueueFull, Schedule

ROWS = 1024
"""FIGMENT_QUEUE."""
IN_FLIGHT = 2
"""FIGMENT_IN_FLIGHT."""
LESS = 1e-12
"""Seconds of work that are none: what rounding leaves."""


class Costs(NamedTuple):
    """A machine's seconds: of batches by their size, of a request's HTTP and encoding, beside what batches take."""

    sizes: tuple[BatchSize, ...]
    request: float

    def capacity(self, n: int) -> float:
        """Requests a second of n images that one replica answers, if it never waits."""
        bulk = Plan(self.sizes).bulk
        return 1.0 / (n * bulk.seconds / bulk.rows + self.request)


@dataclass
class Outcome:
    """What became of the requests: seconds of those that were answered, how many were refused."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    outstanding: float = 0.0
    """Requests at a replica, in the mean over the arrivals."""

    def percentile(self, share: float) -> float:
        """The latency that a share of the answers stay below, in seconds."""
        return percentile(self.latencies, share)


class Replica:
    """One process with one device."""

    def __init__(self, costs: Costs) -> None:
        self._costs, self._schedule = costs, Schedule(IN_FLIGHT)
        self._lane = Lane(None, Plan(costs.sizes), ROWS)  # type: ignore[arg-type]  # nothing is drawn
        self._schedule.lanes.append(self._lane)
        self._left: dict[Batch, float] = {}
        self._then = 0.0
        self.outstanding = 0

    def arrive(self, latents: NDArray[np.float32], deadline: float, now: float) -> None:
        """A request comes.

        Raises:
            QueueFull: it is refused.
        """
        self._advance(now)
        self._schedule.add(self._lane, latents, deadline, now, now)
        self.outstanding += 1
        self._begin(now)

    def end(self, now: float) -> Iterator[float]:
        """A batch is done; yields the seconds that each answered request took."""
        self._advance(now)
        for batch in [batch for batch, left in self._left.items() if left <= LESS]:
            del self._left[batch]
            for work in self._schedule.finish(batch, np.zeros((batch.size.run, 1), np.uint8), now):
                self._schedule.leave(work)
                self.outstanding -= 1
                yield now - work.waiter
        self._begin(now)

    @property
    def next_end(self) -> float:
        """When the next batch is done, if nothing comes before."""
        return self._then + min(self._left.values()) * len(self._left) if self._left else float("inf")

    def _advance(self, now: float) -> None:
        for batch in self._left:
            self._left[batch] = max(0.0, self._left[batch] - (now - self._then) / len(self._left))
        self._then = now

    def _begin(self, now: float) -> None:
        while len(self._left) < IN_FLIGHT and (batch := self._schedule.take(now)):
            requests = sum(rows / len(work.latents) for work, _, rows in batch.slices)
            self._left[batch] = batch.size.seconds + requests * self._costs.request


def simulate(
    costs: Costs, replicas: int, arrivals: Iterable[float], n: int, deadline: float, warm: float = 0.0
) -> Outcome:
    """Requests for n images each, at some times, ascending; each goes to the replica that has fewest.

    Args:
        costs: of every replica.
        replicas: how many.
        arrivals: seconds.
        n: images.
        deadline: seconds, as FIGMENT_DEADLINE.
        warm: requests that come before do not count.
    """
    machines, outcome = [Replica(costs) for _ in range(replicas)], Outcome()
    ends: list[tuple[float, int]] = []
    at_arrival: list[float] = []

    def finish(until: float) -> None:
        while ends and ends[0][0] <= until:
            now, which = heapq.heappop(ends)
            machine = machines[which]
            if machine.next_end != now:  # it was put off, and is in the heap again
                continue
            outcome.latencies += [seconds for seconds in machine.end(now) if now - seconds >= warm]
            heapq.heappush(ends, (machine.next_end, which))

    for number, now in enumerate(arrivals):
        finish(now)
        which = min(range(replicas), key=lambda i: (machines[i].outstanding, (i + number) % replicas))
        at_arrival.append(machines[which].outstanding)
        try:
            machines[which].arrive(np.full((n, 1), number, np.float32), deadline, now)
        except QueueFull:
            outcome.refused += now >= warm
        heapq.heappush(ends, (machines[which].next_end, which))
    finish(1e300)
    outcome.outstanding = float(np.mean(at_arrival))
    return outcome


def poisson(rate: float, requests: int, seed: int) -> Iterator[float]:
    """So many arrivals at random, `rate` a second in the mean."""
    yield from np.cumsum(np.random.RandomState(seed).exponential(1.0 / rate, requests)).tolist()


def regular(rate: float, requests: int) -> Iterator[float]:
    """So many arrivals, each as long after the one before."""
    yield from (number / rate for number in range(requests))
