"""Spans, with OpenTelemetry's own exporter in memory, and sent to a receiver on this machine."""

import asyncio
import gzip
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from bundle.store import Store
from service.engine.protocol import EngineError
from service.observability.tracing import Moments, Traces, TracesUnavailable, open_traces
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import PATIENCE, until

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What the service sends its spans to."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("service.app.open_traces", lambda url: Traces(provider))
    return exporter


@pytest.fixture
async def traced(exporter: InMemorySpanExporter, serve: Serve, tiny_store: Store) -> AsyncIterator[Service]:
    async with serve(tiny_store) as service:
        yield service


async def spans(exporter: InMemorySpanExporter, batches: int) -> dict[str, list[ReadableSpan]]:
    """All spans by their names, once there are so many of batches, which end in a thread of their own."""

    def found() -> dict[str, list[ReadableSpan]]:
        by_name: dict[str, list[ReadableSpan]] = {}
        for span in exporter.get_finished_spans():
            by_name.setdefault(span.name, []).append(span)
        return by_name

    await until(lambda: len(found().get("batch", [])) == batches)
    return found()


async def test_a_request_is_a_span_below_its_clients_with_its_stages_and_its_batch(
    traced: Service, exporter: InMemorySpanExporter
) -> None:
    await traced.client.get("/generate?n=2&seed=7", headers={"traceparent": PARENT, "X-Request-Id": "mine-7"})
    found = await spans(exporter, 1)
    (root,), (batch,) = found["GET /generate"], found["batch"]
    assert root.kind == SpanKind.SERVER
    assert root.parent is not None
    assert f"{root.parent.trace_id:032x}-{root.parent.span_id:016x}" == PARENT[3:-3]
    assert root.attributes == {
        "http.request.method": "GET", "http.route": "/generate", "http.response.status_code": 200,
        "figment.outcome": "ok", "figment.request_id": "mine-7", "figment.images": 2, "figment.model": "tiny/1",
    }  # fmt: skip
    for stage in ("queue", "inference", "encode", "write"):
        (span,) = found[stage]
        assert span.parent is not None
        assert span.parent.span_id == root.context.span_id
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time
    assert batch.parent is None
    assert [link.context for link in batch.links] == [root.context]
    assert batch.attributes is not None
    assert (batch.attributes["figment.rows"], batch.attributes["figment.release"]) == (2, "lone")


async def test_a_batch_is_linked_to_every_request_in_it(traced: Service, exporter: InMemorySpanExporter) -> None:
    engine = traced.engines["tiny"]
    engine.gate.clear()
    tasks = [asyncio.create_task(traced.client.get("/generate?seed=1"))]
    await engine.begun()
    tasks += [asyncio.create_task(traced.client.get(f"/generate?seed={seed}")) for seed in (2, 3, 3)]
    await until(lambda: traced.app.state.metrics.registry.get_sample_value("figment_requests_in_progress") == 4)
    await until(lambda: traced.catalogue.models["tiny"].batcher.waiting_rows == 2)
    await asyncio.sleep(0.01)  # for the one that shares the rows of another
    engine.gate.set()
    await asyncio.gather(*tasks)
    found = await spans(exporter, 2)
    roots = {span.context.span_id for span in found["GET /generate"]}
    links = [{link.context.span_id for link in batch.links} for batch in found["batch"]]
    assert sorted(map(len, links)) == [1, 3]
    assert set.union(*links) == roots


async def test_a_failure_marks_the_spans(traced: Service, exporter: InMemorySpanExporter) -> None:
    traced.engines["tiny"].failures.append(EngineError("burst"))
    assert (await traced.client.get("/generate?seed=1")).status_code == 500
    found = await spans(exporter, 1)
    for name in ("GET /generate", "batch"):
        (span,) = found[name]
        assert span.status.status_code == StatusCode.ERROR


@pytest.mark.parametrize("parent", ["", "00-xyz-1-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff" * 300])
async def test_a_parent_that_is_none_begins_a_trace(
    traced: Service, exporter: InMemorySpanExporter, parent: str
) -> None:
    answer = await traced.client.get("/livez", headers=[(b"traceparent", parent.encode("latin-1"))])
    assert answer.status_code == 200
    (span,) = exporter.get_finished_spans()[-1:]
    assert span.name == "write" or span.parent is None


async def test_a_client_that_does_not_want_to_be_followed_is_not(
    traced: Service, exporter: InMemorySpanExporter
) -> None:
    await traced.client.get("/generate?seed=1", headers={"traceparent": PARENT[:-1] + "0"})
    assert exporter.get_finished_spans() == ()


def test_without_an_address_there_are_none() -> None:
    assert open_traces("") is None


def test_without_the_packages_the_service_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(TracesUnavailable, match=r"FIGMENT_TRACES=http://c:1/v1/traces needs .* requirements/otel.txt"):
        open_traces("http://c:1/v1/traces")


class Receiver(HTTPServer):
    """Takes traces as OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[ExportTraceServiceRequest] = []


class Handler(BaseHTTPRequestHandler):
    """Reads what an exporter sends."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        self.server.received.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(PATIENCE)


async def test_spans_are_sent_to_the_collector_at_the_latest_when_the_service_stops(
    serve: Serve, tiny_store: Store, receiver: Receiver
) -> None:
    async with serve(tiny_store, traces=f"http://127.0.0.1:{receiver.server_port}/v1/traces") as service:
        await service.client.get("/generate?seed=7")
        await until(lambda: service.app.state.metrics.registry.get_sample_value(
            "figment_batches_total", {"model": "tiny", "release": "lone"}) == 1.0)  # fmt: skip
    groups = [group for message in receiver.received for group in message.resource_spans]
    names = {span.name for group in groups for scope in group.scope_spans for span in scope.spans}
    assert names >= {"GET /generate", "queue", "inference", "encode", "write"}
    service_names = {a.value.string_value for g in groups for a in g.resource.attributes if a.key == "service.name"}
    assert service_names == {"figment"}


async def test_a_collector_that_is_gone_harms_nobody(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, traces="http://127.0.0.1:9/v1/traces") as service:
        assert (await service.client.get("/generate?seed=7")).status_code == 200


def test_who_sets_the_clock_moves_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    early, real = Moments(), time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 86_400 * 10**9)
    late = Moments()
    assert early(2.0) - early(1.0) == late(2.0) - late(1.0) == 10**9
    assert abs(late(1.0) - early(1.0) - 86_400 * 10**9) < 60 * 10**9
