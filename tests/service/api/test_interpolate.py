import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle.latents import latents_of, path
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import pixels_of

Decode = Callable[[httpx.Response], np.ndarray]

TYPES = {"png": "image/png", "webp": "image/webp", "gif": "image/gif"}


def strip(image: np.ndarray) -> np.ndarray:
    """The frames of one row: [frames, 4, 4, 3]."""
    return image.reshape(4, -1, 4, 3).swapaxes(0, 1)


@pytest.mark.parametrize("loop", ["true", "false"])
@pytest.mark.parametrize("mode", ["slerp", "lerp"])
@pytest.mark.parametrize(("seeds", "frames"), [([1, 2], 2), ([1, 2, 3], 7), ([5, 5], 16), ([0, 2**32 - 1, 7, 9], 120)])
async def test_the_frames_are_those_of_the_path(
    client: httpx.AsyncClient, decode: Decode, seeds: list[int], frames: int, mode: str, loop: str
) -> None:
    asked = {"seeds": ",".join(map(str, seeds)), "frames": frames, "mode": mode, "loop": loop}
    answer = await client.get("/interpolate", params=asked)
    walk = path(latents_of(seeds, LATENT_DIM), frames, mode, loop == "true")  # type: ignore[arg-type]
    assert np.array_equal(strip(decode(answer)), pixels_of(walk))
    assert answer.headers["Figment-Seeds"] == asked["seeds"]
    assert "Figment-Seed" not in answer.headers  # a walk has no first seed of consecutive ones


@pytest.mark.parametrize(("first", "second"), [(1, 2), (7, 4294967295), (0, 12345)])
async def test_a_walk_begins_at_the_first_seed_and_ends_at_the_last(
    client: httpx.AsyncClient, decode: Decode, first: int, second: int
) -> None:
    frames = strip(decode(await client.get(f"/interpolate?seeds={first},{second}&frames=5")))
    for frame, seed in ((frames[0], first), (frames[-1], second)):
        assert np.array_equal(frame, decode(await client.get(f"/images/{seed}.png")))


async def test_a_looped_walk_ends_before_the_first_seed_again(client: httpx.AsyncClient, decode: Decode) -> None:
    frames = strip(decode(await client.get("/interpolate?seeds=1,2&frames=6&loop=true")))
    assert np.array_equal(frames[0], decode(await client.get("/images/1.png")))
    assert np.array_equal(frames[3], decode(await client.get("/images/2.png")))
    assert not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize("format", ["webp", "gif"])
@pytest.mark.parametrize(("frames", "fps"), [(2, 1), (7, 12), (120, 50)])
async def test_an_animation_has_every_frame_and_repeats_for_ever(
    client: httpx.AsyncClient,
    format: str,  # noqa: A002
    frames: int,
    fps: int,
) -> None:
    answer = await client.get(f"/interpolate?seeds=1,2,3&frames={frames}&fps={fps}&format={format}")
    assert answer.headers["Content-Type"] == TYPES[format]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == format.upper()
        assert (getattr(image, "n_frames", 1), image.size, image.info["loop"]) == (frames, (4, 4), 0)
    assert answer.headers["Figment-Request"].encode() in answer.content


@pytest.mark.parametrize(("columns", "size"), [(None, (40, 4)), (5, (20, 8)), (1, (4, 40)), (120, (40, 4))])
async def test_a_png_is_one_row_or_has_the_columns_asked_for(
    client: httpx.AsyncClient, decode: Decode, columns: int | None, size: tuple[int, int]
) -> None:
    asked = {"seeds": "1,2", "frames": 10} | ({"columns": columns} if columns else {})
    height, width, _ = decode(await client.get("/interpolate", params=asked)).shape
    assert (width, height) == size


@pytest.mark.parametrize("count", [2, 3, 16])
async def test_two_to_sixteen_seeds_are_a_walk(client: httpx.AsyncClient, count: int) -> None:
    seeds = ",".join(map(str, range(count)))
    assert (await client.get(f"/interpolate?seeds={seeds}")).headers["Figment-Seeds"] == seeds
