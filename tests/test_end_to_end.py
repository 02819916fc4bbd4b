"""The real service with the shipped model, over real sockets."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).parent.parent
CLIENTS = 32

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"FIGMENT_PORT": str(port), "FIGMENT_GRACE": "0", "FIGMENT_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, "-m", "service"], cwd=ROOT, env=os.environ | settings)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, address)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(1200):
        assert process.poll() is None, "the service ended"
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("not ready after two minutes")


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=httpx.Limits(max_connections=64)) as client:
        yield client


async def picture(client: httpx.AsyncClient, path: str) -> NDArray[np.uint8]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def tiles(grid: NDArray[np.uint8], side: int = 64) -> list[NDArray[np.uint8]]:
    rows, columns = grid.shape[0] // side, grid.shape[1] // side
    places = [(row * side, column * side) for row in range(rows) for column in range(columns)]
    return [grid[y : y + side, x : x + side] for y, x in places]


@pytest.mark.parametrize("seed", [0, 7, 123456, 2**32 - 8])
async def test_a_seed_has_the_same_pixels_alone_in_a_grid_and_at_any_place(
    client: httpx.AsyncClient, seed: int
) -> None:
    alone = [await picture(client, f"/images/{(seed + i) % 2**32}.png") for i in range(16)]
    for n in (1, 3, 4, 7, 16):
        grid = tiles(await picture(client, f"/generate?n={n}&seed={seed}&columns={n}"))
        assert all(np.array_equal(a, b) for a, b in zip(grid, alone[:n], strict=True))
    shifted = tiles(await picture(client, f"/generate?n=5&seed={(seed + 3) % 2**32}&columns=5"))
    assert all(np.array_equal(a, b) for a, b in zip(shifted, alone[3:8], strict=True))


async def test_a_seed_has_the_same_pixels_while_32_clients_load_the_service(client: httpx.AsyncClient) -> None:
    seeds = [1000 * k for k in range(4)]
    calm = {seed: (await client.get(f"/generate?n=16&seed={seed}")).content for seed in seeds}
    stop = asyncio.Event()

    async def load(number: int) -> int:
        sent = 0
        while not stop.is_set():
            answer = await client.get(f"/generate?n={1 + (number * 7 + sent) % 16}&seed={number * 1000 + sent}")
            assert answer.status_code in (200, 503)
            sent += 1
        return sent

    clients = [asyncio.create_task(load(number)) for number in range(CLIENTS)]
    try:
        for _ in range(3):
            for seed in seeds:
                assert (await client.get(f"/generate?n=16&seed={seed}")).content == calm[seed]
    finally:
        stop.set()
    assert sum(await asyncio.gather(*clients)) > CLIENTS


async def test_different_seeds_are_different_images(client: httpx.AsyncClient) -> None:
    images = tiles(await picture(client, "/generate?n=64&seed=1"))
    assert len({image.tobytes() for image in images}) == 64


async def test_a_walk_begins_and_ends_at_its_seeds(client: httpx.AsyncClient) -> None:
    strip = tiles(await picture(client, "/interpolate.png?seeds=7,8,9&frames=5"))
    for place, seed in ((0, 7), (4, 8), (8, 9)):
        assert np.array_equal(strip[place], await picture(client, f"/images/{seed}.png"))
