from __future__ import annotations

import httpx
import pytest
from figment_client import requests
from figment_client.errors import InvalidArgument
from figment_client.requests import Call


@pytest.mark.parametrize(
    ("call", "path", "params"),
    [
        (requests.generate(), "/generate", {}),
        (requests.generate(16, seed=7), "/generate", {"n": "16", "seed": "7"}),
        (requests.generate(seed=0, truncation=0.0), "/generate", {"seed": "0", "truncation": "0.0"}),
        (
            requests.generate(2, columns=1, truncation=0.5, model="adventurer"),
            "/generate",
            {"n": "2", "columns": "1", "truncation": "0.5", "model": "adventurer"},
        ),
        (requests.image(7), "/images/7.png", {}),
        (requests.image("x", truncation=2, model="m"), "/images/x.png", {"truncation": "2", "model": "m"}),
        (requests.generate(label="a dog", model="m"), "/generate", {"label": "a dog", "model": "m"}),
        (requests.image(7, truncation=1, label=0), "/images/7.png", {"truncation": "1", "label": "0"}),
        (requests.interpolate([1, 2], label="0"), "/interpolate", {"seeds": "1,2", "label": "0"}),
        (requests.interpolate(), "/interpolate", {}),
        (
            requests.interpolate([1, "two"], frames=24, mode="lerp", loop=True, format="webp", fps=9),
            "/interpolate",
            {"seeds": "1,two", "frames": "24", "mode": "lerp", "loop": "true", "format": "webp", "fps": "9"},
        ),
        (
            requests.interpolate((1, 2), loop=False, columns=4, truncation=1.5, model="m"),
            "/interpolate",
            {"seeds": "1,2", "loop": "false", "columns": "4", "truncation": "1.5", "model": "m"},
        ),
        (requests.models(), "/models", {}),
        (requests.ready(), "/readyz", {}),
    ],
)
def test_what_is_given_is_sent_and_what_is_none_is_left_out(call: Call, path: str, params: dict[str, str]) -> None:
    assert (call.path, dict(call.params)) == (path, params)


@pytest.mark.parametrize(
    ("seed", "path"),
    [
        ("a b", "/images/a%20b.png"),
        ("a/b", "/images/a%2Fb.png"),
        ("100%", "/images/100%25.png"),
        ("%41", "/images/%2541.png"),
        ("what?#now", "/images/what%3F%23now.png"),
        ("..", "/images/...png"),
        ("größe ψ", "/images/gr%C3%B6%C3%9Fe%20%CF%88.png"),
    ],
)
def test_a_seed_of_words_reaches_the_path_whole(seed: str, path: str) -> None:
    assert requests.image(seed).path == path
    with httpx.Client(base_url="http://test/below") as http:
        request = requests.to_httpx(http, requests.image(seed))
    assert request.url.raw_path == b"/below" + path.encode()


@pytest.mark.parametrize("seed", ["a&b=c", "1+1", "a b", "100%", "ψ"])
def test_a_seed_of_words_reaches_the_query_whole(seed: str) -> None:
    with httpx.Client(base_url="http://test") as http:
        request = requests.to_httpx(http, requests.generate(seed=seed))
    assert dict(request.url.params) == {"seed": seed}


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_a_number_within_range_is_sent_in_digits(seed: int) -> None:
    assert requests.seed_text(seed) == str(seed)


@pytest.mark.parametrize(
    ("seed", "reason"),
    [(-1, "within 0"), (2**32, "within 0"), ("", "empty string"), ("\ud800", "no UTF-8 form")],
)
def test_a_seed_that_cannot_be_sent_as_meant_is_refused(seed: int | str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        requests.generate(seed=seed)
    with pytest.raises(InvalidArgument, match=reason):
        requests.image(seed)
    with pytest.raises(InvalidArgument, match=reason):
        requests.interpolate([1, seed])


@pytest.mark.parametrize(
    ("label", "reason"), [(-1, "0 or more"), ("", "empty string"), ("\ud800", r"label .* no UTF-8 form")]
)
def test_a_label_that_cannot_be_sent_as_meant_is_refused(label: int | str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        requests.generate(label=label)
    with pytest.raises(InvalidArgument, match=reason):
        requests.image(1, label=label)
    with pytest.raises(InvalidArgument, match=reason):
        requests.interpolate(label=label)


@pytest.mark.parametrize("label", ["a&b=c", "1+1", "a b", "100%", "é ψ", "a,b"])
def test_a_label_reaches_the_query_whole(label: str) -> None:
    with httpx.Client(base_url="http://test") as http:
        request = requests.to_httpx(http, requests.image(1, label=label))
    assert dict(request.url.params) == {"label": label}


def test_a_seed_that_is_no_number_and_no_string_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        requests.seed_text(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        requests.label_text(1.5)  # type: ignore[arg-type]


def test_a_comma_in_a_seed_is_refused_in_a_walk_only() -> None:
    with pytest.raises(InvalidArgument, match=r"'one,two'.*comma"):
        requests.interpolate([1, "one,two"])
    assert dict(requests.generate(seed="one,two").params) == {"seed": "one,two"}


def test_one_string_is_not_taken_for_the_seeds_of_a_walk() -> None:
    with pytest.raises(InvalidArgument, match=r"like \[1, 2\]"):
        requests.interpolate("123")


def test_no_seeds_at_all_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="empty"):
        requests.interpolate([])


def test_every_request_is_a_get() -> None:
    with httpx.Client(base_url="http://test") as http:
        assert requests.to_httpx(http, requests.generate(4)).method == "GET"


def test_a_seed_too_long_for_a_url_is_an_invalid_argument() -> None:
    with httpx.Client(base_url="http://test") as http, pytest.raises(InvalidArgument, match="URL"):
        requests.to_httpx(http, requests.image("x" * 70_000))
