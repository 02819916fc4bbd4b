"""The service in memory refuses what the service's own description does not have."""

from __future__ import annotations

import httpx
import pytest
from figment_client import Figment, InvalidParameter

from tests.client.contract import body_names, operation, query_names
from tests.client.fake_service import FakeService


@pytest.mark.parametrize(
    ("method", "path", "known", "unknown"),
    [
        ("GET", "/generate", {"n", "seed", "seeds", "columns", "format"}, {"latents", "distance"}),
        ("GET", "/images/7.png", {"scale", "label"}, {"columns", "format", "seed"}),
        ("GET", "/images/a%2Fb.webp", {"scale"}, {"columns"}),
        ("GET", "/mix", {"seeds", "weights", "rescale", "scale"}, {"columns", "padding", "background"}),
        ("POST", "/project", {"steps", "seed"}, {"scale"}),
    ],
)
def test_the_parameters_are_those_of_the_services_document(
    method: str, path: str, known: set[str], unknown: set[str]
) -> None:
    described = operation(method, path)
    assert described is not None
    names = query_names(described)
    assert known <= names
    assert not unknown & names


@pytest.mark.parametrize("path", ["/generate", "/interpolate", "/variations", "/mix"])
def test_a_body_takes_what_a_query_does(path: str) -> None:
    described = operation("POST", path)
    assert described is not None
    assert query_names(described) <= body_names(described)


@pytest.mark.parametrize(("method", "path"), [("POST", "/images/7.png"), ("GET", "/inspect"), ("GET", "/nothing")])
def test_what_is_not_described_is_nothing(method: str, path: str) -> None:
    assert operation(method, path) is None


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (httpx.Request("GET", "http://test/mix?seeds=1,2&columns=2"), 422),
        (httpx.Request("POST", "http://test/mix", json={"seeds": "1,2", "padding": 2}), 422),
        (httpx.Request("POST", "http://test/images/7.png", json={}), 405),
        (httpx.Request("GET", "http://test/nothing"), 404),
        (httpx.Request("GET", "http://test/mix?seeds=1,2&scale=2"), 200),
    ],
)
def test_the_service_in_memory_refuses_what_the_real_one_does(
    service: FakeService, request_: httpx.Request, status: int
) -> None:
    assert service(request_).status_code == status


def test_a_refusal_names_the_parameter(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("figment_client.requests.IMAGE", ("columns", "scale"))
    figment = Figment("http://test", transport=httpx.MockTransport(service))
    with figment, pytest.raises(InvalidParameter) as caught:
        figment.mix([1, 2], columns=2)  # type: ignore[call-arg]  # the client itself would not send it
    assert [fault.parameter for fault in caught.value.errors] == ["columns"]
