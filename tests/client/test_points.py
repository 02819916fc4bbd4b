from __future__ import annotations

import itertools

import numpy as np
import pytest
from figment_client.errors import InvalidArgument
from figment_client.points import Point, pages, point_of, point_text, points_of_request, range_of, ranges_text

import bundle.points


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (0, "0"),
        (7, "7"),
        (2**32 - 1, "4294967295"),
        (np.int64(5), "5"),
        ("two words", "two words"),
        ([1.0], "z:AACAPw"),
    ],
)
def test_a_point_has_a_text(point: Point, text: str) -> None:
    assert point_text(point) == text


@pytest.mark.parametrize(
    ("point", "reason"),
    [(-1, "within 0"), (2**32, "within 0"), ("", "empty string"), ("\ud800", "no UTF-8"), ([], "at least one")],
)
def test_a_point_that_cannot_be_sent_as_meant_is_refused(point: Point, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        point_text(point)


def test_what_is_no_point_at_all_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        point_text(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 3, 128])
def test_the_text_of_a_latent_is_the_services(seed: int, size: int) -> None:
    latent = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    assert point_of(latent) == point_of(latent.tolist()) == str(bundle.points.point_of(latent))
    parsed = bundle.points.parse_point(point_of(latent))
    assert np.frombuffer(parsed.numbers, "<f4").tolist() == latent.tolist()


@pytest.mark.parametrize("latent", [[], [float("nan")], [1e39], ["a"], [None], [[1.0]]])
def test_a_latent_that_is_no_row_of_finite_numbers_is_refused(latent: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="latent"):
        point_of(latent)


@pytest.mark.parametrize(
    ("request_", "points"),
    [
        ("/images/7.png?model=a", ("7",)),
        ("/images/a%20b.c.webp", ("a b.c",)),
        ("/images/z:AACAPw.png", ("z:AACAPw",)),
        ("/generate?n=3&seed=7", ("7", "8", "9")),
        ("/generate?n=2&seed=4294967295", ("4294967295", "0")),
        ("/generate?seed=7", ("7",)),
        ("/generate?seed=ada&n=2", ("ada",)),
        ("/generate?n=3", ()),
        ("/generate?seeds=0-2,42,z:AACAPw", ("0", "1", "2", "42", "z:AACAPw")),
        ("/generate?seeds=0-4294967295", tuple(map(str, range(64)))),
        ("/interpolate?seeds=1%2C2&frames=4", ("1", "2")),
        ("/variations?seed=7&n=4&noise=1", ("7",)),
        ("/models", ()),
    ],
)
def test_a_request_names_its_points(request_: str, points: tuple[str, ...]) -> None:
    assert points_of_request(request_) == points


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3", range(4)), ("5-5", range(5, 6)), ("7", None), ("a-b", None), ("3-1", None), ("-3", None), ("1-2,3", None)],
)
def test_a_range_is_two_numbers_with_a_dash(text: str, numbers: range | None) -> None:
    assert range_of(text) == numbers


@pytest.mark.parametrize(
    ("points", "text"),
    [
        ((), ""),
        ((7,), "7"),
        ((0, 1, 2), "0-2"),
        ((3, 1, 2, 9, "ada", 10, 11), "3,1-2,9,ada,10-11"),
        (("z:AACAPw", "1", "2"), "z:AACAPw,1-2"),
        ((4294967295, 0), "4294967295,0"),
    ],
)
def test_numbers_that_follow_each_other_are_a_range(points: tuple[str | int, ...], text: str) -> None:
    assert ranges_text(points) == text
    if points:
        assert points_of_request(f"/generate?seeds={text}") == tuple(map(str, points))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (64, [64]), (65, [64, 1]), (200, [64, 64, 64, 8])])
def test_pages_hold_at_most_64(count: int, sizes: list[int]) -> None:
    found = list(pages(iter(range(count))))
    assert [len(page) for page in found] == sizes
    assert list(itertools.chain.from_iterable(found)) == list(range(count))


def test_pages_take_no_more_points_than_they_need() -> None:
    endless = itertools.count()
    assert next(pages(endless)) == tuple(range(64))
    assert next(endless) == 64


def test_one_string_is_no_list_of_points() -> None:
    with pytest.raises(InvalidArgument, match="sequence"):
        list(pages("123"))
