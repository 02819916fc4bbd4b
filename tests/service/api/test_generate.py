import asyncio
import base64
import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from bundle.latents import latents_of
from bundle.points import point_of
from bundle.seeds import parse_seed
from bundle.store import Store
from service.pictures.provenance import read_provenance
from service.pictures.stills import encode_still
from tests.service.conftest import LATENT_DIM, Serve, Service, lasting
from tests.service.fake_engine import FakeEngine, pixels_of, until

Decode = Callable[[httpx.Response], np.ndarray]

LAST = 2**32 - 1


def tiles(grid: np.ndarray, n: int, columns: int, side: int = 4) -> np.ndarray:
    rows = len(grid) // side
    cells = grid.reshape(rows, side, columns, side, -1).swapaxes(1, 2).reshape(rows * columns, side, side, -1)
    return cells[:n]


def drawn(*seeds: int, truncation: float = 1.0) -> np.ndarray:
    return pixels_of(latents_of(seeds, LATENT_DIM, truncation))


@pytest.mark.parametrize("seed", [0, 7, 123456789, LAST - 8, LAST])
async def test_image_i_is_the_image_of_seed_plus_i(client: httpx.AsyncClient, decode: Decode, seed: int) -> None:
    seeds = [(seed + i) % 2**32 for i in range(16)]
    answer = await client.get(f"/generate?n=16&seed={seed}")
    grid = tiles(decode(answer), 16, 4)
    assert np.array_equal(grid, drawn(*seeds))
    assert answer.headers["Figment-Seeds"] == ",".join(map(str, seeds))
    for i in (0, 1, 7, 15):
        alone = decode(await client.get(f"/images/{seeds[i]}.png"))
        assert np.array_equal(alone, grid[i])


@pytest.mark.parametrize("seed", ["0", "ada", str(LAST)])
@pytest.mark.parametrize(("few", "many"), [(1, 2), (4, 16), (15, 64)])
async def test_few_images_are_the_beginning_of_many(
    client: httpx.AsyncClient, decode: Decode, seed: str, few: int, many: int
) -> None:
    short, long = [
        tiles(decode(await client.get("/generate", params={"n": n, "seed": seed, "columns": 1})), n, 1)
        for n in (few, many)
    ]
    assert np.array_equal(short, long[:few])


@pytest.mark.parametrize(
    ("n", "columns", "size"), [(1, None, (4, 4)), (2, None, (8, 4)), (5, None, (12, 8)), (16, None, (16, 16)),
                               (6, 3, (12, 8)), (3, 64, (12, 4)), (3, 1, (4, 12))],
)  # fmt: skip
async def test_the_grid_has_the_columns_asked_for_or_is_nearest_to_a_square(
    client: httpx.AsyncClient, decode: Decode, n: int, columns: int | None, size: tuple[int, int]
) -> None:
    asked = {"n": n, "seed": 1} | ({"columns": columns} if columns else {})
    height, width, _ = decode(await client.get("/generate", params=asked)).shape
    assert (width, height) == size


@pytest.mark.parametrize("truncation", ["0", "0.5", "0.123456789", "1e-7", "2"])
@pytest.mark.parametrize("path", ["/generate?seed=5&n=2", "/images/5.png?"])
async def test_truncation_multiplies_the_latent(
    client: httpx.AsyncClient, engine: FakeEngine, path: str, truncation: str
) -> None:
    assert (await client.get(f"{path}&truncation={truncation}")).status_code == 200
    expected = latents_of([5], LATENT_DIM, float(truncation))
    assert np.array_equal(engine.batches[0][:1], expected)


REPLAYED = [
    "/generate", "/generate?n=16", "/generate?seed=ada", "/generate?seed=7&n=5&columns=2",
    "/generate?seed=%F0%9F%8E%A8",
    "/generate?seed=1&truncation=0.123456789", "/generate?truncation=1e-7&n=2", f"/generate?seed={LAST}&n=9",
    "/generate?seeds=3,1,ada,7-9&padding=2&background=ff000080&columns=2",
    "/generate?seed=3&scale=2.5&resample=lanczos",
    "/generate.webp?seed=3&lossless=true&n=2", "/generate.jpg?seed=3&quality=30", "/images/7.avif",
    "/generate.zip?n=3&seed=1",
    "/generate.npz?n=3&seed=1", "/generate?n=3&seed=1&format=json", "/variations?seed=ada&n=3&distance=0.3",
    "/variations",
    "/mix?seeds=1,ada&weights=1,-0.25", "/mix?seeds=1-3&rescale=false", "/interpolate?seeds=1,2&t=0.1",
    "/interpolate?seeds=1-4&shape=3x2&padding=1", "/interpolate.apng?frames=3",
    "/interpolate.mp4?frames=3&easing=smooth",
    "/generate?seed=3&model=tiny&format=png", "/images/7.png", "/images/ada.png?truncation=0.7", "/images/a%2Fb.png",
    f"/images/{LAST}.png?model=tiny", "/interpolate", "/interpolate?seeds=ada,%20bob&frames=5",
    "/interpolate?seeds=1,2,3&loop=true&mode=lerp&columns=4", "/interpolate?format=webp&fps=7&frames=4",
    "/interpolate?format=gif&frames=3&truncation=0.3333333333333333", "/interpolate?columns=3&fps=9",
]  # fmt: skip


@pytest.mark.parametrize("path", REPLAYED)
async def test_the_request_in_the_answer_draws_the_same_bytes_again(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    again = await client.get(answer.headers["Figment-Request"])
    assert again.content == answer.content
    for name in ("Figment-Request", "Figment-Seeds", "Figment-Model", "Content-Type"):
        assert again.headers[name] == answer.headers[name]
    assert again.headers.get("Figment-Seed") == answer.headers.get("Figment-Seed")
    assert again.headers["Cache-Control"] == "public, max-age=31536000, immutable"


FOR_PROGRAMS = ("npz", "zip", "json")


@pytest.mark.parametrize("path", [path for path in REPLAYED if not any(kind in path for kind in FOR_PROGRAMS)])
async def test_the_text_in_the_picture_says_what_the_headers_say(service: Service, path: str) -> None:
    answer = await service.client.get(path)
    text = read_provenance(answer.content)
    assert text["figment:request"] == answer.headers["Figment-Request"]
    assert text["figment:seeds"] == answer.headers["Figment-Seeds"]
    assert text["figment:model"] == answer.headers["Figment-Model"] == "tiny/1"
    assert text["figment:digest"] == service.catalogue.models["tiny"].bundle.digest


@pytest.mark.parametrize("seed", ["ada", "7", "🎨", " 7", "x" * 200])
async def test_the_seed_comes_back_as_the_number_that_was_used(client: httpx.AsyncClient, seed: str) -> None:
    answer = await client.get("/generate", params={"seed": seed, "n": 2})
    number = parse_seed(seed)
    assert answer.headers["Figment-Seed"] == str(number)
    assert f"seed={number}" in answer.headers["Figment-Request"]


@pytest.mark.parametrize("path", ["/generate", "/interpolate"])
async def test_without_a_seed_each_answer_is_another_and_is_not_cached(client: httpx.AsyncClient, path: str) -> None:
    answers = [await client.get(path) for _ in range(3)]
    assert len({answer.headers["Figment-Seeds"] for answer in answers}) == 3
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_post_answers_as_get(client: httpx.AsyncClient) -> None:
    get, post = [await client.request(method, "/generate?n=3&seed=7") for method in ("GET", "POST")]
    assert (get.content, lasting(get)) == (post.content, lasting(post))


@pytest.mark.parametrize("shape", [(4, 4, 1), (2, 6, 3), (8, 4, 4)])
async def test_grey_and_alpha_and_oblong_images_come_back_as_they_are(
    serve: Serve, publish: Callable[..., Any], decode: Decode, shape: tuple[int, int, int]
) -> None:
    publish("odd", shape=shape)
    async with serve() as service:
        image = decode(await service.client.get("/images/7.png"))
    assert np.array_equal(image, pixels_of(latents_of([7], LATENT_DIM), shape)[0])


async def test_many_requests_at_once_share_batches_and_each_gets_its_own_images(
    service: Service, engine: FakeEngine, decode: Decode
) -> None:
    engine.gate.clear()
    asked = [asyncio.create_task(service.client.get(f"/generate?seed={100 * i}&n=3&columns=1")) for i in range(20)]
    await engine.begun()
    batcher = service.catalogue.models["tiny"].batcher
    await until(lambda: batcher.waiting_rows >= 60 - 16)
    engine.gate.set()
    for i, answer in enumerate(await asyncio.gather(*asked)):
        assert np.array_equal(tiles(decode(answer), 3, 1), drawn(*range(100 * i, 100 * i + 3)))
    assert len(engine.sizes) < 20


async def test_the_event_loop_is_free_while_latents_are_made_drawn_and_encoded(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from service.api import generate, interpolate, pictures

    threads: list[threading.Thread] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: object, **more: object) -> Any:  # noqa: ANN401
            threads.append(threading.current_thread())
            return function(*args, **more)

        return call

    for module, name in [(generate, "latents_of_points"), (interpolate, "latents_of_points"), (pictures, "make_grid"),
                         (pictures, "encode_still"), (pictures, "encode_animation")]:  # fmt: skip
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    monkeypatch.setattr(pictures, "QUICK_PIXELS", 16)
    for path in ("/generate?n=64", "/interpolate?format=png", "/interpolate?format=gif", "/interpolate?format=webp"):
        assert (await service.client.get(path)).status_code == 200
    assert len(threads) == 4 + 2 * 2 + 2
    assert threading.main_thread() not in threads


async def test_the_event_loop_turns_under_load(
    serve: Serve, publish: Callable[..., Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lag is measured while pictures are encoded, each of which takes 50 ms here."""
    encoding = 0.05

    def slow(*args: Any, **named: Any) -> bytes:  # noqa: ANN401
        time.sleep(encoding)
        return encode_still(*args, **named)

    monkeypatch.setattr("service.api.pictures.encode_still", slow)
    publish("large", shape=(64, 64, 3))
    async with serve(store, queue=4096, max_batch=64) as service:
        loads = [asyncio.create_task(service.client.get(f"/generate?n=64&seed={64 * i}")) for i in range(24)]
        lags = []
        while not all(load.done() for load in loads):
            begin = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - begin - 0.001)
        assert all(load.result().status_code == 200 for load in loads)
    assert np.median(lags) < encoding / 2, sorted(lags)


async def test_the_named_model_answers_else_the_default_else_the_first(
    serve: Serve, store: Store, publish: Callable[..., Any]
) -> None:
    for name in ("beta", "alpha", "gamma"):
        publish(name)
    publish("alpha")
    for default, expected in [("", "alpha/2"), ("gamma", "gamma/1")]:
        async with serve(default_model=default) as service:
            for path in ("/generate", "/images/7.png", "/interpolate?frames=2"):
                joined = f"{path}{'&' if '?' in path else '?'}model=beta"
                assert (await service.client.get(path)).headers["Figment-Model"] == expected
                answer = await service.client.get(joined)
                assert answer.headers["Figment-Model"] == "beta/1"
                assert "model=beta" in answer.headers["Figment-Request"]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [("5", [5]), ("3,1,2", [3, 1, 2]), ("0-15", list(range(16))), ("ada,7-9", [parse_seed("ada"), 7, 8, 9]),
     ("7,7", [7, 7]), (" 1 , 2 ", [1, 2])],
)  # fmt: skip
async def test_each_of_some_seeds_is_drawn_in_their_order(
    client: httpx.AsyncClient, decode: Decode, seeds: str, expected: list[int]
) -> None:
    answer = await client.get("/generate", params={"seeds": seeds, "columns": 1})
    assert np.array_equal(tiles(decode(answer), len(expected), 1), drawn(*expected))
    assert answer.headers["Figment-Seeds"] == ",".join(map(str, expected))


@pytest.mark.parametrize("seed", [0, 7, LAST])
async def test_a_latent_has_an_address(client: httpx.AsyncClient, decode: Decode, seed: int) -> None:
    point = point_of(latents_of([seed], LATENT_DIM)[0])
    for path in (f"/images/{point}.png", f"/generate?seed={point}", f"/generate?seeds={point}"):
        answer = await client.get(path)
        assert np.array_equal(decode(answer), drawn(seed)[0])
        assert "Figment-Seed" not in answer.headers
        assert "Figment-Seeds" not in answer.headers


async def test_padding_background_and_scale_make_room(client: httpx.AsyncClient, decode: Decode) -> None:
    grid = decode(await client.get("/generate?seeds=1-3&padding=2&background=ff0000"))
    assert grid.shape == (10, 10, 3)
    assert (grid[4:6] == (255, 0, 0)).all()
    assert (grid[6:, 6:] == (255, 0, 0)).all()
    assert np.array_equal(grid[:4, 6:], drawn(2)[0])
    large = decode(await client.get("/generate?seeds=1-3&padding=2&background=ff0000&scale=3"))
    assert large.shape == (26, 26, 3)
    assert np.array_equal(large[:12, 14:], drawn(2)[0].repeat(3, axis=0).repeat(3, axis=1))
    assert (large[12:14] == (255, 0, 0)).all()
    clear = decode(await client.get("/generate?seeds=1-3&background=transparent"))
    assert (clear[4:, 4:, 3] == 0).all()
    assert (clear[:4, :, 3] == 255).all()


@pytest.mark.parametrize(
    "path",
    [
        "/generate?seeds=7,9,ada",
        "/generate?seed=7&n=3&truncation=0.5",
        "/variations?seed=7&n=3&noise=1",
        "/mix?seeds=1,2",
    ],
)
async def test_the_formats_for_programs_hold_the_same_images(
    client: httpx.AsyncClient, decode: Decode, path: str
) -> None:
    whole = await client.get(f"{path}{'&columns=1' if 'mix' not in path else ''}")
    shown = decode(whole)
    images = shown.reshape(-1, 4, 4, 3)
    arrays = np.load(io.BytesIO((await client.get(f"{path}&format=npz")).content))
    assert np.array_equal(arrays["images"], images)
    assert np.array_equal(pixels_of(arrays["latents"]), images)
    document = (await client.get(f"{path}&format=json")).json()
    assert (document["width"], document["height"], document["channels"]) == (4, 4, 3)
    for entry, image in zip(document["images"], images, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(entry["png"]))) as picture:
            assert np.array_equal(np.asarray(picture), image)
        psi = "?truncation=0.5" if "truncation" in path else ""
        assert np.array_equal(decode(await client.get(f"/images/{entry['point']}.png{psi}")), image)
    with zipfile.ZipFile(io.BytesIO((await client.get(f"{path}&format=zip")).content)) as archive:
        names = archive.namelist()
        assert names[-1] == "figment.json"
        assert json.loads(archive.read("figment.json"))["images"] == [
            {name: entry[name] for name in ("point", "seed", "label")} for entry in document["images"]
        ]
        for name, image in zip(names[:-1], images, strict=True):
            content = archive.read(name)
            with Image.open(io.BytesIO(content)) as picture:
                assert np.array_equal(np.asarray(picture), image)
            request = read_provenance(content)["figment:request"]  # each its own
            assert (await client.get(request)).content == content
