"""Traces, where FIGMENT_TRACES names a collector. OpenTelemetry is imported here alone, and only then."""

import time
from typing import TYPE_CHECKING, Any, Final

from asgi_correlation_id import correlation_id
from starlette.types import Scope

from service.engine.lane import Batch
from service.observability.account import Account

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanContext

TIMEOUT: Final = 5.0
"""Seconds for one message to the collector: a stop must not wait longer for one that is gone."""
MAX_LINKS: Final = 128
"""Requests that a batch's span links to: as many as OpenTelemetry keeps by default."""


class TracesUnavailable(Exception):
    """FIGMENT_TRACES is set, and OpenTelemetry is not installed."""


def open_traces(url: str) -> "Traces | None":
    """What sends traces to a collector's address for OTLP over HTTP; None if the address is empty.

    The variables OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS do
    what OpenTelemetry says of them.

    Raises:
        TracesUnavailable: the packages are missing.
    """
    if not url:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        message = f"FIGMENT_TRACES={url} needs the packages of requirements/otel.txt: {error}"
        raise TracesUnavailable(message) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "figment"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=TIMEOUT)))
    return Traces(provider)


class Traces:
    """Makes spans: one of each request with its stages below it, and one of each batch, linked to its requests."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self.tracer = provider.get_tracer("figment")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, scope: Scope, account: Account) -> "TracedRequest":
        """The span of a request, below that of its client where `traceparent` names one (W3C Trace Context)."""
        from opentelemetry.trace import SpanKind

        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        context, moment = self._propagator.extract(carrier), Moments()
        span = self.tracer.start_span(scope["method"], context, SpanKind.SERVER, start_time=moment(account.begun))
        account.link = span.get_span_context() if span.is_recording() else None
        return TracedRequest(self, span, moment)

    def batch(self, batch: Batch, ended: float, error: Exception | None) -> None:
        """The span of a batch; a trace of its own, since it belongs to several requests."""
        from opentelemetry.context import Context
        from opentelemetry.trace import Link

        contexts: dict[int, SpanContext] = {
            link.span_id: link for work, _, _ in batch.slices for link in work.links
        }  # in their order, each once
        if not contexts:
            return
        links = [Link(context) for context in list(contexts.values())[:MAX_LINKS]]
        about: dict[str, Any] = {"figment.model": batch.lane.label, "figment.rows": batch.rows,
                                 "figment.size": batch.size.run, "figment.release": batch.release}  # fmt: skip
        moment = Moments()
        span = self.tracer.start_span("batch", Context(), attributes=about, links=links, start_time=moment(batch.begun))
        if error is not None:
            fail(span, str(error))
        span.end(moment(ended))

    def close(self) -> None:
        """Send what is left, and end the thread; it takes up to `TIMEOUT` seconds."""
        self._provider.shutdown()


class Moments:
    """Times of the monotonic clock as OpenTelemetry has them, as the wall clock was set when this was made: for one
    request or batch, so that its spans lie within each other, and no later one is off when the clock is set."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def __call__(self, seconds: float) -> int:
        """Nanoseconds since 1970."""
        return int(1e9 * seconds) + self._offset


class TracedRequest:
    """The span of a request."""

    def __init__(self, traces: Traces, span: "Span", moment: Moments) -> None:
        self._traces, self._span, self._moment = traces, span, moment

    def finish(self, name: str, status: int, account: Account) -> None:
        """End it, with its stages below it."""
        from opentelemetry.trace import set_span_in_context

        span, moment = self._span, self._moment
        if not span.is_recording():
            return
        span.update_name(name)
        method, _, route = name.partition(" ")
        about: dict[str, Any] = {"http.request.method": method, "http.route": route}
        about |= {"http.response.status_code": status, "figment.outcome": account.outcome(status)}
        about |= {"figment.request_id": correlation_id.get(None) or ""}
        if account.images:
            about |= {"figment.images": account.images, "figment.model": f"{account.model}/{account.version}"}
        span.set_attributes(about)
        now, context = time.monotonic(), set_span_in_context(span)
        written = now - account.stages.get("write", 0.0)
        for stage, begun, ended in [*account.parts, ("write", written, now)]:
            self._traces.tracer.start_span(stage, context, start_time=moment(begun)).end(moment(ended))
        if account.outcome(status) == "failed":
            fail(span, account.problem)
        span.end(moment(now))


def fail(span: "Span", reason: str) -> None:
    """Mark a span as failed."""
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, reason))
