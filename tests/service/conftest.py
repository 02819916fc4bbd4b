import asyncio
import gc
import io
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from bundle.manifest import DataSet, ImageShape, Manifest
from bundle.store import Bundle, Store
from service.app import create_app
from service.catalogue import Catalogue
from service.settings import Settings
from tests.service.fake_engine import PATIENCE, ConditionalEngine, FakeEngine, until

LATENT_DIM = 16


def manifest_of(
    name: str,
    shape: tuple[int, int, int],
    latent_dim: int = LATENT_DIM,
    classes: Mapping[str, float] | None = None,
) -> Manifest:
    height, width, channels = shape
    return Manifest.model_validate(
        {
            "name": name,
            "version": 1,
            "latent_dim": latent_dim,
            "class_names": tuple(classes or ()),
            "class_shares": tuple((classes or {}).values()),
            "image": ImageShape.model_validate({"height": height, "width": width, "channels": channels}),
            "files": {},
            "data": DataSet(name="data", digest="sha256:" + "a" * 64, count=20, license="CC0", attribution="nobody"),
            "recipe": "ns",
            "settings": {},
            "images_seen": 400,
            "software": {},
            "created": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
        }
    )


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("FIGMENT_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def quick_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model that is loaded not search the whole heap, which takes 0.3 s with all that the tests import."""
    monkeypatch.setattr("service.catalogue.gc", SimpleNamespace(collect=lambda: gc.collect(0)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def publish_fake(
    store: Store,
    name: str,
    version: int | None = None,
    shape: tuple[int, int, int] = (4, 4, 3),
    classes: Mapping[str, float] | None = None,
    latent_dim: int = LATENT_DIM,
) -> Bundle:
    """Publish a bundle that a FakeEngine takes for good, or with `classes`, shares by name, a ConditionalEngine."""

    def write(folder: Path, version: int) -> Manifest:
        (folder / "saved_model.pb").write_bytes(b"graph %d" % version)
        return manifest_of(name, shape, latent_dim, classes)

    return store.publish(name, version, write)


@pytest.fixture
def publish(store: Store) -> Callable[..., Bundle]:
    return partial(publish_fake, store)


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with `tiny/1`, which a FakeEngine takes for good."""
    store = Store(tmp_path_factory.mktemp("tiny") / "models")
    publish_fake(store, "tiny")
    return store


class Service:
    """A running application with its fake engines by the models' names, and a client."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, engines: dict[str, FakeEngine]) -> None:
        self.app, self.client, self.engines = app, client, engines

    @property
    def catalogue(self) -> Catalogue:
        catalogue: Catalogue = self.app.state.catalogue
        return catalogue

    async def loaded(self) -> None:
        """Return when the store has been read and its models are loaded, or not."""
        await until(lambda: not self.catalogue.loading)


Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(store: Store) -> Serve:
    """Serves a store; `faults` are the errors that loading a model raises, by its name."""

    @asynccontextmanager
    async def running(
        store: Store = store, *, wait: bool = True, faults: dict[str, Exception] | None = None, **settings: object
    ) -> AsyncIterator[Service]:
        engines: dict[str, FakeEngine] = {}

        def load(bundle: Bundle) -> FakeEngine:
            manifest = bundle.manifest
            if error := (faults or {}).get(manifest.name):
                raise error
            shape = (manifest.image.height, manifest.image.width, manifest.image.channels)
            shares = manifest.class_shares
            engine = ConditionalEngine(shares, shape) if shares else FakeEngine(shape, version=manifest.version)
            engines[manifest.name] = engine  # that of the version that was loaded last
            return engine

        # One batch at a time, so that a test which holds it knows what waits.
        defaults = {"models": store.root, "max_batch": 16, "in_flight": 1}
        app = create_app(Settings.model_validate(defaults | settings), store, load)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            asyncio.timeout(3 * PATIENCE),
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://figment", trust_env=False) as client,
        ):
            service = Service(app, client, engines)
            if wait:
                await service.loaded()
            yield service
            for engine in engines.values():
                engine.gate.set()

    return running


@pytest.fixture
async def service(serve: Serve, tiny_store: Store) -> AsyncIterator[Service]:
    """One model, `tiny/1`, loaded and ready."""
    async with serve(tiny_store) as running:
        yield running


@pytest.fixture
def client(service: Service) -> httpx.AsyncClient:
    return service.client


@pytest.fixture
def engine(service: Service) -> FakeEngine:
    return service.engines["tiny"]


def lasting(answer: httpx.Response) -> dict[str, str]:
    """The headers that the same request gets again: not its id, and not what it took."""
    return {name: text for name, text in answer.headers.items() if name not in ("x-request-id", "server-timing")}


def pixels(answer: httpx.Response) -> np.ndarray:
    """The pixels of a PNG answer, [height, width, channels]."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        decoded = np.asarray(image)
    return decoded if decoded.ndim == 3 else decoded[:, :, np.newaxis]


@pytest.fixture
def decode() -> Callable[[httpx.Response], np.ndarray]:
    return pixels


@pytest.fixture
def problem() -> Callable[[httpx.Response, str], dict[str, Any]]:
    """Checks that an answer is a problem of a type, whole, and returns it."""

    def check(answer: httpx.Response, kind: str) -> dict[str, Any]:
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        body: dict[str, Any] = answer.json()
        assert body["type"] == f"/problems/{kind}", body
        assert body["status"] == answer.status_code
        assert body["title"]
        assert body["detail"]
        return body

    return check


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., Callable[[Path, int], Manifest]]:
    """Writes a small generator with raw TensorFlow; what is changed no longer agrees with the manifest."""

    def make(
        *,
        latent_dim: int = LATENT_DIM,
        latent_dtype: str = "float32",
        batch: int | None = None,
        height: int = 8,
        channels: int = 3,
        input_name: str = "latents",
        output_name: str = "images",
        output_dtype: str = "uint8",
        signature: str = "serving_default",
        labelled: bool = False,
        fail: bool = False,
        constant: bool = False,
        broken: float | None = None,
    ) -> Callable[[Path, int], Manifest]:
        import tensorflow as tf

        def write(folder: Path, version: int) -> Manifest:
            weights = np.random.RandomState(version).randn(latent_dim, height * 8 * channels)
            module = tf.Module()
            module.weights = tf.Variable(weights * (not constant), dtype=latent_dtype)

            @tf.function(input_signature=[tf.TensorSpec([batch, latent_dim], latent_dtype, name=input_name)])
            def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
                if fail:
                    latents = tf.debugging.check_numerics(latents / 0.0, "by zero")
                x = tf.reshape(tf.tanh(latents @ module.weights), [-1, height, 8, channels])
                if broken is not None:  # one pixel, for one latent in two
                    x = tf.where((tf.range(192) == 7)[None] & (latents[:, :1] > 0), broken, tf.reshape(x, [-1, 192]))
                    x = tf.reshape(x, [-1, height, 8, channels])
                return {output_name: tf.cast(tf.round((x + 1.0) * 127.5), output_dtype)}

            @tf.function(
                input_signature=[
                    tf.TensorSpec([None, latent_dim], "float32", name="latents"),
                    tf.TensorSpec([None], "int32", name="labels"),
                ]
            )
            def generate_labelled(latents: Any, labels: Any) -> dict[str, Any]:  # noqa: ANN401
                return generate(latents + tf.cast(labels, "float32")[:, tf.newaxis])

            signatures = {signature: generate} | ({"labelled": generate_labelled} if labelled else {})
            tf.saved_model.save(module, str(folder), signatures)
            return manifest_of("tiny", (8, 8, 3))

        return write

    return make


@pytest.fixture(scope="session")
def real_store(
    tmp_path_factory: pytest.TempPathFactory, make_graph: Callable[..., Callable[[Path, int], Manifest]]
) -> Store:
    """A store with `tiny/1`, a real SavedModel of 8 × 8 pixels."""
    store = Store(tmp_path_factory.mktemp("real") / "models")
    store.publish("tiny", 1, make_graph())
    return store
