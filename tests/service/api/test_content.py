import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from service.api.content import MIN_LIMIT, limit_of, unpacked
from service.api.problems import InvalidParameters, TooLarge
from tests.service.conftest import Serve

PATH = "/v1/models/tiny:predict"
GOOD = b'{"instances": [[' + b"0.5," * 15 + b"0.5]]}"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", PACKERS)
async def test_a_packed_body_is_read_as_a_plain_one(client: httpx.AsyncClient, encoding: str) -> None:
    plain = await client.post(PATH, content=GOOD)
    packed = await client.post(PATH, content=PACKERS[encoding](GOOD), headers={"Content-Encoding": encoding})
    assert (plain.status_code, packed.content) == (200, plain.content)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
async def test_curl_need_not_name_the_content_type(client: httpx.AsyncClient, kind: str) -> None:
    assert (await client.post(PATH, content=GOOD, headers={"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "\xff"])
async def test_another_encoding_is_refused_with_those_that_are_read(client: httpx.AsyncClient, encoding: str) -> None:
    answer = await client.post(PATH, content=GOOD, headers={"Content-Encoding": encoding.encode("latin-1")})
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "gzip, deflate"
    assert "gzip and deflate" in answer.json()["error"]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", b""),
        ("gzip", GOOD),
        ("gzip", gzip.compress(GOOD)[:-4]),
        ("gzip", gzip.compress(GOOD) + b"more"),
        ("gzip", zlib.compress(GOOD)),
        ("deflate", gzip.compress(GOOD)),
        ("deflate", zlib.compress(GOOD)[:-1]),
        ("deflate", zlib.compress(GOOD) * 2),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_a_wrong_request(
    client: httpx.AsyncClient, encoding: str, content: bytes
) -> None:
    answer = await client.post(PATH, content=content, headers={"Content-Encoding": encoding})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body: ")


def test_a_bomb_is_not_unpacked_beyond_the_limit() -> None:
    bomb = gzip.compress(bytes(50 * MIN_LIMIT), 9)
    assert len(bomb) < MIN_LIMIT
    with pytest.raises(TooLarge, match=f"more than {MIN_LIMIT} bytes"):
        unpacked(bomb, "gzip", MIN_LIMIT)
    assert unpacked(gzip.compress(bytes(100)), "gzip", 100) == bytes(100)
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(bytes(101)), "gzip", 100)
    with pytest.raises(InvalidParameters):
        unpacked(gzip.compress(bytes(100))[:-9], "gzip", 100)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
async def test_a_body_that_says_it_is_too_long_is_not_read(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post(PATH, content=bytes(MIN_LIMIT + 1), headers=headers)
    assert answer.status_code == 413
    assert str(MIN_LIMIT) in answer.json()["error"]


async def test_a_body_without_a_length_is_read_up_to_the_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**16
            yield bytes(2**16)

    answer = await client.post(PATH, content=chunks())
    assert answer.status_code == 413
    assert sent <= MIN_LIMIT + 2**17


async def test_a_body_that_does_not_come_is_a_timeout(serve: Serve, publish: Callable[..., Any]) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    publish("tiny")
    async with serve(deadline=0.05) as service:
        answer = await service.client.post(PATH, content=slow())
    assert answer.status_code == 504
    assert answer.json() == {"error": "not answered within 0.05 s"}


async def test_the_limit_leaves_room_for_the_largest_models_latents(serve: Serve, publish: Callable[..., Any]) -> None:
    publish("tiny")
    async with serve() as service:
        assert limit_of(service.catalogue) == MIN_LIMIT
        publish("wide", latent_dim=1000)
        await service.catalogue.refresh()
        assert limit_of(service.catalogue) == 64 * 1000 * 32
