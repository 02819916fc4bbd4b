"""Who is let in: over the whole application, with keys on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bundle.store import Store
from service.access.cli import lines_of
from service.access.gate import token_of
from service.access.keys import SCOPES, Key, hash_of
from service.access.scopes import OPEN, needed
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import until

Check = Any


def key_lines(token: str, *scopes: str, **more: object) -> str:
    return lines_of(Key.model_validate({"name": token, "sha256": hash_of(token), "scopes": scopes} | more))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file with a key for each scope, whose token is the scope; `all` has all, `old` has ended."""
    path = tmp_path / "keys.toml"
    ended = datetime.now(UTC) - timedelta(seconds=1)
    path.write_text(
        "".join(key_lines(scope, scope) for scope in SCOPES)
        + key_lines("all", *SCOPES)
        + key_lines("old", *SCOPES, expires=ended)
    )
    path.chmod(0o600)
    return path


@pytest.fixture
async def locked(serve: Serve, tiny_store: Store, keys: Path) -> AsyncIterator[Service]:
    async with serve(tiny_store, keys=str(keys), poll=0.05) as running:
        yield running


PATHS = ["/generate?seed=7", "/images/7.png", "/models", "/v1/models", "/v2/models/tiny", "/metrics", "/page/api.js",
         "/swagger/swagger-ui.css", "/problems/unauthorized", *OPEN]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_opens_the_paths_of_its_scopes_alone(locked: Service, path: str) -> None:
    wanted = needed(path.partition("?")[0])
    for token in (*SCOPES, "all", "old", "unknown", ""):
        answer = await locked.client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
        allowed = wanted is None or token in (wanted, "all")
        refused = 403 if token in SCOPES else 401
        assert answer.status_code == (200 if allowed else refused), token


@pytest.mark.parametrize("query", ["seed=7", "seed=7&model=tiny&version=1"])
async def test_no_shared_cache_keeps_what_a_key_opened(locked: Service, query: str) -> None:
    answer = await locked.client.get(f"/generate?{query}", headers={"Authorization": "Bearer generate"})
    assert answer.headers["cache-control"].startswith("private, ")
    again = {"Authorization": "Bearer generate", "If-None-Match": answer.headers["etag"]}
    unchanged = await locked.client.get(f"/generate?{query}", headers=again)
    assert (unchanged.status_code, unchanged.headers["cache-control"]) == (304, answer.headers["cache-control"])
    opened = await locked.client.get("/page/api.js")
    assert opened.headers["cache-control"].startswith("public") or "private" not in opened.headers["cache-control"]


async def test_a_request_without_a_key_is_told_how_to_send_one(locked: Service, problem: Check) -> None:
    answer = await locked.client.get("/generate")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="figment"'
    assert "`Authorization: Bearer KEY`" in problem(answer, "unauthorized")["detail"]


@pytest.mark.parametrize(
    ("token", "detail"), [("unknown", "there is no such key"), ("old", "the key 'old' ended on 20")]
)
async def test_a_key_that_does_not_hold_is_told_why(locked: Service, problem: Check, token: str, detail: str) -> None:
    answer = await locked.client.get("/generate", headers={"X-Api-Key": token})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="figment", error="invalid_token"'
    assert problem(answer, "unauthorized")["detail"].startswith(detail)


async def test_a_key_without_the_scope_is_told_which_it_needs(locked: Service, problem: Check) -> None:
    answer = await locked.client.post("/project", headers={"Authorization": "bearer generate"}, content=b"not read")
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].endswith('error="insufficient_scope", scope="project"')
    assert problem(answer, "forbidden")["detail"] == "the key 'generate' has the scope generate; project is needed"


@pytest.mark.parametrize("path", ["/v1/models", "/v2/models/tiny", "/v1/models/tiny/metadata"])
async def test_other_protocols_are_refused_in_their_shapes(locked: Service, path: str) -> None:
    answer = await locked.client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/json")
    error = answer.json()["error"]
    assert "a key is needed" in (error["message"] if isinstance(error, dict) else error)


async def test_head_needs_a_key_as_get_does(locked: Service) -> None:
    assert (await locked.client.head("/generate")).status_code == 401
    assert (await locked.client.head("/generate?seed=7", headers={"X-Api-Key": "all"})).status_code == 200


async def test_nothing_is_done_for_who_has_no_key(locked: Service) -> None:
    await locked.client.post("/generate", json={"n": 16})
    assert locked.engines["tiny"].batches == []
    metrics = await locked.client.get("/metrics", headers={"X-Api-Key": "all"})
    assert 'figment_refused_total{reason="unauthorized"} 1.0' in metrics.text


async def test_keys_are_changed_without_a_restart(locked: Service, keys: Path) -> None:
    header = {"X-Api-Key": "new"}
    assert (await locked.client.get("/models", headers=header)).status_code == 401
    keys.write_text(key_lines("new", "generate"))  # noqa: ASYNC240
    ring = next(m.kwargs["ring"] for m in locked.app.user_middleware if "ring" in m.kwargs)
    await until(lambda: [key.name for key in ring.keys] == ["new"])
    assert (await locked.client.get("/models", headers=header)).status_code == 200
    assert (await locked.client.get("/models", headers={"X-Api-Key": "all"})).status_code == 401


async def test_the_description_says_who_may_ask(locked: Service, service: Service) -> None:
    document = locked.app.openapi()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation.get("security") == ([] if needed(path) is None else None), path
    assert {"401", "403", "429"} <= set(document["paths"]["/generate"]["get"]["responses"])
    assert "401" not in document["paths"]["/livez"]["get"]["responses"]
    free = service.app.openapi()
    assert (free["security"], "securitySchemes" in free["components"]) == ([], False)
    assert not {"401", "403", "429"} & set(free["paths"]["/generate"]["get"]["responses"])


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([], ""),
        ([("authorization", "Bearer a")], "a"),
        ([("authorization", "bEARER   a ")], "a"),
        ([("authorization", "Basic a")], ""),
        ([("authorization", "Bearer")], ""),
        ([("authorization", "a")], ""),
        ([("x-api-key", "a")], "a"),
        ([("x-api-key", "a"), ("authorization", "Bearer a")], "a"),
        ([("x-api-key", "a"), ("authorization", "Bearer b")], ""),
        ([("x-api-key", "a"), ("x-api-key", "b")], ""),
        ([("x-api-key", "\xff")], "\xff"),
        ([("cookie", "key=a")], ""),
    ],
)
def test_the_token_of_a_request(headers: list[tuple[str, str]], token: str) -> None:
    assert token_of([(name.encode(), value.encode("latin-1")) for name, value in headers]) == token
