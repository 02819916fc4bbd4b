"""How a request is written down, and what its answer's headers say of it."""

from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from bundle.points import Point, parse_point
from service.api.negotiation import Chosen
from service.api.origin import MAX_HEADER, in_ranges, replay_path
from service.api.queries import GenerateQuery, ImageQuery, InterpolateQuery, MixQuery, PictureQuery
from service.catalogue import Model
from tests.service.conftest import Service

PNG = Chosen("png", by_accept=True)


@pytest.mark.parametrize(
    ("asked", "query", "expected"),
    [
        ({"n": 16, "seed": Point(7)}, {"kind": GenerateQuery, "n": 16, "seed": 9}, "n=16&seed=7"),
        ({"n": 1, "seed": Point(7)}, {"kind": GenerateQuery, "columns": 3}, "n=1&seed=7&columns=3"),
        ({}, {"kind": GenerateQuery, "seeds": "1,2,3,9"}, "seeds=1-3,9"),
        ({}, {"kind": GenerateQuery, "background": "#ff000080"}, "background=ff000080"),
        ({}, {"kind": InterpolateQuery, "seeds": "1,3", "loop": True}, "loop=true&seeds=1,3"),
        ({}, {"kind": InterpolateQuery, "seeds": "1,3,5,z:AAAAAA", "shape": "3x4"}, "seeds=1,3,5,z:AAAAAA&shape=3x4"),
        ({}, {"kind": MixQuery, "seeds": "1,3", "weights": "1,-0.5"}, "seeds=1,3&weights=1,-0.5"),
        ({}, {"kind": ImageQuery, "truncation": 0.1 + 0.2}, "truncation=0.30000000000000004"),
        ({}, {"kind": ImageQuery, "truncation": 1e-7, "model": "tiny", "version": 1}, "truncation=1e-07"),
        ({"label": "a,b"}, {"kind": ImageQuery, "label": "1"}, "label=a,b"),
    ],
)
def test_a_request_is_written_without_loss_and_without_what_was_left_out(
    asked: dict[str, object], query: dict[str, object], expected: str
) -> None:
    kind = cast(type[PictureQuery], query.pop("kind"))
    read = kind.model_validate(query)
    model = cast(Model, SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(name="tiny", version=3))))
    path, _, text = replay_path("/p", asked, read, model, PNG).partition("?")
    assert path == "/p"
    assert sorted(text.split("&")) == sorted([*expected.split("&"), "format=png", "model=tiny", "version=3"])
    assert replay_path("/p.png", asked, read, model, PNG) == f"/p.png?{text.replace('format=png&', '')}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", "1"), ("1,2", "1,2"), ("1,2,3", "1-3"), ("3,2,1", "3,2,1"), ("0-9,11,12,20-22", "0-9,11,12,20-22"),
     ("4294967295,0", "4294967295,0"), ("1,z:AAAAAA,2", "1,z:AAAAAA,2")],
)  # fmt: skip
def test_seeds_are_written_as_ranges_that_are_read_the_same(text: str, expected: str) -> None:
    points = GenerateQuery.model_validate({"seeds": text}).seeds
    assert points is not None
    assert in_ranges(points) == expected
    assert GenerateQuery.model_validate({"seeds": expected}).seeds == points


@pytest.mark.parametrize("path", ["/generate?seed=7&n=3", "/images/7.png", "/interpolate?seeds=1,2&frames=3",
                                  "/variations?seed=7&noise=1", "/mix?seeds=1,2"])  # fmt: skip
async def test_who_has_the_picture_gets_a_304_and_nothing_is_drawn(service: Service, path: str) -> None:
    first = await service.client.get(path)
    drawn = len(service.engines["tiny"].batches)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "public, no-cache"
    tag = first.headers["ETag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await service.client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, "public, no-cache")
    assert len(service.engines["tiny"].batches) == drawn
    assert (await service.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize("path", ["/generate?seed=7", "/images/7.png?", "/interpolate?seeds=1,2", "/mix?seeds=1,2"])
async def test_where_model_and_version_are_named_the_answer_never_changes(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{path}&model=tiny&version=1")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for one in ("model=tiny", "version=1"):  # another may become the default model, or the newest version
        answer = await client.get(f"{path}&{one}")
        assert answer.headers["Cache-Control"] == "public, no-cache"


async def test_an_answer_to_a_body_is_not_that_of_its_url(client: httpx.AsyncClient) -> None:
    answer = await client.post("/generate", json={"seed": 7, "model": "tiny", "version": 1})
    assert answer.headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize(
    "path", ["/generate", "/interpolate", "/variations", "/variations?seed=7", "/variations?noise=7"]
)
async def test_what_is_drawn_at_random_is_not_kept_and_says_where_it_is(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"If-None-Match": "*"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert answer.headers["Content-Location"] == answer.headers["Figment-Request"]
    again = await client.get(answer.headers["Content-Location"])
    assert again.content == answer.content


async def test_the_etag_is_that_of_the_picture_and_of_what_draws_it(service: Service) -> None:
    async def tag(path: str) -> str | None:
        return (await service.client.get(path)).headers.get("ETag")

    first = await tag("/generate?n=4&seed=7")
    assert first is not None
    assert first.startswith('"')
    assert await tag("/generate?seed=7&n=4&model=tiny") == first
    paths = ("/generate?n=5&seed=7", "/generate?n=4&seed=8", "/images/7.png", "/generate?n=4&seed=7&truncation=0.5")
    more = ("/interpolate?seeds=1,2", "/generate.webp?n=4&seed=7", "/generate?n=4&seed=7&padding=1")
    others = [await tag(path) for path in (*paths, *more)]
    assert len({first, *others}) == 8
    assert await tag("/generate?n=4") is None
    model = service.catalogue.models["tiny"]
    for name in ("precision", "fingerprint"):
        setattr(model, name, "other")
        assert await tag("/generate?n=4&seed=7") not in {first, *others}


async def test_an_address_that_is_too_long_for_a_header_is_in_the_file_alone(client: httpx.AsyncClient) -> None:
    seeds = ",".join(str(parse_point(f"text {i}")) for i in range(64))
    short = await client.get("/generate", params={"seeds": seeds})
    assert "Figment-Request" in short.headers
    latents = [[float(i)] * 16 for i in range(64)]
    long = await client.post("/generate", json={"latents": latents})
    assert long.status_code == 200
    assert "Figment-Request" not in long.headers
    assert len(long.content.split(b"figment:request")[1].split(b"IDAT")[0]) > MAX_HEADER
    assert "Figment-Seeds" not in long.headers
