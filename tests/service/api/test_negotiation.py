"""Which format an answer has."""

import httpx
import pytest

from service.api.negotiation import MEDIA_TYPES, STILLS, WALKS, weight_of

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"


@pytest.mark.parametrize(
    ("accept", "media_type", "weight"),
    [
        ("image/png", "image/png", 1.0),
        ("IMAGE/PNG;q=0.5", "image/png", 0.5),
        ("image/*;q=0.3, image/png;q=0", "image/png", 0.0),
        ("image/*;q=0.3, image/png;q=0", "image/webp", 0.3),
        ("*/*;q=0.1, image/*", "application/zip", 0.1),
        ("text/html", "image/png", 0.0),
        ("image/png;level=1;q=0.2", "image/png", 0.2),
        ("image/png; q=0.25", "image/png", 0.25),
        ("image/png;q=7", "image/png", 1.0),
        ("image/png;q=.1", "image/png", 0.1),
        ("image/png;q=abc", "image/png", 0.0),
        ("image/png;q=-1", "image/png", 0.0),
        ("a" * 60_000, "image/png", 0.0),
        ("a/b" + " " * 60_000 + "x", "image/png", 0.0),
        ("nonsense", "image/png", 0.0),
        (";;;,,,/", "image/png", 0.0),
    ],
)
def test_a_weight_is_that_of_the_narrowest_range(accept: str, media_type: str, weight: float) -> None:
    assert weight_of(media_type, accept) == weight


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/generate?seed=1", None, "png"),
        ("/generate?seed=1", "*/*", "png"),
        ("/generate?seed=1", CHROME, "png"),
        ("/generate?seed=1", FIREFOX, "png"),
        ("/generate?seed=1", "image/webp, image/png;q=0.9", "webp"),
        ("/generate?seed=1", "application/json", "json"),
        ("/generate?seed=1&format=jpeg", "image/webp", "jpeg"),
        ("/generate.avif?seed=1", "image/webp", "avif"),
        ("/images/1.jpg", "image/webp", "jpeg"),
        ("/images/a.png.webp", None, "webp"),
        ("/interpolate?seeds=1,2&frames=3", None, "webp"),
        ("/interpolate?seeds=1,2&frames=3", "image/gif", "gif"),
        ("/interpolate?seeds=1,2&frames=3", "image/png,image/*;q=0.5", "png"),
        ("/interpolate.apng?seeds=1,2&frames=3", None, "apng"),
        ("/interpolate?seeds=1,2&t=0.5", CHROME, "png"),
        ("/mix?seeds=1,2", "application/zip", "zip"),
        ("/variations?seed=1&noise=1", "application/x-npz", "npz"),
    ],
)
async def test_the_query_then_the_ending_then_accept_decides(
    client: httpx.AsyncClient, path: str, accept: str | None, expected: str
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    client.headers.pop("Accept", None)
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPES[expected]
    decided = "format=" not in path and "." not in path.partition("?")[0]
    assert answer.headers.get("Vary") == ("Accept" if decided else None)


@pytest.mark.parametrize(("path", "offered"), [("/generate?seed=1", STILLS), ("/interpolate?seeds=1,2", WALKS)])
@pytest.mark.parametrize("accept", ["text/html", "image/png;q=0,image/webp;q=0.0", "video/ogg", "image/svg+xml"])
async def test_what_cannot_be_accepted_is_told_with_what_there_is(
    client: httpx.AsyncClient, path: str, offered: tuple[str, ...], accept: str
) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["type"] == "/problems/not-acceptable"
    assert all(MEDIA_TYPES[name] in answer.json()["detail"] for name in offered)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [("/generate.gif", "ending"), ("/images/7.bmp", "ending"), ("/interpolate.zip", "ending"),
     ("/interpolate?seeds=1,2&t=0.5&format=gif", "format"), ("/images/7.png2", "ending")],
)  # fmt: skip
async def test_a_format_that_is_not_there_is_named_with_those_that_are(
    client: httpx.AsyncClient, path: str, parameter: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert "there are: " in error["message"]
    assert "png" in error["message"]


async def test_mp4_is_there_where_the_package_is(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/interpolate.mp4?seeds=1,2&frames=3"
    assert (await client.get(path)).headers["Content-Type"] == "video/mp4"
    monkeypatch.setattr("service.api.negotiation.mp4_available", lambda: False)
    answer = await client.get(path)
    assert answer.status_code == 422
    assert "requirements/mp4.txt" in answer.json()["detail"]
    assert (await client.get(path.replace(".mp4", ""), headers={"Accept": "video/mp4"})).status_code == 406


@pytest.mark.parametrize("path", ["/generate.jpg?seed=1&lossless=true", "/interpolate.gif?seeds=1,2&lossless=true"])
async def test_what_a_format_cannot_hold_is_told(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "format"
