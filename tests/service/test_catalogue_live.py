"""New versions while others are served: swapped without a failed request, refused where they are bad."""

import asyncio
import gc
import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.store import Bundle, Store
from service.catalogue import Catalogue, UnknownModel
from service.engine.protocol import EngineError
from service.settings import Settings
from tests.service.conftest import Serve, Service
from tests.service.fake_engine import PATIENCE, FakeEngine, until

Publish = Callable[..., Any]
LATENTS = np.zeros((1, 16), np.float32)


class Loader:
    """Fake engines by label; `faults` are raised for a label."""

    def __init__(self) -> None:
        self.engines: dict[str, FakeEngine] = {}
        self.faults: dict[str, Exception] = {}
        self.loads: list[str] = []

    def __call__(self, bundle: Bundle) -> FakeEngine:
        label = f"{bundle.manifest.name}/{bundle.manifest.version}"
        if label in self.faults:
            raise self.faults[label]
        self.loads.append(label)
        self.engines[label] = FakeEngine(version=bundle.manifest.version)
        return self.engines[label]


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def catalogue(store: Store) -> Catalogue:
    return Catalogue(Settings(models=store.root, memory=1), store)


def served(catalogue: Catalogue) -> list[str]:
    return [model.label for model in catalogue.models.values()]


async def test_a_new_version_takes_the_place_of_the_old_one(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    publish("tiny")
    await catalogue.load(loader)
    for version in (2, 3):
        publish("tiny")
        await catalogue.refresh()
        assert served(catalogue) == [f"tiny/{version}"]
    await catalogue.refresh()
    assert catalogue.loaded == 3
    await catalogue.close()


async def test_who_holds_the_old_version_is_answered_by_it_to_the_end(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    publish("tiny")
    await catalogue.load(loader)
    async with catalogue.borrow("tiny") as old:
        publish("tiny")
        await catalogue.refresh()
        assert served(catalogue) == ["tiny/2"]
        await old.batcher.generate(LATENTS)  # it came before the swap and asks only now
    assert loader.engines["tiny/1"].sizes == [1]
    async with catalogue.borrow("tiny") as new:
        assert new.label == "tiny/2"
    await catalogue.close()


async def test_the_old_version_is_freed_after_its_last_request(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    publish("tiny")
    await catalogue.load(loader)
    engine = weakref.ref(loader.engines.pop("tiny/1"))
    async with catalogue.borrow("tiny") as model:
        await model.batcher.generate(LATENTS)
        publish("tiny")
        await catalogue.refresh()
        gc.collect()
        assert engine() is not None
    del model
    await until(lambda: not catalogue._freeing)
    gc.collect()
    assert engine() is None
    await catalogue.close()


@pytest.mark.parametrize(
    "fault", [EngineError("the same image"), RuntimeError("odd"), MemoryError(), OSError("gone")], ids=repr
)
async def test_a_version_that_does_not_load_is_refused_and_the_old_one_stays(
    catalogue: Catalogue, loader: Loader, publish: Publish, fault: Exception
) -> None:
    publish("tiny")
    await catalogue.load(loader)
    loader.faults["tiny/2"] = fault
    publish("tiny")
    for _ in range(3):
        await catalogue.refresh()
    assert served(catalogue) == ["tiny/1"]
    assert [item.path.name for item in catalogue.skipped] == ["2"]
    assert catalogue.refusals.total() == 1  # not tried at every look
    publish("tiny")
    await catalogue.refresh()
    assert served(catalogue) == ["tiny/3"]
    assert catalogue.skipped == []
    await catalogue.close()


async def test_a_half_copied_version_is_taken_when_it_is_whole(
    catalogue: Catalogue, loader: Loader, publish: Publish, store: Store, tmp_path: Path
) -> None:
    publish("tiny")
    await catalogue.load(loader)
    whole = publish("tiny").path
    shutil.move(whole, tmp_path / "source")
    await catalogue.refresh()
    whole.mkdir()
    files = [path for path in sorted((tmp_path / "source").rglob("*")) if path.is_file()]
    for path in files:  # the manifest first, then the rest, as a copy would
        await catalogue.refresh()
        assert served(catalogue) == ["tiny/1"]
        target = whole / path.relative_to(tmp_path / "source")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    await catalogue.refresh()
    assert served(catalogue) == ["tiny/2"]
    await catalogue.close()


async def test_a_version_that_goes_away_is_served_on(
    catalogue: Catalogue, loader: Loader, publish: Publish, store: Store
) -> None:
    publish("tiny")
    path = publish("tiny").path
    await catalogue.load(loader)
    shutil.rmtree(path)
    await catalogue.refresh()
    assert served(catalogue) == ["tiny/2"]
    async with catalogue.borrow("tiny") as model:
        await model.batcher.generate(LATENTS)
    shutil.rmtree(store.root)
    await catalogue.refresh()
    assert served(catalogue) == ["tiny/2"]
    await catalogue.close()


async def test_a_model_that_is_new_to_the_store_is_served(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    await catalogue.load(loader)
    assert "does not exist" in catalogue.state
    publish("tiny")
    await catalogue.refresh()
    assert catalogue.state == ""
    await catalogue.close()


async def test_another_version_is_loaded_when_it_is_asked_for_and_once_for_all_who_ask(
    catalogue: Catalogue, loader: Loader, publish: Publish, store: Store
) -> None:
    for _ in range(3):
        publish("tiny")
    (store.root / "tiny" / "2" / "saved_model.pb").write_bytes(b"altered")
    await catalogue.load(loader)

    async def label() -> str:
        async with catalogue.borrow("tiny", 1) as model:
            return model.label

    opened = monkeypatch_opens(catalogue)
    assert await asyncio.gather(*(label() for _ in range(5))) == ["tiny/1"] * 5
    assert loader.loads == ["tiny/3", "tiny/1"]
    assert opened == [1]
    assert served(catalogue) == ["tiny/3"]
    for version, reason in ((9, "no version 9 of tiny; there are: 1, 2, 3"), (2, r"no good version 2 .*was altered")):
        for _ in range(3):
            with pytest.raises(UnknownModel, match=reason):
                async with catalogue.borrow("tiny", version):
                    pass
    assert opened == [1, 9, 2]  # what is not good is not read again at every request
    await catalogue.close()


def monkeypatch_opens(catalogue: Catalogue) -> list[int | None]:
    """Notes which versions the store is asked to open."""
    opened: list[int | None] = []
    original = catalogue.store.open

    def noting(name: str, version: int | None = None) -> Bundle:
        opened.append(version)
        return original(name, version)

    catalogue.store.open = noting  # type: ignore[method-assign]
    return opened


async def test_a_broken_version_of_a_model_that_is_not_loaded_leaves_the_good_one(
    catalogue: Catalogue, loader: Loader, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.weights_of", lambda bundle: 600_000)
    publish("a")
    publish("x")
    await catalogue.load(loader)
    assert served(catalogue) == ["a/1"]
    loader.faults["x/2"] = EngineError("broken")
    publish("x")
    await catalogue.refresh()
    assert catalogue.refusals.total() == 1
    async with catalogue.borrow("x") as model:
        assert model.label == "x/1"
    await catalogue.close()


async def test_a_served_version_that_cannot_be_loaded_any_more_leaves_its_place_to_a_lower_one(
    catalogue: Catalogue, loader: Loader, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.weights_of", lambda bundle: 600_000)
    for name in "axx":
        publish(name)
    await catalogue.load(loader)
    loader.faults["x/2"] = EngineError("broken since")
    with pytest.raises(UnknownModel, match=r"no good version 2 of x \(broken since\)"):
        async with catalogue.borrow("x"):
            pass
    await catalogue.refresh()
    async with catalogue.borrow("x") as model:
        assert model.label == "x/1"
    await catalogue.close()


async def test_models_that_are_loaded_at_once_are_held_before_they_are_unloaded(
    catalogue: Catalogue, loader: Loader, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.weights_of", lambda bundle: 1_200_000)  # more than one MiB: one at a time
    for name in "abcd":
        publish(name)
    await catalogue.load(loader)

    async def ask(name: str) -> None:
        async with catalogue.borrow(name) as model:
            assert model.bundle.manifest.name == name
            await model.batcher.generate(LATENTS)

    for _ in range(5):
        await asyncio.gather(*(ask(name) for name in "bcdbcd"))
    await catalogue.close()


async def test_loading_takes_no_thread_from_the_requests(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    for _ in range(9):
        publish("tiny")
    gate = threading.Event()

    def slow(bundle: Bundle) -> FakeEngine:
        assert bundle.manifest.version == 9 or gate.wait(PATIENCE)
        return loader(bundle)

    async def ask(version: int) -> None:
        async with catalogue.borrow("tiny", version):
            pass

    await catalogue.load(slow)
    waiting = [asyncio.create_task(ask(version)) for version in range(1, 9)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1.0):
        assert await asyncio.to_thread(lambda: 7) == 7
    gate.set()
    await asyncio.gather(*waiting)
    await catalogue.close()


async def test_a_stop_does_not_wait_for_a_batch_that_hangs(
    store: Store, loader: Loader, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish("tiny")
    catalogue = Catalogue(Settings(models=store.root, drain=1), store)
    await catalogue.load(loader)
    engine = loader.engines["tiny/1"]
    engine.gate.clear()
    async with catalogue.borrow("tiny") as model:
        request = asyncio.create_task(model.batcher.generate(LATENTS))
        await engine.begun()
    async with asyncio.timeout(PATIENCE / 2):
        await catalogue.close()
    assert "took longer than FIGMENT_DRAIN" in caplog.text
    engine.gate.set()
    await request


async def test_what_was_not_asked_for_longest_is_unloaded_and_loaded_again_when_it_is(
    catalogue: Catalogue, loader: Loader, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.weights_of", lambda bundle: 300_000)  # three of them fit into one MiB
    for name in "abcde":
        publish(name)
    await catalogue.load(loader)
    assert served(catalogue) == ["a/1", "b/1", "c/1"]
    assert sorted(catalogue.shelf) == list("abcde")
    for name in "bd":
        async with catalogue.borrow(name) as model:
            await model.batcher.generate(LATENTS)
    assert sorted(served(catalogue)) == ["a/1", "b/1", "d/1"]  # a is the default; c was not asked for
    async with catalogue.borrow("c") as model:
        assert model.label == "c/1"
        assert sorted(served(catalogue)) == ["a/1", "c/1", "d/1"]
    await catalogue.close()


async def test_a_request_that_holds_an_unloaded_model_is_answered(
    catalogue: Catalogue, loader: Loader, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.weights_of", lambda bundle: 600_000)
    for name in "abc":
        publish(name)
    await catalogue.load(loader)
    async with catalogue.borrow("b") as held:
        async with catalogue.borrow("c"):
            assert "b" not in catalogue.models
        await held.batcher.generate(LATENTS)
    await catalogue.close()


async def test_a_load_that_takes_longer_than_the_request_may_goes_on(
    catalogue: Catalogue, loader: Loader, publish: Publish
) -> None:
    publish("tiny")
    publish("tiny")
    gate = threading.Event()

    def slow(bundle: Bundle) -> FakeEngine:
        assert bundle.manifest.version == 2 or gate.wait(PATIENCE)
        return loader(bundle)

    await catalogue.load(slow)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), catalogue.borrow("tiny", 1):
            pass
    gate.set()
    await until(lambda: ("tiny", 1) in catalogue.others)
    await catalogue.close()


async def test_the_running_service_finds_what_is_published(
    serve: Serve, store: Store, publish: Publish, decode: Callable[..., Any]
) -> None:
    publish("tiny")
    async with serve(poll=0.05) as service:
        stop = asyncio.Event()
        pixels = decode(await service.client.get("/generate?n=2&seed=7"))

        async def load_on() -> int:
            answered = 0
            while not stop.is_set():
                answer = await service.client.get("/generate?n=2&seed=7")
                version = int(answer.headers["Figment-Model"].removeprefix("tiny/"))
                assert f"version={version}" in answer.headers["Figment-Request"]
                assert np.array_equal(decode(answer) - np.uint8(version - 1), pixels)  # each draws its own
                answered += 1
            return answered

        clients = [asyncio.create_task(load_on()) for _ in range(4)]
        for version in (2, 3):
            publish("tiny")
            await until(lambda version=version: f"tiny/{version}" in labels(service))
        (publish("tiny").path / "saved_model.pb").write_bytes(b"altered")
        await until(lambda: bool(service.catalogue.skipped))
        listing = (await service.client.get("/models")).json()
        ready = (await service.client.get("/readyz")).json()
        old = await service.client.get("/generate?version=1")
        stop.set()
        assert min(await asyncio.gather(*clients)) > 0
    assert [model["version"] for model in listing["models"]] == [3]
    assert [item["path"] for item in listing["skipped"]] == ["tiny/4"]
    assert "tiny/4: saved_model.pb was altered" in ready["skipped"][0]
    assert old.headers["Figment-Model"] == "tiny/1"
    assert "version=1" in old.headers["Figment-Request"]


def labels(service: Service) -> list[str]:
    return [model.label for model in service.catalogue.models.values()]
