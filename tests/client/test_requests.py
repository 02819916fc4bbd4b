from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from figment_client import requests
from figment_client.calls import MAX_QUERY, Call, to_httpx
from figment_client.errors import InvalidArgument, NoRequest, WrongEnding
from figment_client.points import point_of


def sent(call: Call, base_url: str = "http://test") -> httpx.Request:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
        return to_httpx(http, base_url, call, httpx.Timeout(1))


def body(call: Call) -> dict[str, object]:
    request = sent(call)
    assert (request.method, request.headers["Content-Type"], call.params) == ("POST", "application/json", ())
    return dict(json.loads(request.content))


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
        (
            requests.interpolate(["a", 2, 3, "z:AACAPw"], shape=(8, 4), easing="smooth", t=0.25),
            "/interpolate",
            {"seeds": "a,2,3,z:AACAPw", "easing": "smooth", "t": "0.25", "shape": "8x4"},
        ),
        (requests.interpolate([1, 2, 3, 4], shape="8x8"), "/interpolate", {"seeds": "1,2,3,4", "shape": "8x8"}),
        (requests.generate(seeds=[0, "ada", 42]), "/generate", {"seeds": "0,ada,42"}),
        (requests.generate(seeds="0-15,42"), "/generate", {"seeds": "0-15,42"}),
        (requests.generate(seeds=range(3), labels=["cat", 1, 0]), "/generate", {"seeds": "0,1,2", "labels": "cat,1,0"}),
        (
            requests.generate(4, seed=1, padding=2, background="#fff", scale=2, resample="lanczos", version=2),
            "/generate",
            {"n": "4", "seed": "1", "padding": "2", "background": "#fff", "scale": "2"}
            | {"resample": "lanczos", "version": "2"},
        ),
        (requests.generate(format="jpeg", quality=80), "/generate", {"format": "jpeg", "quality": "80"}),
        (
            requests.image(7, format="webp", lossless=True, scale=2),
            "/images/7.webp",
            {"scale": "2", "lossless": "true"},
        ),
        (requests.image([1.0]), "/images/z:AACAPw.png", {}),
        (requests.variations(), "/variations", {}),
        (
            requests.variations(7, 9, distance=0.3, noise=5, columns=3),
            "/variations",
            {"seed": "7", "n": "9", "distance": "0.3", "noise": "5", "columns": "3"},
        ),
        (requests.mix([1, 2]), "/mix", {"seeds": "1,2"}),
        (
            requests.mix([1, "two", 3], [1, -1, 0.5], rescale=False),
            "/mix",
            {"seeds": "1,two,3", "weights": "1,-1,0.5", "rescale": "false"},
        ),
        (requests.health(), "/livez", {}),
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
    request = sent(requests.image(seed), "http://test/below")
    assert request.url.raw_path == b"/below" + path.encode()


@pytest.mark.parametrize("seed", ["a&b=c", "1+1", "a b", "100%", "ψ"])
def test_a_seed_of_words_reaches_the_query_whole(seed: str) -> None:
    request = sent(requests.generate(seed=seed), "http://test")
    assert dict(request.url.params) == {"seed": seed}


@pytest.mark.parametrize(
    ("seed", "reason"),
    [(-1, "within 0"), (2**32, "within 0"), ("", "empty string"), ("\ud800", "no UTF-8 form")],
)
def test_a_seed_that_cannot_be_sent_as_meant_is_refused(seed: int | str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        requests.generate(seed=seed)
    with pytest.raises(InvalidArgument, match=reason):
        requests.generate(seeds=[1, seed])
    with pytest.raises(InvalidArgument, match=reason):
        requests.image(seed)
    with pytest.raises(InvalidArgument, match=reason):
        requests.variations(seed)
    with pytest.raises(InvalidArgument, match=reason):
        requests.mix([1, seed])
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
    with pytest.raises(InvalidArgument, match=reason):
        requests.generate(labels=[0, label])


@pytest.mark.parametrize("label", ["a&b=c", "1+1", "a b", "100%", "é ψ", "a,b"])
def test_a_label_reaches_the_query_whole(label: str) -> None:
    request = sent(requests.image(1, label=label), "http://test")
    assert dict(request.url.params) == {"label": label}


def test_a_comma_in_a_point_is_refused_among_others_only() -> None:
    for ask in (requests.interpolate, requests.mix, lambda seeds: requests.generate(seeds=seeds)):
        with pytest.raises(InvalidArgument, match=r"'one,two'.*comma"):
            ask([1, "one,two"])
    assert dict(requests.generate(seed="one,two").params) == {"seed": "one,two"}


def test_one_string_is_not_taken_for_the_seeds_of_a_walk() -> None:
    with pytest.raises(InvalidArgument, match=r"like \[1, 2\]"):
        requests.interpolate("123")


def test_no_seeds_at_all_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="empty"):
        requests.interpolate([])


def test_a_weight_for_each_point_is_needed() -> None:
    with pytest.raises(InvalidArgument, match="3 for 2 points"):
        requests.mix([1, 2], [1, 2, 3])


def test_latents_go_as_json_in_a_body() -> None:
    rows = [[0.5, -1.0], [2.0, 0.25]]
    call = requests.generate(latents=rows, columns=2, lossless=True, label="cat")
    assert body(call) == {"latents": rows, "columns": 2, "lossless": True, "label": "cat"}
    assert call.points == tuple(map(point_of, rows))
    assert body(requests.interpolate(latents=np.array(rows, np.float32), frames=8)) == {"latents": rows, "frames": 8}


@pytest.mark.parametrize("latents", [[], [[]], [[1.0], [1.0, 2.0]], [[float("nan")]], [[float("inf")]]])
def test_latents_that_are_no_finite_rows_alike_are_refused(latents: list[list[float]]) -> None:
    with pytest.raises(InvalidArgument, match=r"latent"):
        requests.generate(latents=latents)


@pytest.mark.parametrize("numbers", [1, 100])
def test_what_is_too_long_for_a_query_goes_as_json(numbers: int) -> None:
    latents = [np.linspace(0, 1, 400), np.linspace(1, 2, 400)]
    call = requests.mix([*latents, numbers], scale=2)
    text = ",".join([*map(point_of, latents), str(numbers)])
    assert len(text) > MAX_QUERY
    assert body(call) == {"seeds": text, "scale": 2}
    assert requests.mix([1, 2], scale=2).content is None


@pytest.mark.parametrize("point", [7, "words", np.linspace(0, 1, 600)])
@pytest.mark.parametrize("length", [1, 220, 2000])
def test_one_image_is_never_asked_for_with_a_body(point: int | str, length: int) -> None:
    request = sent(requests.image(point, label="語" * length, scale=2))
    assert (request.method, request.content) == ("GET", b"")
    assert dict(request.url.params) == {"scale": "2", "label": "語" * length}


def test_labels_with_commas_go_as_a_list() -> None:
    assert body(requests.generate(seeds=[1, 2], labels=["a, b", 0])) == {"seeds": "1,2", "labels": ["a, b", "0"]}


def test_an_option_that_there_is_not_is_a_type_error() -> None:
    for ask in (requests.generate, requests.interpolate, requests.variations, lambda **o: requests.image(7, **o)):
        with pytest.raises(TypeError, match="colums"):
            ask(colums=3)


@pytest.mark.parametrize("option", ["columns", "padding", "background"])
def test_what_is_one_image_has_no_options_of_a_grid(option: str) -> None:
    for ask in (requests.mix, requests.image):
        with pytest.raises(TypeError, match=option):
            ask([1, 2], **{option: 1})


def test_a_picture_that_tells_no_request_has_nothing_to_draw_again() -> None:
    with pytest.raises(NoRequest, match="nothing to draw again"):
        requests.replay(None)


@pytest.mark.parametrize("name", ["png", "webp", "jpeg", "avif", "gif"])
def test_a_file_to_project_or_inspect_is_posted_with_its_media_type(images: dict[str, bytes], name: str) -> None:
    for call in (requests.project(images[name], steps=5, seconds=1.5, seed=3), requests.inspect(images[name])):
        request = sent(call)
        assert (request.method, request.content) == ("POST", images[name])
        assert request.headers["Content-Type"] == f"image/{name}"
    projected = sent(requests.project(images[name], steps=5, seconds=1.5, seed=3))
    assert dict(projected.url.params) == {"steps": "5", "seconds": "1.5", "seed": "3"}
    assert projected.headers["Accept"].startswith("text/event-stream")


@pytest.mark.parametrize("request_", ["/generate?n=16&seed=7", "/images/z:AACAPw.png", "/images/a%20b.png?model=m"])
def test_a_request_is_replayed_as_it_is(request_: str) -> None:
    assert sent(requests.replay(request_), "http://test/below").url.raw_path.decode() == "/below" + request_


@pytest.mark.parametrize(
    "request_", ["", "generate", "//elsewhere/generate", "http://elsewhere/generate", "@elsewhere/"]
)
def test_what_is_no_path_is_not_replayed(request_: str) -> None:
    with pytest.raises(NoRequest, match="no path"):
        requests.replay(request_)


@pytest.mark.parametrize(
    ("to", "given", "format_"),
    [
        ("a.png", None, "png"),
        ("a.JPG", None, "jpeg"),
        ("a.npz", None, "npz"),
        ("a.png", "apng", "apng"),
        ("a.jpeg", "jpeg", "jpeg"),
        (None, "gif", "gif"),
        (None, None, None),
    ],
)
def test_the_ending_of_a_file_chooses_the_format(to: str | None, given: str | None, format_: str | None) -> None:
    assert requests.destined({"format": given}, to).get("format") == format_


@pytest.mark.parametrize(
    ("to", "given", "reason"),
    [("a", None, "names no format"), ("a.bmp", None, "no format"), ("a.png", "gif", "needed")],
)
def test_an_ending_of_another_format_is_refused(to: str, given: str | None, reason: str) -> None:
    with pytest.raises(WrongEnding, match=reason):
        requests.destined({"format": given}, to)


def test_a_point_too_long_for_a_url_is_an_invalid_argument() -> None:
    with pytest.raises(InvalidArgument, match="URL"):
        sent(requests.image("x" * 70_000))
