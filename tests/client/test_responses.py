from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from figment_client import errors
from figment_client.calls import Call
from figment_client.errors import InvalidAnswer, ParameterFault, ProblemError
from figment_client.pictures import Picture
from figment_client.problems import problem_of_document, read_failure, read_problem
from figment_client.responses import finish, read_inspection, read_models, read_ready
from figment_client.responses import read_picture as read_picture_of

Answer = Callable[..., httpx.Response]


def read_picture(response: httpx.Response, call: Call | None = None) -> Picture:
    return read_picture_of(response, call or Call("/generate"))


def failure(kind: type[httpx.RequestError], message: str = "why") -> httpx.RequestError:
    return kind(message, request=httpx.Request("GET", "http://me:secret@here:8000/generate"))


@pytest.mark.parametrize("name", ["png", "webp", "gif", "jpeg", "avif", "apng"])
def test_a_picture_holds_the_bytes_and_the_headers(
    picture_answer: Answer, images: Mapping[str, bytes], name: str
) -> None:
    picture = read_picture(picture_answer(name))
    assert (picture.content, picture.media_type) == (images[name], f"image/{name}")
    assert (picture.seed, picture.seeds) == (7, (7, 8))
    assert (picture.model, picture.version) == ("adventurer", 3)
    assert picture.request == "/generate?n=2&seed=7&model=adventurer"


@pytest.mark.parametrize(
    ("headers", "seed", "seeds"),
    [
        ({"Figment-Seeds": None, "Figment-Seed": "7"}, None, ()),  # of the first point only: others are no seeds
        ({"Figment-Seed": "1", "Figment-Seeds": "1, 2,4294967295"}, 1, (1, 2, 2**32 - 1)),
        ({"Figment-Seeds": None}, None, ()),
    ],
)
def test_the_seeds_are_told_where_all_points_are_seeds(
    picture_answer: Answer, headers: Mapping[str, str | None], seed: int | None, seeds: tuple[int, ...]
) -> None:
    picture = read_picture(picture_answer(headers=headers))
    assert (picture.seed, picture.seeds) == (seed, seeds)


@pytest.mark.parametrize(("header", "labels"), [(None, ()), ("0", (0,)), ("3,0", (3, 0)), ("12, 7", (12, 7))])
def test_the_classes_are_told_where_there_are_any(
    picture_answer: Answer, header: str | None, labels: tuple[int, ...]
) -> None:
    assert read_picture(picture_answer(headers={"Figment-Labels": header})).labels == labels


@pytest.mark.parametrize(
    ("headers", "points"),
    [
        ({}, ("7", "8")),
        ({"Figment-Seeds": None, "Figment-Request": "/images/z:AACAPw.png?model=a"}, ("z:AACAPw",)),
        ({"Figment-Seeds": None, "Figment-Request": "/interpolate?seeds=1%2Cz:AACAPw"}, ("1", "z:AACAPw")),
        ({"Figment-Seeds": None, "Figment-Request": None}, ("z:asked",)),
    ],
)
def test_the_points_are_the_seeds_or_those_of_the_request_or_those_that_were_asked_for(
    picture_answer: Answer, headers: Mapping[str, str | None], points: tuple[str, ...]
) -> None:
    picture = read_picture(picture_answer(headers=headers), Call("/generate", points=("z:asked",)))
    assert picture.points == points


def test_a_request_that_is_too_long_for_a_header_is_none(picture_answer: Answer) -> None:
    assert read_picture(picture_answer(headers={"Figment-Request": None})).request is None


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("zip", "application/zip"),
        ("npz", "application/zip"),
        ("npz", "application/x-npz"),
        ("json", "application/json"),
    ],
)
def test_what_is_for_programs_is_a_picture_too(picture_answer: Answer, name: str, media_type: str) -> None:
    assert read_picture(picture_answer(name, headers={"Content-Type": media_type})).media_type == media_type


def test_a_media_type_may_have_capitals_and_parameters(picture_answer: Answer) -> None:
    headers = {"Content-Type": "Image/PNG; charset=binary"}
    assert read_picture(picture_answer(headers=headers)).media_type == "image/png"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Type": None}, "picture was expected"),
        ({"Content-Type": "text/html"}, "picture was expected: text/html"),
        ({"Content-Type": "application/zip"}, "says application/zip, its bytes do not"),
        ({"Content-Type": "image/webp"}, "says image/webp, its bytes do not"),
        ({"Figment-Seeds": "seven"}, "Figment-Seeds: 'seven'"),
        ({"Figment-Seeds": "1,,2"}, "Figment-Seeds: ''"),
        ({"Figment-Seeds": "9" * 5000}, "Figment-Seeds: '999"),
        ({"Figment-Labels": "1,cat"}, "Figment-Labels: 'cat'"),
        ({"Figment-Model": None}, "no Figment-Model header"),
        ({"Figment-Model": "adventurer"}, "not name/version"),
        ({"Figment-Model": "adventurer/new"}, "no whole number"),
        ({"Figment-Request": "http://elsewhere/"}, "no path"),
    ],
)
def test_a_200_that_is_not_what_it_claims_is_an_invalid_answer(
    picture_answer: Answer, headers: Mapping[str, str | None], reason: str
) -> None:
    with pytest.raises(InvalidAnswer, match=reason):
        read_picture(picture_answer(headers=headers))


@pytest.mark.parametrize("name", ["png", "webp", "gif", "jpeg", "avif", "apng"])
@pytest.mark.parametrize("cut", [1, 10])
def test_a_truncated_image_is_an_invalid_answer(
    picture_answer: Answer, images: Mapping[str, bytes], name: str, cut: int
) -> None:
    with pytest.raises(InvalidAnswer, match="cut short"):
        read_picture(picture_answer(name, content=images[name][:-cut]))


def test_an_empty_body_is_an_invalid_answer(picture_answer: Answer) -> None:
    with pytest.raises(InvalidAnswer, match="bytes do not"):
        read_picture(picture_answer(content=b""))


@pytest.mark.parametrize("read", [read_picture, read_models, read_ready, read_inspection])
@pytest.mark.parametrize("status", [204, 206, 304])
def test_another_success_than_200_is_an_invalid_answer(read: Callable[[httpx.Response], object], status: int) -> None:
    with pytest.raises(InvalidAnswer, match=f"unexpected status {status}"):
        read(httpx.Response(status))


@pytest.mark.parametrize("read", [read_picture, read_models, read_ready, read_inspection])
def test_an_error_status_is_a_problem_whoever_reads(
    problem_answer: Answer, read: Callable[[httpx.Response], object]
) -> None:
    with pytest.raises(errors.InferenceFailed):
        read(problem_answer("inference-failed", 500))


def test_a_problem_document_becomes_the_error_with_all_it_says(problem_answer: Answer) -> None:
    complaint = {"parameter": "n", "message": "at most 64", "got": "65"}
    response = problem_answer(
        "invalid-parameter", 422, detail="n: at most 64", errors=[complaint], headers={"Retry-After": "4"}
    )
    error = read_problem(response)
    assert isinstance(error, errors.InvalidParameter)
    assert (error.status, error.type, error.detail) == (422, "/problems/invalid-parameter", "n: at most 64")
    assert error.errors == (ParameterFault("n", "at most 64", "65"),)
    assert error.retry_after == 4
    assert error.raw["errors"] == [complaint]


def test_members_of_the_wrong_type_are_ignored() -> None:
    document = {"type": 1, "title": None, "detail": ["x"], "errors": [1, {"parameter": 2, "got": 3}]}
    headers = {"Content-Type": "application/problem+json; charset=utf-8"}
    error = read_problem(httpx.Response(404, headers=headers, json=document))
    assert (error.type, error.title, error.detail) == ("about:blank", "Not Found", "")
    assert error.errors == (ParameterFault("", "", "3"),)
    assert isinstance(error, errors.NotFound)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (502, ProblemError, r"Bad Gateway \(502\): text/html, beginning '<h1>502 Bad Gateway</h1> nginx'"),
        (503, errors.NotReady, r"Service Unavailable \(503\)"),
        (429, errors.RateLimited, r"Too Many Requests \(429\)"),
        (599, ProblemError, r"Unknown status \(599\)"),
    ],
)
def test_a_proxys_page_is_a_clear_error(status: int, kind: type[ProblemError], message: str) -> None:
    page = httpx.Response(status, html="<h1>502 Bad Gateway</h1>\r\n\x1b\n nginx")
    error = read_problem(page)
    assert type(error) is kind
    assert (error.type, error.raw) == ("about:blank", {})
    with pytest.raises(kind, match=message):
        raise error


@pytest.mark.parametrize("content", [b"{", b"", b"[1]", b"\xff"])
def test_a_problem_that_is_no_json_object_is_described_as_any_page(content: bytes) -> None:
    headers = {"Content-Type": "application/problem+json"}
    error = read_problem(httpx.Response(500, headers=headers, content=content))
    assert error.detail.startswith("application/problem+json")


def test_a_long_page_is_quoted_in_part() -> None:
    assert len(str(read_problem(httpx.Response(500, html="ψ" * 10_000)))) < 250


def test_a_listing_is_read(listing: dict[str, Any]) -> None:
    assert [model.name for model in read_models(httpx.Response(200, json=listing)).models] == ["adventurer"]


@pytest.mark.parametrize("content", [b"<html>", b"{}", b'{"models": 1}', b"\xff"])
def test_a_listing_of_another_shape_is_an_invalid_answer(content: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="no listing of models"):
        read_models(httpx.Response(200, content=content))


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready_is_the_status(status: int, ready: bool) -> None:
    assert read_ready(httpx.Response(status)) is ready


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx.ConnectError, errors.ConnectionFailed),
        (httpx.ReadError, errors.ConnectionFailed),
        (httpx.RemoteProtocolError, errors.ConnectionFailed),
        (httpx.TooManyRedirects, errors.ConnectionFailed),
        (httpx.ConnectTimeout, errors.TimedOut),
        (httpx.ReadTimeout, errors.TimedOut),
        (httpx.PoolTimeout, errors.TimedOut),
        (httpx.DecodingError, errors.InvalidAnswer),
    ],
)
def test_what_httpx_raises_becomes_an_error_that_names_the_server_and_no_password(
    raised: type[httpx.RequestError], expected: type[errors.FigmentError]
) -> None:
    error = read_failure(failure(raised))
    assert type(error) is expected
    assert "http://here:8000" in str(error)
    assert "secret" not in str(error)


def test_a_failure_without_words_is_named_by_its_kind() -> None:
    assert "ConnectError" in str(read_failure(failure(httpx.ConnectError, "")))


def test_finish_reads_a_response_and_raises_a_failure_with_its_cause() -> None:
    assert finish(httpx.Response(200), read_ready) is True
    cause = failure(httpx.ConnectError)
    with pytest.raises(errors.ConnectionFailed) as caught:
        finish(cause, read_ready)
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("overloaded", 503, errors.Overloaded),
        ("too-large", 413, errors.TooLarge),
        ("new", 415, errors.UnsupportedMedia),
    ],
)
def test_a_problem_in_a_stream_is_the_same_error(kind: str, status: int, expected: type[errors.ProblemError]) -> None:
    error = problem_of_document({"type": f"/problems/{kind}", "detail": "why"}, status)
    assert type(error) is expected
    assert (error.detail, error.retry_after) == ("why", None)
