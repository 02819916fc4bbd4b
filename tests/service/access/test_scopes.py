"""Every path of the application has its scope, and what is named nowhere is closed."""

import pytest
from starlette.routing import Route

from service.access.scopes import needed
from tests.service.conftest import Service

SCOPES = {
    "/livez": None, "/readyz": None, "/v2/health/live": None, "/v2/health/ready": None, "/": None, "/page/api.js": None,
    "/docs": None, "/openapi.json": None, "/swagger/swagger-ui.css": None, "/problems/overloaded": None,
    "/generate": "generate", "/generate.webp": "generate", "/images/7.png": "generate", "/interpolate": "generate",
    "/interpolate.gif": "generate", "/variations": "generate", "/mix": "generate", "/inspect": "generate",
    "/models": "generate", "/v1/models": "generate", "/v1/models/tiny:predict": "generate", "/v2": "generate",
    "/v1/images/generations": "generate", "/v2/models/tiny/infer": "generate", "/v2/repository/index": "generate",
    "/project": "project", "/metrics": "admin",
    "/livez/": "admin", "/generatex": "admin", "/nothing": "admin", "//livez": "admin", "/page": "admin",
    "/LIVEZ": "admin", "/v1": "admin", "": "admin", "/docs/../metrics": "admin",
}  # fmt: skip


@pytest.mark.parametrize("path", SCOPES)
def test_each_path_needs_its_scope(path: str) -> None:
    assert needed(path) == SCOPES[path]


def test_no_route_is_closed_because_it_was_forgotten(service: Service) -> None:
    """A path that is not named needs `admin`; the only one that is meant to is /metrics."""
    paths = {path.replace("{ending}", "png") for path in service.app.openapi()["paths"]}
    paths |= {route.path for route in service.app.routes if isinstance(route, Route)}
    assert {path for path in paths if needed(path) == "admin"} == {"/metrics"}
