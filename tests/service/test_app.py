import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.api.problems import TITLES
from service.app import create_app
from service.settings import Settings
from tests.service.conftest import Service

METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "trace"}
PROGRAMS = ["application/json", "application/x-npz", "application/zip"]
STILLS = [*PROGRAMS, "image/avif", "image/jpeg", "image/png", "image/webp"]
WALKS = ["image/apng", "image/avif", "image/gif", "image/jpeg", "image/png", "image/webp", "video/mp4"]
FOREIGN = ("/v1/", "/v2")
"""Where the paths of other people's protocols begin: their parameters, bodies and errors are their own."""
PICTURES = {
    ("/generate", "get"): STILLS,
    ("/generate", "post"): STILLS,
    ("/generate.{ending}", "get"): STILLS,
    ("/images/{seed}.{ending}", "get"): STILLS,
    ("/interpolate", "get"): WALKS,
    ("/interpolate", "post"): WALKS,
    ("/interpolate.{ending}", "get"): WALKS,
    ("/variations", "get"): STILLS,
    ("/variations", "post"): STILLS,
    ("/mix", "get"): STILLS,
    ("/mix", "post"): STILLS,
}


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    document: dict[str, Any] = service.app.openapi()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS, (path, method)
            yield path, method, operation


def parts(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    if isinstance(value, dict):
        yield value
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from parts(item)


async def test_it_is_answered_as_json(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    answer = await client.get("/openapi.json")
    assert answer.json() == document
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Figment"


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    targets = {part["$ref"] for part in parts(document) if "$ref" in part}
    schemas = document["components"]["schemas"]
    assert targets <= {f"#/components/schemas/{name}" for name in schemas}
    assert {f"#/components/schemas/{name}" for name in schemas} <= targets | {
        "#/components/schemas/HTTPValidationError"
    }
    assert not any("$defs" in part for part in parts(document))


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert operation["tags"], (path, method)


def test_parameters_are_those_of_the_path_and_the_query(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        parameters = operation.get("parameters", [])
        places = [(parameter["in"], parameter["name"]) for parameter in parameters]
        assert len(places) == len(set(places))
        assert {name for place, name in places if place == "path"} == set(re.findall(r"{(\w+)}", path))
        for parameter in parameters:
            assert parameter["in"] in ("path", "query")
            assert parameter["required"] is (
                parameter["in"] == "path" or (path, parameter["name"]) == ("/mix", "seeds")
            )
            assert parameter["schema"]
        assert ("requestBody" in operation) is (method == "post")


def test_every_answer_is_described_and_its_status_is_a_number(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert "200" in operation["responses"]
        for status, answer in operation["responses"].items():
            assert re.fullmatch("[45]XX" if path.startswith(FOREIGN) and status != "200" else "[2-5][0-9]{2}", status)
            assert answer["description"], (path, method, status)
            assert answer.get("content") or status == "304", (path, method, status)


def test_pictures_are_documented_as_pictures(document: dict[str, Any]) -> None:
    found = {}
    for path, method, operation in operations(document):
        answer = operation["responses"]["200"]
        if any(kind.startswith("image/") for kind in answer["content"]):
            found[path, method] = sorted(answer["content"])
            always = {"Figment-Seeds", "Figment-Labels", "Figment-Model", "Figment-Request"}
            caching = {"ETag", "Cache-Control", "Content-Location", "Vary"}
            assert set(answer["headers"]) - {"Figment-Seed"} == always | caching
    assert found == PICTURES


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/ProblemDetails"}
    for path, method, operation in operations(document):
        if path.startswith(FOREIGN):
            continue
        errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        for answer in errors.values():
            assert list(answer["content"]) == ["application/problem+json"]
            assert answer["content"]["application/problem+json"]["schema"] == problem
        if (path, method) in PICTURES:
            of_body = {"413", "415"} if method == "post" else set()
            assert set(errors) == {"404", "406", "422", "500", "503", "504"} | of_body
            assert "Retry-After" in errors["503"]["headers"]
    assert set(document["components"]["schemas"]["ProblemDetails"]["required"]) == {"type", "title", "status", "detail"}


def test_errors_of_other_protocols_are_documented_in_their_shapes(document: dict[str, Any]) -> None:
    found = set()
    for path, method, operation in operations(document):
        if path.startswith(FOREIGN):
            plain = path.startswith("/v2") or re.search("predict|metadata|versions", path)
            model = "ErrorText" if plain else "OpenAIError"
            for status in ("4XX", "5XX"):
                content = operation["responses"][status]["content"]
                schema = content["application/json"]["schema"]
                assert {"$ref": f"#/components/schemas/{model}"} in schema.get("anyOf", [schema])
            assert "Retry-After" in operation["responses"]["5XX"]["headers"]
            found.add((path, method))
    assert {("/v2/models/{name}/infer", "post"), ("/v1/images/generations", "post")} <= found
    assert ("/v1/models/{name}:predict", "post") in found


async def test_a_problem_has_the_fields_that_are_documented(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    known = set(document["components"]["schemas"]["ProblemDetails"]["properties"])
    for path in ("/generate?n=0", "/generate?model=other", "/nothing"):
        assert set((await client.get(path)).json()) <= known


def test_the_problems_in_the_documentation_are_those_of_the_code() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): row[2].strip() for row in rows if row[1].strip(" `") in TITLES}
    assert documented == {kind: str(status) for kind, (status, _) in TITLES.items()}


async def test_two_applications_do_not_share_anything(service: Service, store: Any) -> None:  # noqa: ANN401
    other = create_app(Settings(models=store.root), store, lambda bundle: None)  # type: ignore[arg-type, return-value]
    assert other.state.catalogue is not service.catalogue
    assert other.state.catalogue.models == {}


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_the_documentation_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
