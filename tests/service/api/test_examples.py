"""The examples of the OpenAPI document are asked of a service, and compared to what it answers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from bundle.store import Store
from service.api.problem_kinds import KINDS
from service.pictures.mp4 import mp4_available
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

UNDOCUMENTED = {
    "method-not-allowed", "internal", "not-http", "slow-request", "url-too-long", "headers-too-large",
    "too-many-connections", "unauthorized", "forbidden", "rate-limited",
}  # fmt: skip
"""Of no operation in particular; or only where there are keys and rates."""
NAMES = {"name": "adventurer", "version": "1"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = Store(tmp_path_factory.mktemp("examples") / "models")
    publish_fake(store, "adventurer")
    with listening(store) as address, httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/openapi.json").json()
    return content


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_every_json_body_and_answer_has_an_example_of_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for method, path, operation in operations(document):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for answer in operation["responses"].values()]
        for content in contents:
            for media_type in content.keys() & {"application/json", "application/problem+json"}:
                part = content[media_type]
                values = (
                    [one["value"] for one in part["examples"].values()] if "examples" in part else [part["example"]]
                )
                for value in values:
                    schema = {"components": document["components"], **part["schema"]}
                    problems = list(Draft202012Validator(schema).iter_errors(value))
                    assert not problems, (method, path, problems[0].message)
                    checked += 1
    assert checked > 150


def test_every_request_is_answered_and_with_the_fields_of_its_example(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    asked = 0
    for method, path, operation in operations(document):
        answers = operation["responses"]["200"].get("content", {})
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if "application/json" not in answers or (method == "post" and body is None) or "{seed}" in path:
            continue
        address = path.replace("{ending}", "json").format(**NAMES)
        if ":predict" in path:
            latent_dim = client.get("/models").json()["models"][0]["latent_dim"]
            body = {"instances": [[0.5] * latent_dim]}
        query = {"get": {"/mix": "?seeds=1,2"}}.get(method, {}).get(path, "")
        got = client.request(method, address + query, json=body, headers={"accept": "application/json"})
        if got.status_code == 406:  # walks have no JSON
            continue
        assert got.status_code == 200, (method, path, got.text)
        example = answers["application/json"]["example"]
        assert fields(got.json()) == fields(example), (method, path)
        asked += 1
    assert asked > 25


def fields(value: object) -> object:
    """The names of an object's fields, and of those in it; of a list, those of its first."""
    if isinstance(value, dict):
        return {name: fields(part) for name, part in value.items() if name not in ("class_names", "skipped")}
    return [fields(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_every_picture_s_address_leads_to_one(client: httpx.Client, document: dict[str, Any]) -> None:
    shown = 0
    for _, path, operation in operations(document):
        for media_type, content in operation["responses"]["200"].get("content", {}).items():
            address = content.get("examples", {}).get("picture", {}).get("externalValue")
            if media_type.startswith(("image/", "video/")):
                assert address, (path, media_type)
            if address and (media_type != "video/mp4" or mp4_available()):
                answer = client.get(address)
                assert answer.status_code == 200, (address, answer.text)
                assert answer.headers["content-type"].startswith(media_type), address
                shown += 1
    assert shown > 50


def test_every_problem_is_shown(document: dict[str, Any]) -> None:
    shown = {
        kind
        for _, _, operation in operations(document)
        for answer in operation["responses"].values()
        for kind in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    assert shown >= KINDS.keys() - UNDOCUMENTED
