"""What is counted and measured as it happens. What is so at the moment of reading is in `collector`."""

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from service.limits.refusals import REASONS
from service.observability.account import Account, Outcome

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms of times: from a PNG's encoding to a search for a picture."""
SHARES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Of those of shares."""
DEVIATIONS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Of those of standard deviations, of pixels 0 … 255."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
"""Others are one label: a client may invent as many as it likes."""
CAUSES: Final = ("queue-full", "deadline", "searches", "not-ready")
"""Reasons to refuse that are there from the start, so that the first one counts as an increase."""
CANCELLED: Final[Mapping[Outcome, str]] = {"hung-up": "client-gone", "timeout": "deadline"}
BUILD: Final = ("tensorflow-cpu", "tensorflow", "numpy", "pillow", "fastapi", "uvicorn")


T = TypeVar("T")


class Children(dict[tuple[str, ...], T]):
    """The children of an instrument by their labels' values: the library takes 3 µs to find one each time."""

    def __init__(self, make: Callable[..., T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, values: tuple[str, ...]) -> T:
        child = self[values] = self._make(*values)
        return child


class Metrics:
    """The instruments, in a registry of their own. Labels have few values: route templates, names of models, kinds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_progress = Gauge(
            "figment_requests_in_progress", "Requests that are not answered yet.", registry=self.registry
        )
        self.requests = self._counter("requests", "Requests.", "route", "method", "status")
        self.seconds = self._histogram(
            "request_seconds", "Seconds from a request's head to the end of its answer.", SECONDS, "route", "outcome"
        )
        self.stages = self._histogram(
            "stage_seconds", "Seconds of a request in: queue, inference, encode, write.", SECONDS, "stage", "outcome"
        )
        self.images = self._counter("images", "Images in answers.", "model")
        self.problems = self._counter("problems", "Answers that were problems.", "kind")
        self.refused = self._counter("refused", "Requests that were refused.", "reason")
        self.cancelled = self._counter("cancelled", "Requests that were given up.", "reason")
        self.batches = self._counter("batches", "Batches, by why they were released.", "model", "release")
        self.batch_failures = self._counter("batch_failures", "Batches that failed.", "model")
        self.batch_seconds = self._histogram("batch_seconds", "Seconds that batches ran.", SECONDS, "model")
        self.batch_fill = self._histogram(
            "batch_fill_ratio", "Rows of a batch that were asked for, of its size.", SHARES, "model"
        )
        self.rows = self._counter("batch_rows", "Rows of batches that were asked for.", "model")
        self.padding = self._counter("batch_padding_rows", "Rows of batches that nobody asked for.", "model")
        self.saturation = self._histogram(
            "image_saturation_ratio", "Numbers of a batch's pixels that are 0 or 255, of all.", SHARES, "model"
        )
        self.diversity = self._histogram(
            "image_diversity", "Standard deviation of a pixel over a batch, on average.", DEVIATIONS, "model"
        )
        for cause in (*CAUSES, *REASONS):
            self.refused[(cause,)].inc(0)
        for reason in CANCELLED.values():
            self.cancelled[(reason,)].inc(0)
        names = [name.replace("-", "_") for name in ("python", *BUILD)]
        build = Gauge("figment_build_info", "Versions; always 1.", names, registry=self.registry)
        build.labels(platform.python_version(), *map(_installed, BUILD)).set(1)
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Children[Counter]:
        return Children(Counter(f"figment_{name}", about, labels, registry=self.registry).labels)

    def _histogram(self, name: str, about: str, bounds: Sequence[float], *labels: str) -> Children[Histogram]:
        return Children(Histogram(f"figment_{name}", about, labels, buckets=bounds, registry=self.registry).labels)

    def record(self, route: str, method: str, status: int, seconds: float, account: Account) -> None:
        """Count a request that is over.

        Args:
            route: the template of its path.
            method: of HTTP.
            status: that was answered; 0 if nothing was.
            seconds: that it took.
            account: of it.
        """
        outcome = account.outcome(status)
        self.requests[route, method if method in METHODS else "other", str(status)].inc()
        self.seconds[route, outcome].observe(seconds)
        for stage, taken in account.stages.items():
            self.stages[stage, outcome].observe(taken)
        if outcome == "ok":
            if account.images:
                self.images[(account.model,)].inc(account.images)
            return
        if account.problem:
            self.problems[(account.problem,)].inc()
        if outcome == "refused":
            self.refused[(account.cause or account.problem or str(status),)].inc()
        elif outcome in CANCELLED:
            self.cancelled[(CANCELLED[outcome],)].inc()

    def refuse(self, reason: str) -> None:
        """Count a connection that was refused for one of `service.limits.refusals.REASONS`."""
        self.refused[(reason,)].inc()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
