"""What is counted and measured as it happens. What is so at the moment of reading is in `collector`."""

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

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
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "figment_requests", "Requests by route, method and status.", ["route", "method", "status"],
            registry=registry,
        )  # fmt: skip
        self.in_progress = Gauge("figment_requests_in_progress", "Requests that are not answered yet.",
                                 registry=registry)  # fmt: skip
        self.seconds = Histogram(
            "figment_request_seconds", "Seconds from a request's head to the end of its answer.", ["route", "outcome"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.stages = Histogram(
            "figment_stage_seconds", "Seconds of a request in a stage: queue, inference, encode, write.",
            ["stage", "outcome"], buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.images = Counter("figment_images", "Images in answers.", ["model"], registry=registry)
        self.problems = Counter("figment_problems", "Answers that were problems, by kind.", ["kind"], registry=registry)
        self.refused = Counter("figment_refused", "Requests that were refused, by reason.", ["reason"],
                               registry=registry)  # fmt: skip
        self.cancelled = Counter("figment_cancelled", "Requests that were given up, by reason.", ["reason"],
                                 registry=registry)  # fmt: skip
        for cause in CAUSES:
            self.refused.labels(cause)
        for reason in CANCELLED.values():
            self.cancelled.labels(reason)
        self._batches(registry)
        self._pictures(registry)
        names = [name.replace("-", "_") for name in ("python", *BUILD)]
        build = Gauge("figment_build_info", "Versions; always 1.", names, registry=registry)
        build.labels(platform.python_version(), *map(_installed, BUILD)).set(1)
        ProcessCollector(registry=registry)
        self._requests, self._seconds = Children(self.requests.labels), Children(self.seconds.labels)
        self._stages, self._images = Children(self.stages.labels), Children(self.images.labels)

    def _batches(self, registry: CollectorRegistry) -> None:
        self.batches = Counter(
            "figment_batches", "Batches by why they were released: lone, drained, full, hurried, retry.",
            ["model", "release"], registry=registry,
        )  # fmt: skip
        self.batch_failures = Counter("figment_batch_failures", "Batches that failed.", ["model"], registry=registry)
        self.batch_seconds = Histogram("figment_batch_seconds", "Seconds that batches ran.", ["model"],
                                       buckets=SECONDS, registry=registry)  # fmt: skip
        self.batch_fill = Histogram("figment_batch_fill_ratio", "Rows of a batch that were asked for, of its size.",
                                    ["model"], buckets=SHARES, registry=registry)  # fmt: skip
        self.rows = Counter("figment_batch_rows", "Rows of batches that were asked for.", ["model"], registry=registry)
        self.padding = Counter("figment_batch_padding_rows", "Rows of batches that nobody asked for.", ["model"],
                               registry=registry)  # fmt: skip

    def _pictures(self, registry: CollectorRegistry) -> None:
        self.saturation = Histogram(
            "figment_image_saturation_ratio", "Numbers of a sampled batch's pixels that are 0 or 255, of all.",
            ["model"], buckets=SHARES, registry=registry,
        )  # fmt: skip
        self.diversity = Histogram(
            "figment_image_diversity", "Standard deviation of a pixel over a sampled batch's images, on average.",
            ["model"], buckets=DEVIATIONS, registry=registry,
        )  # fmt: skip

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
        self._requests[route, method if method in METHODS else "other", str(status)].inc()
        self._seconds[route, outcome].observe(seconds)
        for stage, taken in account.stages.items():
            self._stages[stage, outcome].observe(taken)
        if outcome == "ok":
            if account.images:
                self._images[(account.model,)].inc(account.images)
            return
        if account.problem:
            self.problems.labels(account.problem).inc()
        if outcome == "refused":
            self.refused.labels(account.cause or account.problem or str(status)).inc()
        elif outcome in CANCELLED:
            self.cancelled.labels(CANCELLED[outcome]).inc()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
