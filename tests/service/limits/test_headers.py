"""Security headers on every answer, and CORS closed until it is opened."""

import pytest

from bundle.store import Store
from service.api.page import HEADERS as PAGE
from service.limits.headers import DOCS_POLICY, HEADERS
from tests.service.conftest import Serve, Service

OWN = {"/": PAGE, "/page/api.js": PAGE, "/docs": {"Content-Security-Policy": DOCS_POLICY}}
ORIGIN = {"Origin": "https://example.org"}


@pytest.mark.parametrize(
    "path",
    ["/images/7.png", "/generate?n=oh", "/nothing", "/models", "/livez", "/metrics", "/", "/page/api.js", "/docs",
     "/openapi.json", "/problems/overloaded", "/v1/nothing", "/interpolate.gif?seeds=1,2&frames=2"],
)  # fmt: skip
async def test_every_answer_has_them(service: Service, path: str) -> None:
    answer = await service.client.get(path)
    for name, value in (HEADERS | OWN.get(path, {})).items():
        if not (name == "Content-Security-Policy" and path.startswith("/problems")):
            assert answer.headers.get_list(name) == [value], name
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_an_error_of_our_own_has_them(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.generate.find_labels", lambda *_: 1 / 0)
    answer = await service.client.get("/generate")
    assert answer.status_code == 500
    assert HEADERS.items() <= {name.title(): value for name, value in answer.headers.items()}.items()


async def test_pages_of_other_sites_may_read_nothing(service: Service) -> None:
    answer = await service.client.get("/models", headers=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = await service.client.options("/generate", headers=ORIGIN | {"Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405


async def test_cors_opens_for_the_origins_that_are_named(serve: Serve, tiny_store: Store) -> None:
    async with serve(tiny_store, cors="https://example.org, http://localhost:3000") as service:
        for origin, allowed in (
            ("https://example.org", True),
            ("http://localhost:3000", True),
            ("https://evil.org", False),
        ):
            answer = await service.client.get("/images/7.png", headers={"Origin": origin})
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert "Access-Control-Allow-Credentials" not in answer.headers
        wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}
        assert (await service.client.options("/generate", headers=ORIGIN | wanted)).status_code == 200
        exposed = (await service.client.get("/models", headers=ORIGIN)).headers["Access-Control-Expose-Headers"]
        assert {"Figment-Seed", "RateLimit", "Retry-After"} <= set(exposed.split(", "))
