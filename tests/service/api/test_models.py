import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from bundle.store import Store
from service.engine.protocol import EngineError
from tests.service.conftest import Serve, Service

Publish = Callable[..., Any]


async def test_a_model_is_listed_with_what_a_client_needs(service: Service) -> None:
    (model,) = (await service.client.get("/models")).json()["models"]
    assert model == {
        "name": "tiny",
        "version": 1,
        "versions": [1],
        "latent_dim": 16,
        "image_shape": [4, 4, 3],
        "seed_scheme": "numpy-randomstate-v1",
        "class_names": [],
        "digest": service.catalogue.models["tiny"].bundle.digest,
        "license": "CC0",
        "attribution": "nobody",
        "default": True,
        "loaded": True,
        "precision": "float32",
        "batch_sizes": [1, 2, 4, 8, 16],
        "batch_seconds": [0.001] * 5,
    }


@pytest.mark.parametrize(("setting", "default"), [("", "alpha"), ("beta", "beta")])
async def test_models_are_sorted_and_one_is_the_default(
    serve: Serve, publish: Publish, setting: str, default: str
) -> None:
    publish("beta")
    publish("alpha", 7)
    async with serve(default_model=setting) as service:
        models = (await service.client.get("/models")).json()["models"]
    assert [(model["name"], model["version"]) for model in models] == [("alpha", 7), ("beta", 1)]
    assert [model["name"] for model in models if model["default"]] == [default]


async def test_a_bad_newest_version_is_skipped_and_the_one_before_served(
    serve: Serve, publish: Publish, store: Store
) -> None:
    publish("tiny")
    (publish("tiny").path / "saved_model.pb").write_bytes(b"altered")
    (store.root / "tiny" / "3").mkdir()
    async with serve() as service:
        listing = (await service.client.get("/models")).json()
        assert (await service.client.get("/readyz")).status_code == 200
    assert [(model["version"], model["versions"]) for model in listing["models"]] == [(1, [1])]
    reasons = {item["path"]: item["reason"] for item in listing["skipped"]}
    assert list(reasons) == ["tiny/3", "tiny/2"]
    assert "no assets.extra/manifest.json" in reasons["tiny/3"]
    assert "saved_model.pb was altered" in reasons["tiny/2"]


async def test_the_versions_that_can_be_asked_for_are_listed(serve: Serve, publish: Publish, store: Store) -> None:
    for _ in range(4):
        publish("tiny")
    (store.root / "tiny" / "2" / "saved_model.pb").write_bytes(b"altered")
    shutil.rmtree(store.root / "tiny" / "3")
    async with serve() as service:

        async def versions() -> list[int]:
            (model,) = (await service.client.get("/models")).json()["models"]
            assert model["version"] == 4
            found: list[int] = model["versions"]
            return found

        assert await versions() == [4, 2, 1]  # nobody has looked at those below the newest
        for version, status in ((1, 200), (2, 404), (3, 404)):
            assert (await service.client.get(f"/images/7.png?version={version}")).status_code == status
        assert await versions() == [4, 1]
        shutil.rmtree(store.root / "tiny" / "1")
        await service.catalogue.refresh()
        assert await versions() == [4]


async def test_a_model_that_does_not_load_is_skipped_and_the_others_are_served(serve: Serve, publish: Publish) -> None:
    for name in ("alpha", "beta", "gamma"):
        publish(name)
    async with serve(faults={"beta": EngineError("burst"), "alpha": RuntimeError("odd")}) as service:
        listing = (await service.client.get("/models")).json()
        assert (await service.client.get("/generate")).headers["Figment-Model"] == "gamma/1"
    assert [model["name"] for model in listing["models"]] == ["gamma"]
    assert {"path": "beta/1", "reason": "burst"} in listing["skipped"]


async def test_no_answer_tells_the_server_s_own_path(serve: Serve, publish: Publish, store: Store) -> None:
    path = publish("tiny").path
    (store.root / "NOT a name").mkdir()
    faults = {"tiny": EngineError(f"SavedModel file does not exist at: {path}/saved_model.pb, in {store.root}")}
    async with serve(faults=faults) as service:
        for url in ("/models", "/readyz", "/generate", "/images/7.png", "/interpolate", "/openapi.json"):
            assert str(store.root) not in (await service.client.get(url)).text
        skipped = (await service.client.get("/models")).json()["skipped"]
    assert [item["path"] for item in skipped] == ["NOT a name", "tiny/1"]
    assert "at: tiny/1/saved_model.pb, in the store" in skipped[1]["reason"]


async def test_a_folder_whose_name_is_no_unicode_is_listed(serve: Serve, publish: Publish, store: Store) -> None:
    publish("tiny")
    os.mkdir(os.fsencode(store.root) + b"/caf\xe9")  # noqa: PTH102
    async with serve() as service:
        (skipped,) = (await service.client.get("/models")).json()["skipped"]
    assert skipped["path"] == "caf\\udce9"


@pytest.mark.parametrize("make", [False, True])
async def test_a_store_without_models_is_an_empty_list(serve: Serve, store: Store, make: bool) -> None:
    if make:
        store.root.mkdir()
    async with serve() as service:
        listing = (await service.client.get("/models")).json()
    assert listing["models"] == []
    assert [item["path"] for item in listing["skipped"]] == ([] if make else ["the store"])
