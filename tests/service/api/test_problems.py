import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.api.problems import TITLES, NotAcceptable, TooLarge, UnsupportedMedia, problem
from service.engine.protocol import EngineError
from tests.service.conftest import Serve, Service, lasting
from tests.service.fake_engine import FakeEngine, until

Check = Callable[[httpx.Response, str], dict[str, Any]]


@pytest.mark.parametrize("path", ["/nothing", "/generate/", "/images/7", "/models/tiny", "/%00"])
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "/problems/not-found"


METHODS = {
    "/generate": "GET, HEAD, POST",
    "/images/7.png": "GET, HEAD",
    "/interpolate": "GET, HEAD, POST",
    "/variations": "GET, HEAD, POST",
    "/mix?seeds=1,2": "GET, HEAD, POST",
    "/interpolate.gif": "GET, HEAD",
    "/models": "GET, HEAD",
    "/livez": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/problems/overloaded": "GET, HEAD",
}


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_a_method_that_is_not_allowed_is_a_problem_with_those_that_are(
    client: httpx.AsyncClient, problem: Check, path: str, method: str
) -> None:
    if method in METHODS[path]:
        return
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == METHODS[path]
    detail = problem(answer, "method-not-allowed")["detail"]
    assert METHODS[path] in detail
    assert method in detail


@pytest.mark.parametrize(
    "path",
    ["/generate?seed=7&n=4", "/images/7.png", "/interpolate?seeds=1,2", "/models", "/livez", "/readyz", "/nothing"],
)
async def test_head_answers_the_headers_of_get_and_no_body(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)
    assert head.content == b""
    assert (head.status_code, lasting(head)) == (get.status_code, lasting(get))
    assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.parametrize("name", ["other", "TINY", "tiny/1", "..", "\0", "🎨", "tiny "])
async def test_an_unknown_model_is_a_problem_with_those_there_are(
    client: httpx.AsyncClient, problem: Check, name: str
) -> None:
    for path in ("/generate", "/images/7.png", "/interpolate"):
        answer = await client.get(path, params={"model": name})
        assert answer.status_code == 404
        assert problem(answer, "unknown-model")["models"] == ["tiny"]


async def test_a_full_queue_says_when_to_come_again(serve: Serve, publish: Callable[..., Any], problem: Check) -> None:
    publish("tiny")
    async with serve(queue=64) as service:
        engine = service.engines["tiny"]
        engine.gate.clear()
        running = asyncio.create_task(service.client.get("/generate?n=1"))
        await engine.begun()
        waiting = asyncio.create_task(service.client.get("/generate?n=64"))
        batcher = service.catalogue.models["tiny"].batcher
        await until(lambda: batcher.waiting_rows == 64)
        answer = await service.client.get("/generate?n=1")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "too many images" in problem(answer, "overloaded")["detail"]
        engine.gate.set()
        assert {(await running).status_code, (await waiting).status_code} == {200}


async def test_a_late_answer_is_a_timeout_that_names_the_limit(
    serve: Serve, publish: Callable[..., Any], problem: Check
) -> None:
    publish("tiny")
    async with serve(deadline=0.05) as service:
        service.engines["tiny"].gate.clear()
        answer = await service.client.get("/generate")
        assert answer.status_code == 504
        assert "0.05 s" in problem(answer, "timeout")["detail"]
        assert service.catalogue.models["tiny"].batcher.waiting_rows == 0


@pytest.mark.parametrize("header", ["wait=0", "respond-async, wait=0", 'Wait="0"', "wait = 0 , return=minimal"])
async def test_a_client_may_prefer_to_wait_less(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Check, header: str
) -> None:
    engine.gate.clear()
    answer = await client.get("/generate", headers={"Prefer": header})
    assert answer.status_code == 504
    assert "not answered within 0 s" in problem(answer, "timeout")["detail"]


@pytest.mark.parametrize("header", ["wait=60", "wait=-1", "wait=soon", "await=0", "", "wait=1e9", "wait=99999999999"])
async def test_no_client_makes_the_service_wait_longer_and_other_preferences_are_passed_over(
    serve: Serve, publish: Callable[..., Any], header: str
) -> None:
    publish("tiny")
    async with serve(deadline=0.05) as service:
        service.engines["tiny"].gate.clear()
        answer = await service.client.get("/generate", headers={"Prefer": header})
        assert answer.status_code == 504
        assert "within 0.05 s" in answer.json()["detail"]


async def test_a_failed_batch_is_a_problem_and_the_next_request_works(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Check
) -> None:
    engine.failures.append(EngineError("the model burst"))
    answer = await client.get("/generate")
    assert answer.status_code == 500
    assert problem(answer, "inference-failed")["detail"] == "the model burst"
    assert (await client.get("/generate")).status_code == 200


async def test_an_error_of_our_own_is_told_without_its_text(
    service: Service, problem: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object) -> None:
        raise RuntimeError("/etc/secret")

    monkeypatch.setattr("service.api.pictures.make_grid", burst)
    answer = await service.client.get("/generate")
    assert answer.status_code == 500
    assert "secret" not in problem(answer, "internal")["detail"]


@pytest.mark.parametrize("kind", TITLES)
def test_every_problem_has_the_status_of_its_type(kind: str) -> None:
    answer = problem(kind, "why")
    assert (answer.status_code, answer.media_type) == (TITLES[kind][0], "application/problem+json")


RAISED: list[tuple[Exception, str, int, dict[str, object]]] = [
    (NotAcceptable(["image/png", "image/webp"]), "not-acceptable", 406, {"offered": ["image/png", "image/webp"]}),
    (TooLarge("the body has more than 5 bytes"), "too-large", 413, {}),
    (UnsupportedMedia("it is no picture", {"Accept-Encoding": "gzip"}), "unsupported-media", 415, {}),
]


@pytest.mark.parametrize(("error", "kind", "status", "more"), RAISED, ids=[kind for _, kind, _, _ in RAISED])
async def test_what_a_body_or_accept_may_raise_is_a_problem(
    service: Service,
    problem: Check,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: str,
    status: int,
    more: dict[str, object],
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("service.api.generate.find_labels", refuse)
    answer = await service.client.get("/generate")
    assert answer.status_code == status
    body = problem(answer, kind)
    assert body["detail"] == str(error)
    assert more.items() <= body.items()
    if isinstance(error, UnsupportedMedia):
        assert answer.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v2/nothing", 404), ("/v1/nothing", 404), ("/v1/models/tiny/nothing", 404), ("/v1/models", 405)],
)
async def test_below_other_protocols_paths_errors_have_their_shapes(
    client: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await client.post(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    error = answer.json()["error"]
    assert path in (error["message"] if isinstance(error, dict) else error)
