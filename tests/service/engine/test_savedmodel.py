"""The real engine on a real, small SavedModel."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.errors import InvalidBundle
from bundle.latents import latents_of
from bundle.store import Bundle, Store
from service.engine.protocol import EngineError
from tests.service.fake_engine import at_once

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def load() -> Callable[[Bundle], Any]:
    from service.engine.savedmodel import open_device

    return open_device("cpu")


@pytest.fixture
def publish_graph(store: Store, make_graph: Callable[..., Callable[..., Any]]) -> Callable[..., Bundle]:
    def publish(**changes: object) -> Bundle:
        return store.publish("tiny", None, make_graph(**changes))

    return publish


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_seed_draws_the_same_pixels_in_every_warmed_size(
    load: Callable[[Bundle], Any], real_store: Store, seed: int
) -> None:
    bundle = real_store.open("tiny")
    engine = load(bundle)
    sizes = engine.warm(16, at_once)
    assert sizes[0].rows == 1
    latents = latents_of([seed, *range(1, sizes[-1].rows)], bundle.manifest.latent_dim)
    alone = engine.run(latents[:1])
    assert alone.shape == (1, 8, 8, 3)
    assert alone.dtype == np.uint8
    for size in sizes:
        assert np.array_equal(engine.run(latents[: size.rows])[:1], alone)


def test_a_second_signature_with_labels_does_not_disturb(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle], real_store: Store
) -> None:
    engine, other = load(publish_graph(labelled=True)), load(real_store.open("tiny"))
    latents = latents_of([1, 2], 16)
    assert np.array_equal(engine.run(latents), other.run(latents))


def test_it_runs_in_the_engine_thread(load: Callable[[Bundle], Any], real_store: Store) -> None:
    bundle = real_store.open("tiny")
    with ThreadPoolExecutor(max_workers=1) as thread:
        engine = thread.submit(load, bundle).result()
        assert thread.submit(engine.run, latents_of([1, 2], 16)).result().shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"latent_dim": 12}, "latents are float32"),
        ({"latent_dtype": "float64"}, "latents are float64"),
        ({"batch": 1}, "latents are float32"),
        ({"input_name": "z"}, "the graph takes z"),
        ({"output_name": "pictures"}, "no images"),
        ({"output_dtype": "float32"}, "images are float32"),
        ({"height": 4}, "images are uint8"),
        ({"channels": 1}, "images are uint8"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_graph_that_is_not_what_the_manifest_says_is_refused(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidBundle, match=reason):
        load(publish_graph(**changes))


def test_another_signature_is_refused(load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle]) -> None:
    with pytest.raises(EngineError, match="serving_default"):
        load(publish_graph(signature="draw"))


def test_what_is_no_savedmodel_is_refused(load: Callable[[Bundle], Any], publish: Callable[..., Bundle]) -> None:
    with pytest.raises(EngineError, match="TensorFlow cannot load it"):
        load(publish("tiny"))


def test_an_error_in_the_graph_is_an_engine_error_of_one_line(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle]
) -> None:
    engine = load(publish_graph(fail=True))
    with pytest.raises(EngineError, match="inference failed") as failed:
        engine.run(latents_of([1], 16))
    assert "\n" not in str(failed.value)


def test_a_constant_generator_is_refused_when_it_is_warmed(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle]
) -> None:
    with pytest.raises(EngineError, match="the same image"):
        load(publish_graph(constant=True)).warm(4, at_once)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from service.engine import savedmodel

    monkeypatch.setattr(savedmodel.tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(EngineError, match="FIGMENT_DEVICE=gpu"):
        savedmodel.open_device("gpu")


def test_the_bundle_is_only_read(load: Callable[[Bundle], Any], real_store: Store) -> None:
    bundle = real_store.open("tiny")

    def listing() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in bundle.path.rglob("*")}

    before = listing()
    load(bundle).warm(2, at_once)
    assert listing() == before
