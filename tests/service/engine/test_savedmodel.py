"""The real engine on a real, small SavedModel."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.errors import InvalidBundle
from bundle.latents import latents_of
from bundle.manifest import Manifest
from bundle.store import Bundle, Store
from service.engine.protocol import EngineError
from tests.service.conftest import manifest_of
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


@pytest.fixture
def writing(tmp_path: Path) -> Callable[[str], Path]:
    """A SavedModel that has an effect, in a function inside its signature's; returns its folder."""

    def make(effect: str) -> Path:
        import tensorflow as tf

        effects: dict[str, Callable[[], object]] = {
            "WriteFile": lambda: tf.io.write_file(str(tmp_path / "written"), "x"),
            "ReadFile": lambda: tf.io.read_file(str(tmp_path / "read")),
            "EagerPyFunc": lambda: tf.py_function(lambda: (tmp_path / "written").touch(), [], []),
            "PrintV2": lambda: tf.print("x", output_stream=f"file://{tmp_path / 'written'}"),
        }

        @tf.function
        def deep(z: Any) -> Any:  # noqa: ANN401
            effects[effect]()
            return z

        @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.float32, name="latents")])
        def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
            noise = tf.reshape(tf.tile(deep(latents), [1, 12]), [-1, 8, 8, 3])
            return {"images": tf.cast(noise * 50.0 + 127.0, tf.uint8)}

        tf.saved_model.save(tf.Module(), str(tmp_path / "graph"), {"serving_default": generate})
        return tmp_path / "graph"

    return make


@pytest.mark.parametrize("effect", ["WriteFile", "ReadFile", "EagerPyFunc", "PrintV2"])
def test_a_graph_that_reaches_outside_is_refused_by_the_name_of_what_it_does(
    writing: Callable[[str], Path], tmp_path: Path, effect: str
) -> None:
    from service.engine.savedmodel import check_operations

    with pytest.raises(InvalidBundle, match=f"its graph holds .*{effect}.*FIGMENT_TRUST=all"):
        check_operations(writing(effect))
    assert not (tmp_path / "written").exists()


def test_whoever_is_trusted_may_write(
    writing: Callable[[str], Path], store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    from service.engine.savedmodel import open_device

    def copy(folder: Path, version: int) -> Manifest:
        shutil.copytree(writing("WriteFile"), folder, dirs_exist_ok=True)
        return manifest_of("tiny", (8, 8, 3))

    bundle = store.publish("tiny", 1, copy)
    with pytest.raises(InvalidBundle, match="WriteFile"):
        open_device("cpu")(bundle)
    assert "can read and write files" not in caplog.text
    engine = open_device("cpu", trusted=True)(bundle)
    assert "can read and write files" in caplog.text
    assert not (tmp_path / "written").exists()  # loading alone runs nothing
    engine.run(latents_of([1], 16))
    assert (tmp_path / "written").exists()


def test_an_operation_that_tensorflow_does_not_have_is_refused_by_name(real_store: Store, tmp_path: Path) -> None:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from service.engine.savedmodel import check_operations

    model = SavedModel()
    model.ParseFromString((real_store.open("tiny").path / "saved_model.pb").read_bytes())
    model.meta_graphs[0].graph_def.node.add(name="own", op="SomebodysOwnKernel")
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidBundle, match="SomebodysOwnKernel: operations that this TensorFlow does not have"):
        check_operations(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    import tensorflow as tf

    from service.engine.savedmodel import check_weights

    weights = tf.Variable([1.0, value])
    function = tf.function(lambda: weights * 2.0).get_concrete_function()
    with pytest.raises(EngineError, match="not a number"):
        check_weights(function)
    weights.assign([1.0, 2.0])
    check_weights(function)


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
