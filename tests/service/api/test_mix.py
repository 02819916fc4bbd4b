"""`/mix`."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.neighbours import mix
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import pixels_of

Decode = Callable[[httpx.Response], np.ndarray]
Check = Callable[[httpx.Response, str], dict[str, Any]]


@pytest.mark.parametrize("first", [0, 40])
@pytest.mark.parametrize(
    ("weights", "rescale"), [([1.0, -1.0, 1.0], True), ([0.5, 0.25, 0.25], False), ([-4.0, 4.0, 0.1], True)]
)
async def test_the_image_is_that_of_the_sum(
    client: httpx.AsyncClient, decode: Decode, first: int, weights: list[float], rescale: bool
) -> None:
    asked = {"seeds": f"{first}-{first + 2}", "weights": ",".join(map(str, weights)), "rescale": str(rescale).lower()}
    expected = mix(latents_of(range(first, first + 3), LATENT_DIM), weights, rescale)
    assert np.array_equal(decode(await client.get("/mix", params=asked)), pixels_of(expected[None])[0])


async def test_without_weights_it_is_the_mean(client: httpx.AsyncClient, decode: Decode) -> None:
    assert np.array_equal(
        decode(await client.get("/mix?seeds=1,2,3,4")), decode(await client.get("/mix?seeds=1-4&weights=1,1,1,1"))
    )


async def test_the_sum_of_one_is_itself(client: httpx.AsyncClient, decode: Decode) -> None:
    answer = await client.post("/mix", json={"seeds": [7, 8], "weights": [1, 0], "rescale": False})
    assert np.array_equal(decode(answer), decode(await client.get("/images/7.png")))


async def test_it_needs_seeds(client: httpx.AsyncClient, problem: Check) -> None:
    body = problem(await client.get("/mix"), "invalid-parameter")
    assert body["errors"][0]["parameter"] == "seeds"
