import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle.latents import latents_of
from bundle.points import point_of
from bundle.walks import along, frames_of_walk, lattice, walk
from tests.service.conftest import LATENT_DIM
from tests.service.fake_engine import pixels_of

Decode = Callable[[httpx.Response], np.ndarray]

TYPES = {"webp": "image/webp", "gif": "image/gif", "apng": "image/apng"}


def strip(image: np.ndarray) -> np.ndarray:
    """The frames of one row: [frames, 4, 4, 3]."""
    return image.reshape(4, -1, 4, 3).swapaxes(0, 1)


@pytest.mark.parametrize("loop", ["true", "false"])
@pytest.mark.parametrize("mode", ["slerp", "lerp"])
@pytest.mark.parametrize(("seeds", "frames"), [([1, 2], 2), ([1, 2, 3], 7), ([5, 5], 16), ([0, 2**32 - 1, 7, 9], 60)])
async def test_the_frames_are_those_of_the_path(
    client: httpx.AsyncClient, decode: Decode, seeds: list[int], frames: int, mode: str, loop: str
) -> None:
    asked = {"seeds": ",".join(map(str, seeds)), "frames": frames, "mode": mode, "loop": loop, "format": "png"}
    answer = await client.get("/interpolate", params=asked)
    steps = walk(latents_of(seeds, LATENT_DIM), frames, mode, loop == "true")  # type: ignore[arg-type]
    assert np.array_equal(strip(decode(answer)), pixels_of(steps))
    assert answer.headers["Figment-Seeds"] == asked["seeds"]
    assert "Figment-Seed" not in answer.headers  # a walk has no first seed of consecutive ones


@pytest.mark.parametrize(("first", "second"), [(1, 2), (7, 4294967295), (0, 12345)])
async def test_a_walk_begins_at_the_first_seed_and_ends_at_the_last(
    client: httpx.AsyncClient, decode: Decode, first: int, second: int
) -> None:
    frames = strip(decode(await client.get(f"/interpolate?seeds={first},{second}&frames=5&format=png")))
    for frame, seed in ((frames[0], first), (frames[-1], second)):
        assert np.array_equal(frame, decode(await client.get(f"/images/{seed}.png")))


async def test_a_looped_walk_ends_before_the_first_seed_again(client: httpx.AsyncClient, decode: Decode) -> None:
    frames = strip(decode(await client.get("/interpolate?seeds=1,2&frames=4&loop=true&format=png")))
    assert np.array_equal(frames[0], decode(await client.get("/images/1.png")))
    assert np.array_equal(frames[3], decode(await client.get("/images/2.png")))
    assert not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize("format", TYPES)
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
        assert image.format == format.removeprefix("a").upper()
        in_all = frames_of_walk(3, frames)
        assert (getattr(image, "n_frames", 1), image.size, image.info["loop"]) == (in_all, (4, 4), 0)
    assert answer.headers["Figment-Request"].encode() in answer.content


@pytest.mark.parametrize(("columns", "size"), [(None, (40, 4)), (5, (20, 8)), (1, (4, 40)), (240, (40, 4))])
async def test_a_png_is_one_row_or_has_the_columns_asked_for(
    client: httpx.AsyncClient, decode: Decode, columns: int | None, size: tuple[int, int]
) -> None:
    asked = {"seeds": "1,2", "frames": 10, "format": "png"} | ({"columns": columns} if columns else {})
    height, width, _ = decode(await client.get("/interpolate", params=asked)).shape
    assert (width, height) == size


@pytest.mark.parametrize("count", [2, 3, 16])
async def test_two_to_sixteen_seeds_are_a_walk(client: httpx.AsyncClient, count: int) -> None:
    seeds = ",".join(map(str, range(count)))
    assert (await client.get(f"/interpolate?frames=2&seeds={seeds}")).headers["Figment-Seeds"] == seeds


@pytest.mark.parametrize("easing", ["linear", "smooth", "ease-in", "ease-out"])
@pytest.mark.parametrize(("t", "loop"), [("0", "false"), ("0.3", "true"), ("0.5", "false"), ("1", "true")])
async def test_one_frame_is_that_share_of_the_way(
    client: httpx.AsyncClient, decode: Decode, t: str, loop: str, easing: str
) -> None:
    asked = {"seeds": "1,2,3", "t": t, "loop": loop, "easing": easing}
    latent = along(latents_of([1, 2, 3], LATENT_DIM), float(t), "slerp", loop == "true", easing)  # type: ignore[arg-type]
    answer = await client.get("/interpolate", params=asked)
    assert np.array_equal(decode(answer), pixels_of(latent[None])[0])
    assert "t=" in answer.headers["Figment-Request"]


@pytest.mark.parametrize(("columns", "rows"), [(2, 2), (8, 8), (3, 5)])
@pytest.mark.parametrize("mode", ["slerp", "lerp"])
async def test_a_shape_is_a_lattice_between_four(
    client: httpx.AsyncClient, decode: Decode, columns: int, rows: int, mode: str
) -> None:
    asked = {"seeds": "1-4", "shape": f"{columns}x{rows}", "mode": mode}
    grid = decode(await client.get("/interpolate", params=asked))
    cells = grid.reshape(rows, 4, columns, 4, 3).swapaxes(1, 2).reshape(-1, 4, 4, 3)
    expected = lattice(latents_of([1, 2, 3, 4], LATENT_DIM), columns, rows, mode)  # type: ignore[arg-type]
    assert np.array_equal(cells, pixels_of(expected))


async def test_a_walk_goes_through_latents_too(client: httpx.AsyncClient, decode: Decode) -> None:
    latent = point_of(latents_of([2], LATENT_DIM)[0])
    by_latent = await client.get(f"/interpolate?seeds=1,{latent},3&frames=4&format=png")
    by_seed = await client.get("/interpolate?seeds=1-3&frames=4&format=png")
    assert np.array_equal(decode(by_latent), decode(by_seed))
    assert "Figment-Seeds" not in by_latent.headers


@pytest.mark.parametrize("query", ["seeds=1-3&shape=2x2", "seeds=1-4&shape=2x2&t=0.5", "seeds=1-4&shape=2x2&loop=true"])
async def test_a_shape_is_of_four_and_alone(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/interpolate?{query}")
    assert answer.status_code == 422
    assert "shape" in answer.json()["detail"]
