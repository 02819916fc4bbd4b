from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response

from service.api.bodies import body_schema
from service.api.parameters import SeedText
from service.api.problems import install
from service.api.queries import GenerateQuery
from service.api.route import PictureRoute


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter(route_class=PictureRoute, default_response_class=Response)

    @router.get("/one/{seed}")
    async def one(
        seed: Annotated[SeedText, Path()], query: Annotated[GenerateQuery, Query()], request: Request
    ) -> Response:
        assert request.method == "GET"
        return Response(f"{seed} {query.n!r} {query.seed} {query.label!r}")

    @router.post("/many", openapi_extra={"requestBody": body_schema(GenerateQuery)})
    async def many(query: Annotated[GenerateQuery, Query()], request: Request) -> Response:
        return Response(f"{query.n} {[str(point) for point in query.seeds or ()]}")

    app = FastAPI()
    app.state.catalogue = SimpleNamespace(shelf={}, settings=SimpleNamespace(deadline=10.0))
    install(app, router.routes)
    app.include_router(router)
    return app


async def ask(app: FastAPI, path: str, content: bytes = b"") -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://figment", trust_env=False) as client:
        return await client.request("GET", path, content=content)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/one/7", "7 1 None None"),
        ("/one/ada?n=3&seed=4", "3012366022 3 4 None"),
        ("/one/7?label=%C3%A9+t", "7 1 None 'é t'"),
    ],
)
async def test_the_query_and_the_path_are_read(app: FastAPI, path: str, text: str) -> None:
    from bundle.seeds import parse_seed

    answer = await ask(app, path)
    assert answer.status_code == 200
    assert answer.text == text.replace("3012366022", str(parse_seed("ada")))


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/one/99999999999", ["seed"]),
        ("/one/-1", ["seed"]),
        ("/one/7?n=0&seed=-3", ["n", "seed"]),
        ("/one/7?n=", ["n"]),
        ("/one/7?x=1&y=2", ["x", "y"]),
        ("/one/7?n=1&n=1", ["n"]),
        ("/one/7?n=1&n=1&x=1", ["x", "n"]),
    ],
)
async def test_what_is_wrong_is_named(app: FastAPI, path: str, parameters: list[str]) -> None:
    answer = await ask(app, path)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == parameters


async def post(app: FastAPI, path: str, **body: Any) -> httpx.Response:  # noqa: ANN401
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://figment", trust_env=False) as client:
        return await client.post(path, **body)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/many", {"json": {"n": 3}}, "3 []"),
        ("/many?n=3", {}, "3 []"),
        ("/many?columns=2", {"json": {"seeds": [1, "2", "4-6"]}}, "1 ['1', '2', '4', '5', '6']"),
        ("/many", {"json": {"latents": [[0.0, 1.0]]}}, "1 ['z:AAAAAAAAgD8']"),
    ],
)
async def test_a_body_has_the_parameters_too(app: FastAPI, path: str, body: dict[str, Any], text: str) -> None:
    answer = await post(app, path, **body)
    assert (answer.status_code, answer.text) == (200, text)


async def test_a_parameter_in_the_query_and_in_the_body_is_refused(app: FastAPI) -> None:
    answer = await post(app, "/many?n=3", json={"n": 3, "seed": 1})
    assert answer.json()["errors"] == [{"parameter": "n", "message": "given in the query and in the body"}]


async def test_a_body_of_a_get_is_refused(app: FastAPI) -> None:
    answer = await ask(app, "/one/7", b"n=3")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "body"


async def test_the_parameters_are_documented(app: FastAPI) -> None:
    operation = (await ask(app, "/openapi.json")).json()["paths"]["/one/{seed}"]["get"]
    places = {(each["name"], each["in"]) for each in operation["parameters"]}
    assert places == {("seed", "path"), *((name, "query") for name in GenerateQuery.model_fields)} - {("seed", "")}
