import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from service.engine.protocol import EngineError
from service.observability.account import Account
from service.observability.middleware import UNKNOWN, server_timing
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import until

Publish = Callable[..., Any]
DURATION = r"\d+\.\d\d"


def registry(service: Service) -> CollectorRegistry:
    found: CollectorRegistry = service.app.state.metrics.registry
    return found


def count(service: Service, name: str, **labels: str) -> float:
    return registry(service).get_sample_value(name, labels) or 0.0


def requests(service: Service, route: str, status: int, method: str = "GET") -> float:
    return count(service, "figment_requests_total", route=route, method=method, status=str(status))


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/generate?n=2&seed=7", "/generate", 200),
        ("HEAD", "/generate?n=2&seed=7", "/generate", 200),
        ("GET", "/images/ada.png", "/images/{seed}.{ending}", 200),
        ("GET", "/images/z:AAAA.png", "/images/{seed}.{ending}", 422),
        ("GET", "/generate.webp", "/generate.{ending}", 200),
        ("GET", "/generate?n=0", "/generate", 422),
        ("GET", "/generate?model=other", "/generate", 404),
        ("DELETE", "/generate", "/generate", 405),
        ("GET", "/livez", "/livez", 200),
        ("GET", "/", "/", 200),
        ("GET", "/page/page.js", "/page/{file}", 200),
        ("GET", "/page/nothing", "/page/{file}", 404),
        ("GET", "/problems/overloaded", "/problems/{kind}", 200),
        ("GET", "/wp-admin/1", UNKNOWN, 404),
        ("GET", "/v2/models/tiny/infer", "/v2/models/{name}/infer", 405),
        ("GET", "/openapi.json", "/openapi.json", 200),
    ],
)
async def test_requests_are_counted_by_the_template_of_their_route(
    service: Service, method: str, path: str, route: str, status: int
) -> None:
    assert (await service.client.request(method, path)).status_code == status
    assert requests(service, route, status, method) == 1.0


async def test_paths_that_clients_invent_are_one_label(service: Service) -> None:
    for i in range(30):
        await service.client.get(f"/nothing/{i}")
        await service.client.request(f"METHOD{i}", "/generate")
    families = list(registry(service).collect())
    samples = [s.labels for f in families for s in f.samples if s.name == "figment_requests_total"]
    assert {labels["route"] for labels in samples} == {UNKNOWN, "/generate"}
    assert {labels["method"] for labels in samples} == {"GET", "other"}


async def test_a_picture_tells_where_its_time_went(service: Service) -> None:
    answer = await service.client.get("/generate?n=3&seed=7")
    timing = answer.headers["Server-Timing"]
    pattern = f"queue;dur={DURATION}, inference;dur={DURATION}, encode;dur={DURATION}, total;dur={DURATION}"
    assert re.fullmatch(pattern, timing), timing
    spent = {part.split(";dur=")[0]: float(part.split("=")[1]) for part in timing.split(", ")}
    assert spent["queue"] + spent["inference"] + spent["encode"] <= spent["total"] + 0.04  # each is rounded
    assert count(service, "figment_images_total", model="tiny") == 3.0
    for stage in ("queue", "inference", "encode", "write"):
        assert count(service, "figment_stage_seconds_count", stage=stage, outcome="ok") == 1.0, stage


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/interpolate.gif?seeds=1,2&frames=3", None),
        ("/variations?seed=7&format=zip", None),
        ("/mix?seeds=1,2&format=json", None),
        ("/v1/images/generations", {"prompt": "a"}),
        ("/v1/models/tiny:predict", {"instances": [[0.5] * 16]}),
        ("/v2/models/tiny/infer", {"inputs": [{"name": "seeds", "shape": [2], "datatype": "INT64", "data": [1, 2]}]}),
    ],
)
async def test_walks_and_other_peoples_protocols_tell_it_too(service: Service, path: str, body: object) -> None:
    answer = await service.client.request("POST" if body else "GET", path, json=body)
    assert answer.status_code == 200
    parts = [part.partition(";")[0] for part in answer.headers["Server-Timing"].split(", ")]
    assert parts == ["queue", "inference", "encode", "total"]
    assert count(service, "figment_images_total", model="tiny") >= 1.0


@pytest.mark.parametrize("path", ["/livez", "/models", "/", "/generate?n=0"])
async def test_other_answers_do_not(client: httpx.AsyncClient, path: str) -> None:
    assert "Server-Timing" not in (await client.get(path)).headers


def test_server_timing_leaves_out_what_is_not_over() -> None:
    account = Account(begun=0.0, stages={"encode": 0.25, "write": 3.0})
    assert server_timing(account).startswith("encode;dur=250.00, total;dur=")


async def test_an_id_that_a_client_sends_comes_back_with_every_answer(service: Service, serve: Serve) -> None:
    client, mine = service.client, {"X-Request-Id": "mine-7"}
    etag = (await client.get("/generate?seed=7")).headers["ETag"]
    for path, headers, status in [
        ("/generate?seed=7", {}, 200), ("/generate?seed=7", {"If-None-Match": etag}, 304), ("/generate?n=0", {}, 422),
        ("/nothing", {}, 404), ("/livez", {}, 200), ("/v1/models/none", {}, 404), ("/", {}, 200),
    ]:  # fmt: skip
        answer = await client.get(path, headers=mine | headers)
        assert (answer.status_code, answer.headers.get_list("X-Request-Id")) == (status, ["mine-7"]), path
    events = await client.post("/project?steps=1", content=(await client.get("/generate?seed=7")).content,
                               headers=mine | {"Accept": "text/event-stream"})  # fmt: skip
    assert events.headers["Content-Type"].startswith("text/event-stream")
    assert events.headers.get_list("X-Request-Id") == ["mine-7"]


async def test_an_error_that_nobody_foresaw_has_an_id_and_is_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def burst(*_: object) -> None:
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr("service.engine.batcher.Batcher.generate", burst)
    answer = await service.client.get("/generate", headers={"X-Request-Id": "mine-7"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "mine-7")
    assert requests(service, "/generate", 500) == 1.0
    assert count(service, "figment_problems_total", kind="internal") == 1.0


@pytest.mark.parametrize("sent", [None, "", "a b", "x" * 200, "<script>", 'a"b'])
async def test_another_one_is_not_taken(client: httpx.AsyncClient, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-Id": sent}
    first = (await client.get("/livez", headers=headers)).headers["X-Request-Id"]
    second = (await client.get("/livez", headers=headers)).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


async def test_a_client_that_hangs_up_is_counted_with_what_it_waited_for(service: Service) -> None:
    engine, gone = service.engines["tiny"], asyncio.Event()
    engine.gate.clear()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        """Nobody is there."""

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
             "method": "GET", "path": "/generate", "raw_path": b"/generate", "query_string": b"seed=1",
             "headers": [(b"host", b"figment")], "server": ("figment", 80), "client": None}  # fmt: skip
    asking = asyncio.create_task(service.app(scope, receive, send))
    await engine.begun()
    gone.set()
    await asking
    engine.gate.set()
    assert count(service, "figment_cancelled_total", reason="client-gone") == 1.0
    assert requests(service, "/generate", 499) == 1.0
    assert count(service, "figment_stage_seconds_count", stage="inference", outcome="hung-up") == 1.0
    assert count(service, "figment_images_total", model="tiny") == 0.0


async def test_a_deadline_is_counted_with_what_was_waited_for(serve: Serve, publish: Publish) -> None:
    publish("tiny")
    async with serve(deadline=0.2) as service:
        engine = service.engines["tiny"]
        engine.gate.clear()
        answer = await service.client.get("/generate?seed=1")
        assert answer.status_code == 504
        engine.gate.set()
        assert count(service, "figment_cancelled_total", reason="deadline") == 1.0
        assert count(service, "figment_stage_seconds_sum", stage="inference", outcome="timeout") > 0.05
        assert count(service, "figment_images_total", model="tiny") == 0.0


async def test_a_failed_batch_is_a_failed_request(service: Service) -> None:
    service.engines["tiny"].failures.append(EngineError("burst"))
    assert (await service.client.get("/generate?seed=1")).status_code == 500
    assert count(service, "figment_request_seconds_count", route="/generate", outcome="failed") == 1.0
    await until(lambda: count(service, "figment_batch_failures_total", model="tiny") == 1.0)
    for stage in ("queue", "inference"):
        assert count(service, "figment_stage_seconds_count", stage=stage, outcome="failed") == 1.0


async def test_refusals_are_counted_by_their_cause_also_before_they_are_routed(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    service.catalogue.models["tiny"].batcher._lane.slowdown = 1e6
    running = asyncio.create_task(service.client.get("/generate?seed=1"))  # an idle device takes any
    await engine.begun()
    for path in ("/generate?seed=2", "/images/7.png"):
        assert (await service.client.get(path)).status_code == 503
    assert count(service, "figment_refused_total", reason="deadline") == 2.0
    assert requests(service, "/images/{seed}.{ending}", 503) == 1.0
    engine.gate.set()
    await running


async def test_requests_that_run_are_told(service: Service) -> None:
    engine = service.engines["tiny"]
    engine.gate.clear()
    running = asyncio.create_task(service.client.get("/generate?seed=1"))
    await engine.begun()
    assert count(service, "figment_requests_in_progress") == 1.0
    engine.gate.set()
    await running
    assert count(service, "figment_requests_in_progress") == 0.0


async def test_the_line_of_a_request_has_no_query_and_no_header(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="figment.access"):
        await service.client.get("/generate?seed=hidden-seed&n=2", headers={"Authorization": "Bearer hidden-key"})
        await service.client.get("/nothing/hidden-path?hidden=1")
    lines = [record for record in caplog.records if record.name == "figment.access"]
    assert [(line.route, line.status) for line in lines] == [("/generate", 200), (UNKNOWN, 404)]  # type: ignore[attr-defined]
    assert (lines[0].images, lines[0].model) == (2, "tiny/1")  # type: ignore[attr-defined]
    assert "hidden" not in json.dumps([{k: str(v) for k, v in vars(line).items()} for line in lines])
