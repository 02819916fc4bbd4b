"""Nothing that a client sends becomes a path of the file system, and nothing deep or large brings a reader down."""

import json
import sys
from typing import Any
from urllib.parse import quote

import pytest

from bundle.store import Store
from tests.service.conftest import Serve, Service

NAMES = ["..", "../secret", "../../secret", "/etc/passwd", "tiny/../../secret", ".", "tiny\0", "~",
         "tiny/../tiny", "..\\secret", "%2e%2e/secret", "file:///etc/passwd", "tiny/1/saved_model.pb",
         "x" * 5000]  # fmt: skip


@pytest.fixture(scope="module")
def reached() -> list[str]:
    """The paths that Python opens or lists from now on; a hook cannot be taken away again, so there is one."""
    seen: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir"):
            seen.append(str(arguments[0]))

    sys.addaudithook(watch)
    return seen


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_looked_up_and_never_a_path(service: Service, reached: list[str], name: str) -> None:
    reached.clear()
    coded = quote(name, safe="").replace(".", "%2E")  # else httpx would take `..` for its own
    paths = [f"/generate?model={coded}", f"/images/7.png?model={coded}", f"/v1/models/{coded}", f"/v2/models/{coded}",
             f"/v1/models/{coded}/versions/1", f"/page/{coded}", f"/problems/{coded}",
             f"/swagger/{coded}", f"/images/7.{coded}", f"/generate.{coded}", f"/generate?version={coded}"]  # fmt: skip
    for path in paths:
        answer = await service.client.get(path.replace("\0", "%00"))
        assert answer.status_code in (400, 404, 406, 422), (path, answer.status_code)
    for body in ({"prompt": "x", "model": name}, {"prompt": name, "model": "none"}):
        answer = await service.client.post("/v1/images/generations", json=body)
        assert answer.status_code in (400, 404), body
    assert [path for path in reached if "secret" in path or "passwd" in path or "saved_model" in path] == []


@pytest.mark.parametrize("end", ["%0a", "%0A%0a", "%0d%0a"])
async def test_a_path_that_ends_in_a_line_end_is_no_path(service: Service, end: str) -> None:
    for method, path in (("GET", "/metrics"), ("POST", "/project"), ("POST", "/generate"), ("GET", "/images/7.png"),
                         ("POST", "/v1/models/tiny:predict"), ("POST", "/v2/models/tiny/infer")):  # fmt: skip
        answer = await service.client.request(method, path + end)
        assert answer.status_code == 404, path
        assert "\n" not in answer.text


async def test_a_name_of_the_store_that_is_no_model_is_not_served(serve: Serve, store: Store, publish: Any) -> None:  # noqa: ANN401
    publish("tiny")
    (store.root / "private").mkdir()
    (store.root / "private" / "key.toml").write_text("secret")
    async with serve() as service:
        for path in ("/generate?model=private", "/v1/models/private", "/page/key.toml", "/private/key.toml"):
            answer = await service.client.get(path)
            assert answer.status_code == 404
            assert "secret" not in answer.text


DEEP = {
    "lists": "[" * 100_000,
    "objects": '{"a":' * 100_000,
    "whole": "[" * 5000 + "]" * 5000,
    "in a field": '{"seeds": ' + "[" * 5000 + "]" * 5000 + "}",
}


@pytest.mark.parametrize("path", ["/generate", "/mix", "/v1/images/generations", "/v1/models/tiny:predict",
                                  "/v2/models/tiny/infer"])  # fmt: skip
@pytest.mark.parametrize("case", DEEP)
async def test_json_that_is_too_deep_is_a_wrong_request(service: Service, path: str, case: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await service.client.post(path, content=DEEP[case], headers=headers)
    assert answer.status_code == (400 if path.startswith("/v") else 422)
    assert json.loads(answer.content)
