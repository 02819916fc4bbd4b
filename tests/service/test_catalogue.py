import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundle.store import Bundle, Skipped, Store
from service.catalogue import Catalogue, Model, NotReady, UnknownModel
from service.engine.protocol import EngineError
from service.settings import Settings
from tests.service.fake_engine import FakeEngine

Publish = Callable[..., Any]


@pytest.fixture
def catalogue(store: Store) -> Catalogue:
    return Catalogue(Settings(models=store.root), store)


def load(bundle: Bundle) -> FakeEngine:
    return FakeEngine()


async def borrowed(catalogue: Catalogue, name: str | None, version: int | None = None) -> Model:
    async with catalogue.borrow(name, version) as model:
        return model


async def test_a_model_is_had_by_its_name_or_as_the_default(catalogue: Catalogue, publish: Publish) -> None:
    publish("beta")
    publish("alpha")
    await catalogue.load(load)
    assert {await borrowed(catalogue, name) for name in (None, "", "alpha")} == {catalogue.models["alpha"]}
    assert (await borrowed(catalogue, "beta")).label == "beta/1"
    with pytest.raises(UnknownModel, match=r"no model 'gamma'; there are: alpha, beta"):
        await borrowed(catalogue, "gamma")
    await catalogue.close()


async def test_nothing_is_unknown_before_all_is_loaded(catalogue: Catalogue) -> None:
    for name in (None, "tiny"):
        with pytest.raises(NotReady, match="starting"):
            await borrowed(catalogue, name)


async def test_a_closed_catalogue_serves_nothing(catalogue: Catalogue, publish: Publish) -> None:
    publish("tiny")
    await catalogue.load(load)
    await catalogue.close()
    for name in (None, "tiny"):
        with pytest.raises(NotReady, match="stopping"):
            await borrowed(catalogue, name)


async def test_the_largest_batch_is_the_setting(store: Store, publish: Publish) -> None:
    publish("tiny")
    catalogue = Catalogue(Settings(models=store.root, max_batch=5), store)
    await catalogue.load(load)
    assert [size.rows for size in catalogue.models["tiny"].sizes] == [1, 2, 4]
    await catalogue.close()


async def test_models_share_the_device_s_threads(catalogue: Catalogue, publish: Publish) -> None:
    import threading

    import numpy as np

    threads: set[str] = set()

    class Noted(FakeEngine):
        def run(self, latents: np.ndarray) -> np.ndarray:
            threads.add(threading.current_thread().name)
            return super().run(latents)

    publish("alpha")
    publish("beta")
    await catalogue.load(lambda bundle: Noted())
    latents = np.zeros((2, 16), np.float32)
    await asyncio.gather(*(model.batcher.generate(latents) for model in catalogue.models.values()))
    assert threads <= {f"engine-{i}" for i in range(Settings().in_flight)}
    await catalogue.close()


@pytest.mark.parametrize(
    ("path", "reason", "shown"),
    [
        ("tiny/1", "odd", ("tiny/1", "odd")),
        ("", "cannot be read: '{root}'", ("the store", "cannot be read: 'the store'")),
        ("tiny/1", "no {root}/tiny/1/saved_model.pb", ("tiny/1", "no tiny/1/saved_model.pb")),
        ("caf\udce9", "caf\udce9", ("caf\\udce9", "caf\\udce9")),
    ],
)
def test_what_is_skipped_is_shown_without_the_server_s_path(
    catalogue: Catalogue, path: str, reason: str, shown: tuple[str, str]
) -> None:
    root = catalogue.store.root
    assert catalogue.shown(Skipped(root / path, reason.format(root=root))) == shown


def test_a_relative_store_is_shown_as_it_is() -> None:
    catalogue = Catalogue(Settings(), Store(Path("models")))
    assert catalogue.shown(Skipped(Path("models/tiny/1"), "the models differ")) == ("tiny/1", "the models differ")


@pytest.mark.parametrize("broken", [{3}, {2, 3}, {1, 2, 3}])
async def test_a_version_that_cannot_be_loaded_leaves_the_place_to_the_one_below(
    catalogue: Catalogue, publish: Publish, broken: set[int]
) -> None:
    for _ in range(3):
        publish("tiny")

    def loader(bundle: Bundle) -> FakeEngine:
        if bundle.manifest.version in broken:
            raise EngineError("its graph is broken")
        return FakeEngine()

    await catalogue.load(loader)
    assert [model.label for model in catalogue.models.values()] == [f"tiny/{v}" for v in {1, 2, 3} - broken][-1:]
    assert {int(item.path.name) for item in catalogue.skipped} == broken
    await catalogue.close()
