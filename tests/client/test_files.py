from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from figment_client import AsyncFigment, Figment
from figment_client.errors import ConnectionFailed, InvalidAnswer, InvalidParameter, WrongEnding
from figment_client.files import PartFile, content_of

from tests.client.fake_service import FakeService

Answer = Callable[..., httpx.Response]


def written(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    with PartFile(tmp_path / "a.png") as file:
        file.write(b"abc")
        assert not file.path.exists()
        file.restart()
        file.write(b"xy")
        file.commit()
    assert written(tmp_path) == {"a.png": b"xy"}


def test_what_is_not_committed_is_removed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    with PartFile(tmp_path / "a.png") as file:
        file.write(b"abc")
    assert written(tmp_path) == {"a.png": b"old"}


def test_a_file_is_given_by_path_bytes_or_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    for file in (path, str(path), b"abc", bytearray(b"abc"), memoryview(b"abc"), io.BytesIO(b"abc")):
        assert content_of(file) == b"abc"


async def test_an_answer_is_written_to_a_file_while_it_arrives(service: FakeService, tmp_path: Path) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        one = figment.generate(seed=7, to=tmp_path / "one.webp")
        whole = figment.generate(seed=7, format="webp")
    async with AsyncFigment("http://test", transport=httpx.MockTransport(service)) as figment_async:
        two = await figment_async.generate(seed=7, to=tmp_path / "two.webp")
    assert one.path == tmp_path / "one.webp"
    assert one.content == two.content == whole.content == one.path.read_bytes()
    assert (one.seeds, one.request, one.media_type) == (whole.seeds, whole.request, whole.media_type)
    assert sorted(written(tmp_path)) == ["one.webp", "two.webp"]


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The first half of an answer, and then the connection breaks."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content[: len(self.content) // 2]
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


async def test_an_answer_that_breaks_off_is_written_anew(picture_answer: Answer, tmp_path: Path) -> None:
    whole = picture_answer()

    def answers() -> httpx.MockTransport:
        script = [httpx.Response(200, headers=whole.headers, stream=Broken(whole.content)), picture_answer()]
        return httpx.MockTransport(lambda _: script.pop(0))

    with Figment("http://test", transport=answers(), sleep=lambda _: None) as figment:
        assert figment.generate(to=tmp_path / "one.png").content == whole.content
    async with AsyncFigment("http://test", transport=answers()) as figment_async:
        assert (await figment_async.generate(to=tmp_path / "two.png")).content == whole.content


async def test_half_an_answer_never_has_the_files_name(picture_answer: Answer, tmp_path: Path) -> None:
    headers, content = picture_answer().headers, picture_answer().content
    (tmp_path / "a.png").write_bytes(b"old")
    for answer, error in (
        (lambda: httpx.Response(200, headers=headers, stream=Broken(content)), ConnectionFailed),
        (lambda: httpx.Response(200, headers={**headers, "Content-Length": "9"}, content=content[:9]), InvalidAnswer),
        (lambda: httpx.Response(422), InvalidParameter),
        (lambda: httpx.Response(200, html="<h1>Log in</h1>"), InvalidAnswer),
        (lambda: picture_answer("webp"), WrongEnding),
    ):
        transport = httpx.MockTransport(lambda _, answer=answer: answer())
        with Figment("http://test", transport=transport, max_retries=0) as figment, pytest.raises(error):
            figment.image(7, to=tmp_path / "a.png")
        async with AsyncFigment("http://test", transport=transport, max_retries=0) as figment_async:
            with pytest.raises(error):
                await figment_async.image(7, to=tmp_path / "a.png")
        assert written(tmp_path) == {"a.png": b"old"}


def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(service: FakeService, tmp_path: Path) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        with pytest.raises(FileNotFoundError):
            figment.image(7, to=tmp_path / "nowhere" / "a.png")
        with pytest.raises(WrongEnding):
            figment.image(7, to=tmp_path / "a.bmp")
    assert service.asked == []
