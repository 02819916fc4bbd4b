"""`/variations`."""

import base64
import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle.latents import latents_of
from bundle.neighbours import neighbours
from bundle.points import latents_of_points, parse_point
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import pixels_of

Decode = Callable[[httpx.Response], np.ndarray]


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
@pytest.mark.parametrize(("distance", "noise", "n"), [(0.25, 5, 4), (1.0, 2**32 - 1, 2), (2.0, 0, 1)])
async def test_the_images_are_those_of_the_neighbours(
    client: httpx.AsyncClient, decode: Decode, seed: int, distance: float, noise: int, n: int
) -> None:
    asked = {"seed": seed, "n": n, "distance": distance, "noise": noise, "columns": 1}
    shown = decode(await client.get("/variations", params=asked)).reshape(n, 4, 4, 3)
    directions = latents_of([(noise + i) % 2**32 for i in range(n)], LATENT_DIM)
    expected = neighbours(latents_of([seed], LATENT_DIM)[0], directions, distance)
    assert np.array_equal(shown, pixels_of(expected))


@pytest.mark.parametrize("seed", [1, 99])
async def test_at_no_distance_it_is_the_image_itself(client: httpx.AsyncClient, decode: Decode, seed: int) -> None:
    answer = await client.get(f"/variations?seed={seed}&distance=0&noise=4")
    assert np.array_equal(decode(answer), decode(await client.get(f"/images/{seed}.png")))


async def test_each_neighbour_has_a_point_of_its_own(client: httpx.AsyncClient) -> None:
    document = (await client.get("/variations?seed=7&n=5&distance=0.5&noise=1&format=json")).json()
    (base,) = latents_of([7], LATENT_DIM)
    assert len({entry["point"] for entry in document["images"]}) == 5
    for entry in document["images"]:
        (latent,) = latents_of_points([parse_point(entry["point"])], LATENT_DIM)
        assert np.linalg.norm(latent - base) == pytest.approx(0.5 * np.linalg.norm(base), rel=1e-4)
        with Image.open(io.BytesIO(base64.b64decode(entry["png"]))) as image:
            assert np.array_equal(np.asarray(image), pixels_of(latent[None])[0])


async def test_without_a_seed_or_noise_it_is_another_each_time(client: httpx.AsyncClient) -> None:
    for query in ("", "?seed=7", "?noise=7"):
        answers = [await client.get(f"/variations{query}") for _ in range(3)]
        assert len({answer.headers["Figment-Request"] for answer in answers}) == 3
