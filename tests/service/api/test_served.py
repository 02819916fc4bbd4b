from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request

from service.api.served import bundle_of, loaded_versions
from service.catalogue import NotReady, UnknownModel
from tests.service.conftest import Serve, Service


def request_to(service: Service) -> Request:
    async def receive() -> dict[str, str]:
        raise AssertionError("a client that stays sends no more")

    scope = {"type": "http", "app": service.app, "headers": [], "path": "/", "query_string": b"", "state": {}}
    return Request(scope, receive)  # type: ignore[arg-type]


async def test_the_served_version_is_known_and_another_is_loaded(serve: Serve, publish: Callable[..., Any]) -> None:
    old, new = publish("tiny"), publish("tiny")
    async with serve() as service:
        assert loaded_versions(service.catalogue, "tiny") == [2]
        for version in (None, 2):
            assert (await bundle_of(request_to(service), "tiny", version)).digest == new.digest
        answer = await service.client.get("/v1/models/tiny/versions/1")
        assert answer.status_code == 200
        assert loaded_versions(service.catalogue, "tiny") == [1, 2]
        assert old.digest != new.digest


async def test_what_is_not_there_is_told(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    async with serve() as service:
        assert loaded_versions(service.catalogue, "other") == []
        for name, version in (("other", None), ("other", 1), ("tiny", 2)):
            with pytest.raises(UnknownModel):
                await bundle_of(request_to(service), name, version)


async def test_an_empty_store_is_not_ready(serve: Serve, store: Any) -> None:  # noqa: ANN401
    store.root.mkdir(parents=True, exist_ok=True)
    async with serve() as service:
        with pytest.raises(NotReady):
            await bundle_of(request_to(service), "tiny")
