from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable

import httpx
import pytest
from figment_client import AsyncFigment, Figment
from figment_client.archives import pictures_of_zip, png_texts
from figment_client.errors import InvalidAnswer, InvalidArgument
from figment_client.pictures import Picture

from tests.client.fake_service import FakeService, encoded, provenance_of, written

POINTS = ["7", "8", "z:AACAPw", "7"]


def archive(content: bytes, points: list[str] = POINTS) -> Picture:
    return Picture(content, "application/zip", (), "adventurer", 3, None, (), tuple(points))


@pytest.mark.parametrize("points", [["two words", "z:AACAPw"], ["4294967296", "9" * 30], ["7", "7"]])
def test_the_seed_is_that_of_the_files_name(points: list[str]) -> None:
    seeds = [7, 8] if points != ["7", "7"] else [7, 7]
    content = written("zip", list(map(str, seeds)), provenance_of("/generate?n=2", ["7"], {}))
    singles = pictures_of_zip(archive(content, points), 2, {})
    assert [single.seed for single in singles] == seeds
    assert [single.points for single in singles] == [(str(seed),) for seed in seeds]


def test_each_picture_says_what_drew_it() -> None:
    content = written("zip", POINTS, provenance_of("/generate?n=4", POINTS, {"label": "dog"}))
    singles = pictures_of_zip(archive(content), 4, {"label": "dog", "truncation": 0.5})
    assert [single.points for single in singles] == [("7",), ("8",), ("z:AACAPw",), ("7",)]
    assert [single.seed for single in singles] == [7, 8, None, 7]
    assert [single.labels for single in singles] == [(1,)] * 4
    assert [single.request for single in singles][2] == (
        "/images/z:AACAPw.png?truncation=0.5&model=adventurer&version=3&label=dog"
    )
    assert {(single.model, single.version, single.media_type) for single in singles} == {("adventurer", 3, "image/png")}
    assert singles[0].image().size == (3, 2)


@pytest.mark.parametrize(("shift", "same"), [(0, True), (1, False), (3, False)])
def test_a_picture_of_an_archive_is_verified_among_those_it_was_drawn_with(
    service: FakeService, shift: int, same: bool
) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        pictures = list(figment.images([7, "ada", [1.0, 2.0]]))
        service.redrawn = shift
        for picture in pictures:
            found = figment.verify(picture.content)
            assert (found.same, found.largest_difference) == (same, shift)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without_texts(_: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as other:
        other.writestr("7.png", encoded(["7"], {}))
        other.writestr("8.png", encoded(["8"], {}))
    return file.getvalue()


@pytest.mark.parametrize(
    ("damage", "count", "words"),
    [
        (cut, 2, "damaged"),
        (without_texts, 2, "7.png in the archive does not say"),
        (bytes, 3, "2 pictures instead of 3"),
    ],
)
def test_a_damaged_archive_is_an_invalid_answer(damage: Callable[[bytes], bytes], count: int, words: str) -> None:
    content = written("zip", ["7", "8"], provenance_of("/generate?n=2", ["7", "8"], {}))
    with pytest.raises(InvalidAnswer, match=words):
        pictures_of_zip(archive(damage(content), POINTS[:count]), count, {})


@pytest.mark.parametrize("text", ["short", "long " * 40, "ψ", "ψ " * 200])
def test_texts_of_a_png_are_read_compressed_or_not(text: str) -> None:
    assert dict(png_texts(encoded(["7"], {"figment:request": text}))) == {"figment:request": text}


@pytest.mark.parametrize("count", [1, 64, 65, 130])
def test_images_of_any_number_come_in_groups_of_64(service: FakeService, count: int) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        pictures = list(figment.images(range(count), truncation=0.5))
    assert [picture.seed for picture in pictures] == list(range(count))
    assert len(service.asked) == (count + 63) // 64
    assert not {"model", "version"} & set(service.asked[0].url.params)
    pinned = [(request.url.params["model"], request.url.params["version"]) for request in service.asked[1:]]
    assert set(pinned) <= {("adventurer", "3")}
    assert {picture.request for picture in pictures[-1:]} == {
        f"/images/{count - 1}.png?truncation=0.5&model=adventurer&version=3"
    }
    assert all(request.url.params["truncation"] == "0.5" for request in service.asked)


async def test_the_images_of_both_clients_are_the_same(service: FakeService) -> None:
    points = [*range(70), "ada", [1.0, 2.0]]
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        pictures = list(figment.images(points))
    async with AsyncFigment("http://test", transport=httpx.MockTransport(service)) as figment_async:
        awaited = [picture async for picture in figment_async.images(iter(points))]
    assert awaited == pictures
    assert pictures[-1].points == ("z:AACAPwAAAEA",)


def test_only_what_is_looked_at_is_asked_for(service: FakeService) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        pictures = figment.images(itertools.count())
        assert service.asked == []
        assert [picture.seed for picture in itertools.islice(pictures, 65)] == list(range(65))
        assert len(service.asked) == 2
        with pytest.raises(InvalidArgument):
            list(figment.images("123"))


def test_a_picture_of_an_archive_is_that_of_its_own_request(service: FakeService) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        single = next(figment.images([7]))
        assert single.image().tobytes() == figment.image(7).image().tobytes()
