import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import numpy as np
import pytest
from starlette.types import ASGIApp, Message

from bundle.points import point_of
from bundle.seeds import parse_seed
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import FakeEngine

Check = Callable[[httpx.Response, str], dict[str, Any]]

GENERATE, IMAGE, INTERPOLATE, MODELS = "/generate", "/images/7.png", "/interpolate", "/models"
VARIATIONS, MIX = "/variations", "/mix?seeds=1,2"

WHOLE = ["", "0", "-1", "1.0", "1e1", "x", " 1", "1 ", "+1", "1_0", "0x1", "٣", "null", "9" * 20, "9" * 5000, "\0"]
WRONG: dict[str, dict[str, list[str]]] = {
    GENERATE: {
        "n": [*WHOLE, "65"],
        "seed": ["", "-1", "-7", str(2**32), "9" * 50, "s" * 201],
        "columns": [*WHOLE, "241"],
        "format": ["", "jpg", "PNG", "gif"],
        "seeds": ["", ",", "0-64", "1,,2", "3-1", f"0-{2**32}", "z:A", "z:", "1,-2", ",".join("1" * 65)],
        "labels": ["", "a,", "x" * 256],
        "padding": [*WHOLE[:1], "-1", "65"],
        "background": ["", "nocolour", "12", "rgb(", "#gggggg"],
        "quality": ["0", "101", "x"],
        "lossless": ["1", "yes"],
        "scale": ["0", "0.2", "8.1", "x", "nan", "inf"],
        "resample": ["", "cubic"],
    },
    IMAGE: {"n": ["1"], "seed": ["7"], "format": ["png"], "columns": ["1"], "background": ["red"]},
    VARIATIONS: {
        "seed": ["", "-1"],
        "n": ["0", "65"],
        "distance": ["-0.1", "2.1", "nan", "x", ""],
        "noise": ["-1", str(2**32), "x", ""],
    },
    MIX: {"weights": ["", "x", "5,1", "nan,1", "1"], "rescale": ["1"]},
    INTERPOLATE: {
        "seeds": [
            "",
            ",",
            "1",
            "1,",
            ",1",
            "1,,2",
            "1,-2",
            f"1,{2**32}",
            ",".join("1" * 17),
            "1, ,2",
            "1," + "s" * 201,
            "0-16",
        ],
        "frames": [*WHOLE, "1", "241"],
        "easing": ["", "quick"],
        "t": ["-0.1", "1.1", "nan", ""],
        "shape": ["", "8", "1x8", "9x8", "8x8x8", "-2x2", "2x2"],
        "mode": ["", "SLERP", "cubic"],
        "loop": ["", "1", "yes", "True", "maybe"],
        "columns": [*WHOLE, "241"],
        "fps": [*WHOLE, "51"],
        "format": ["", "jpg", "GIF"],
        "n": ["2"],
    },
    MODELS: {"n": ["1"], "model": ["tiny"]},
}
for endpoint in (GENERATE, IMAGE, INTERPOLATE, VARIATIONS, MIX):
    WRONG[endpoint] |= {
        "truncation": ["", "-0.1", "2.01", "nan", "inf", "-inf", "1e400", "x", " 1", "1_0", "0x1", "1,5", "٣", "\0"],
        "model": ["", "m" * 101],
        "label": ["", "x" * 256, "0", "cat"],
        "sede": ["7", ""],
        "": ["x"],
    }
CASES = [
    pytest.param(path, name, value, id=f"{path} {name}={value!r:.20}")
    for path, names in WRONG.items()
    for name, values in names.items()
    for value in values
]

ALLOWED = {
    "n": ["64", "whole number", "digits", "greater than or equal to 1"],
    "frames": ["240", "whole number", "digits", "greater than or equal to 2"],
    "columns": ["64", "240", "whole number", "digits", "greater than or equal to 1"],
    "fps": ["50", "whole number", "digits", "greater than or equal to 1"],
    "seed": ["4294967295", "must not be empty", "at most 200"],
    "seeds": [
        "separated by commas",
        "4294967295",
        "must not be empty",
        "at most 200",
        "1 to 64 seeds",
        "base64url",
        "bytes",
    ],
    "labels": ["1 to 255 characters"],
    "padding": ["64", "whole number", "greater than or equal to 0"],
    "background": ["a colour", "colour"],
    "quality": ["whole number", "than or equal to 1"],
    "lossless": ["true or false"],
    "scale": ["a number", "than or equal to 8", "than or equal to 0.25", "finite"],
    "resample": ["'nearest' or 'lanczos'"],
    "distance": ["a number", "than or equal to 2", "than or equal to 0", "finite"],
    "noise": ["whole number", "digits", "greater than or equal to 0", "less than 4294967296"],
    "weights": ["numbers", "a number"],
    "rescale": ["true or false"],
    "easing": ["'linear', 'smooth', 'ease-in' or 'ease-out'"],
    "t": ["a number", "than or equal to 1", "than or equal to 0", "finite"],
    "shape": ["COLUMNSxROWS"],
    "query": ["four seeds", "each needs its own"],
    "truncation": ["a number", "than or equal to 2", "than or equal to 0", "finite"],
    "format": ["'png'"],
    "mode": ["'slerp' or 'lerp'"],
    "loop": ["true or false"],
    "label": ["at least 1", "at most 255", "tiny has no classes; leave it out"],
    "model": ["at least 1", "at most 100"],
}
"""What an error about a parameter says one of."""


@pytest.mark.parametrize(("path", "name", "value"), CASES)
async def test_a_wrong_value_is_named_with_what_is_allowed(
    client: httpx.AsyncClient, engine: FakeEngine, problem: Check, path: str, name: str, value: str
) -> None:
    joined = f"{path}{'&' if '?' in path else '?'}{urlencode({name: value})}"
    body = problem(await client.get(joined), "invalid-parameter")
    (error,) = body["errors"]
    assert error["parameter"] in (name, "query")
    name = error["parameter"]
    known = "unknown parameter; there are: " in error["message"]
    assert known or any(words in error["message"] for words in ALLOWED[name]), error
    assert len(error.get("got", "")) <= 130
    assert name in body["detail"]
    assert engine.batches == []


RIGHT = {
    GENERATE: [
        "n=64",
        "n=007",
        "seed=0",
        f"seed={2**32 - 1}",
        "seed=007",
        "columns=240",
        "seeds=0-63",
        "seeds=1-3, ada ,9",
        "padding=64",
        "background=transparent",
        "quality=1&lossless=true",
        "scale=0.25",
        "scale=8&resample=lanczos",
        "truncation=0",
        "truncation=2",
    ],
    IMAGE: ["truncation=.5", "truncation=1e-3", "model=tiny"],
    INTERPOLATE: [
        "frames=2",
        "frames=240",
        "fps=1",
        "fps=50",
        "columns=240",
        "loop=true&mode=lerp",
        "seeds=1,1",
        "seeds=0-15",
        "t=0",
        "t=1",
        "seeds=1-4&shape=2x32",
        "seeds=1-4&shape=8x8",
        "easing=smooth",
        "seeds=1-16&frames=16",
    ],
    VARIATIONS: ["distance=0", "distance=2", "n=64", f"noise={2**32 - 1}", "seed=ada"],
    "/mix": ["seeds=1,2&weights=4,-4", "seeds=0-15", "seeds=1,2&rescale=false", "seeds=1,1&weights=1,-1"],
}


@pytest.mark.parametrize(("path", "query"), [(path, query) for path, queries in RIGHT.items() for query in queries])
async def test_the_ends_of_every_range_are_allowed(client: httpx.AsyncClient, path: str, query: str) -> None:
    assert (await client.get(f"{path}?{query}")).status_code == 200


@pytest.mark.parametrize("path", [GENERATE, IMAGE, INTERPOLATE])
@pytest.mark.parametrize("value", ["1", "x", ""])
async def test_a_parameter_given_twice_is_refused(
    client: httpx.AsyncClient, problem: Check, path: str, value: str
) -> None:
    body = problem(await client.get(f"{path}?truncation=1&truncation={value}"), "invalid-parameter")
    assert body["errors"] == [{"parameter": "truncation", "message": "given more than once"}]


async def test_an_unknown_parameter_is_named_with_those_there_are(client: httpx.AsyncClient, problem: Check) -> None:
    body = problem(await client.get("/generate?sede=7"), "invalid-parameter")
    message = (
        "unknown parameter; there are: background, columns, format, label, labels, lossless, model, n, padding, "
        "quality, resample, scale, seed, seeds, truncation, version"
    )
    assert body["errors"] == [{"parameter": "sede", "message": message, "got": "7"}]


async def test_every_wrong_parameter_is_named_at_once(client: httpx.AsyncClient, problem: Check) -> None:
    body = problem(await client.get("/generate?n=0&seed=-1&truncation=x"), "invalid-parameter")
    assert sorted(error["parameter"] for error in body["errors"]) == ["n", "seed", "truncation"]


@pytest.mark.parametrize("path", [GENERATE, IMAGE, INTERPOLATE, MODELS])
async def test_a_hundred_unknown_parameters_give_a_short_answer(
    client: httpx.AsyncClient, problem: Check, path: str
) -> None:
    query = "&".join(f"{'p' * 300}{i}={'v' * 300}" for i in range(100))
    answer = await client.get(f"{path}?{query}")
    problem(answer, "invalid-parameter")
    assert len(answer.content) < 20_000


ODD_QUERIES = [
    b"n=%00", b"%00=1", b"seed=%00", b"n=%ff", b"%ff=%fe", b"seed=%ff%fe", b"n=%ed%a0%80", b"seed=%ed%a0%80",
    b"%ed%a0%80=1", b"model=%ed%a0%80", b"model=%00", b"model=../../etc/passwd", b"model=%0d%0aX-Evil:%201",
    b"seed=%0d%0aX-Evil:%201", b"n=%", b"n=%zz", b"&&&", b"=", b"n", b"n==1", b"n=1;seed=2", b"\xff=\xfe",
    b"n=\xff", b"seed=\xf0\x9f\x8e\xa8", b"model=\xe9", b"+=+", b"?n=1", b"n[]=1", b"n[0]=1", b"seeds=%00,%ff",
    b"seeds=%ed%a0%80,1", b"label=%00", b"label=%ed%a0%80", b"label=%ff", b"label=%0d%0aX-Evil:%201",
    b"label=" + b"1" * 60000, b"mode=%00", b"loop=%00", b"format=%00", b"truncation=%ff", b"n=" + b"1" * 60000,
    b"seed=" + b"x" * 60000, b"x" * 60000 + b"=1", b"model=" + b"m" * 60000, b"seeds=" + b"1," * 30000,
]  # fmt: skip


async def ask_raw(app: ASGIApp, path: str, query: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body, for a query that no client would send."""
    sent: list[Message] = []

    async def receive() -> Message:
        if sent:
            return {"type": "http.disconnect"}
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query,
             "headers": [], "http_version": "1.1", "scheme": "http", "server": ("figment", 80)}  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


@pytest.mark.parametrize("path", [GENERATE, IMAGE, INTERPOLATE, MODELS, "/livez", "/readyz", "/\xff", "/images/\0.png"])
async def test_odd_bytes_in_the_query_never_fail_the_service(service: Service, path: str) -> None:
    for query in ODD_QUERIES:
        status, headers, body = await ask_raw(service.app, path, query)
        assert status in (200, 404, 422), (query[:100], body)
        assert b"x-evil" not in headers
        if status != 200:
            assert headers[b"content-type"] == b"application/problem+json"
            assert len(body) < 20_000


@pytest.mark.parametrize("path", ["/images/\udce9.png", "/\udce9", "/generate/\ud800", "/images/\ud83d/\udca9.png"])
async def test_lone_surrogates_in_the_path_never_fail_the_service(service: Service, path: str) -> None:
    status, _, body = await ask_raw(service.app, path.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), b"")
    assert status in (200, 404, 422), body


SEEDS = ["ada", "0", "4294967295", "007", " 7", "7 ", "🎨", "a,b", "a/b", "/", "../7", "日本", "a b", "%", "a&b=c", "#",
         "?", "\0", "\ud7ff", "x" * 200, "1.5", "1e3", "+7", ".png", "7.png", "a;b", '"', "<b>"]  # fmt: skip


@pytest.mark.parametrize("text", SEEDS, ids=lambda text: repr(text[:12]))
async def test_any_text_is_a_seed_in_the_path_and_in_the_query(client: httpx.AsyncClient, text: str) -> None:
    in_path = await client.get(f"/images/{quote(text, safe='')}.png")
    in_query = await client.get("/generate", params={"seed": text})
    for answer in (in_path, in_query):
        assert answer.status_code == 200, answer.text
        assert answer.headers["Figment-Seed"] == str(parse_seed(text))


@pytest.mark.parametrize("text", ["", "-1", "-007", str(2**32), "9" * 30, "x" * 201], ids=lambda text: text[:12])
async def test_what_is_no_seed_in_the_path_is_refused(client: httpx.AsyncClient, problem: Check, text: str) -> None:
    body = problem(await client.get(f"/images/{text}.png"), "invalid-parameter")
    assert [error["parameter"] for error in body["errors"]] == ["seed"]


@pytest.mark.parametrize("seeds", ["1, 2", " 1 ,2", "ada , bob", "1,2"])
async def test_white_space_round_the_commas_does_not_count(client: httpx.AsyncClient, seeds: str) -> None:
    answer = await client.get("/interpolate", params={"seeds": seeds, "frames": "2"})
    expected = ",".join(str(parse_seed(part.strip())) for part in seeds.split(","))
    assert answer.headers["Figment-Seeds"] == expected


@pytest.mark.parametrize(
    "body",
    [{"json": {"n": 4}}, {"data": {"n": "4"}}, {"content": b"x"}, {"files": {"n": b"4"}}],
    ids=lambda body: [*body],
)
@pytest.mark.parametrize("path", [GENERATE, IMAGE, INTERPOLATE, VARIATIONS, MIX])
async def test_a_body_of_a_get_is_refused_and_the_error_says_where_parameters_go(
    client: httpx.AsyncClient, problem: Check, path: str, body: dict[str, Any]
) -> None:
    answer = problem(await client.request("GET", path, **body), "invalid-parameter")
    assert [error["parameter"] for error in answer["errors"]] == ["body"]
    assert "in the query" in answer["detail"]


@pytest.mark.parametrize("query", ["seeds=1-16&frames=18", "seeds=1-3&frames=122", "loop=true&frames=122"])
async def test_a_walk_of_too_many_frames_is_refused_with_how_many_it_has(
    client: httpx.AsyncClient, problem: Check, query: str
) -> None:
    detail = problem(await client.get(f"/interpolate?{query}"), "invalid-parameter")["detail"]
    assert "at most 240" in detail


async def test_a_latent_has_no_next_one(client: httpx.AsyncClient, problem: Check) -> None:
    body = problem(await client.get("/generate?seed=z:AAAAAA&n=2"), "invalid-parameter")
    assert body["errors"][0]["parameter"] == "n"


async def test_a_picture_has_a_largest_size(serve: Serve, publish: Callable[..., Any], problem: Check) -> None:
    publish("large", shape=(256, 256, 3))
    async with serve() as service:
        body = problem(await service.client.get("/generate?n=64&scale=8"), "invalid-parameter")
        assert "at most 33,554,432" in body["detail"]
        assert service.engines["large"].batches == []


@pytest.mark.parametrize("name", ["truncation", "scale"])
@pytest.mark.parametrize("text", ["1" * 60_000 + "x", "1" * 60_000, "." * 60_000, "1e" * 30_000])
async def test_a_long_number_is_refused_at_once(
    client: httpx.AsyncClient, problem: Check, name: str, text: str
) -> None:
    async with asyncio.timeout(5):
        body = problem(await client.post("/generate", json={name: text}), "invalid-parameter")
    assert body["errors"][0]["parameter"] == name


async def test_many_unknown_names_in_a_body_give_a_short_answer(client: httpx.AsyncClient, problem: Check) -> None:
    answer = await client.post("/generate", json={f"{'k' * 300}{i}": 1 for i in range(1000)})
    assert len(problem(answer, "invalid-parameter")["errors"]) == 20
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("path", "parameter"),
    [("/generate?seed={p}&truncation=2", "seed"), ("/generate?seeds={p}&truncation=2", "seeds"),
     ("/variations?seed={p}&noise=1&distance=1", "seed"), ("/mix?seeds={p},{p}&weights=4,4&rescale=false", "seeds"),
     ("/interpolate?seeds={p},7&truncation=2", "seeds")],
)  # fmt: skip
async def test_what_becomes_infinite_is_refused(
    client: httpx.AsyncClient, problem: Check, engine: FakeEngine, path: str, parameter: str
) -> None:
    point = point_of(np.full(16, 3e38, np.float32))
    body = problem(await client.get(path.format(p=point)), "invalid-parameter")
    assert body["errors"][0]["parameter"] == parameter
    assert "infinite" in body["errors"][0]["message"]
    assert engine.batches == []
