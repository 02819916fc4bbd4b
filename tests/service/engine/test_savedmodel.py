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
from service.engine.protocol import BatchSize, EngineError
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


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_generator_that_draws_what_is_no_number_is_refused_when_it_is_warmed(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle], value: float
) -> None:
    engine = load(publish_graph(broken=value))
    with pytest.raises(EngineError, match="infinite or not a number"):
        engine.warm(4, at_once)
    assert load(publish_graph(broken=0.5)).warm(4, at_once)


def test_a_constant_generator_is_refused_when_it_is_warmed(
    load: Callable[[Bundle], Any], publish_graph: Callable[..., Bundle]
) -> None:
    with pytest.raises(EngineError, match="the same image"):
        load(publish_graph(constant=True)).warm(4, at_once)


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


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("options", [{"precisions": ("bfloat16",)}, {"compiled": True}], ids=["bfloat16", "XLA"])
def test_other_ways_to_run_it_draw_nearly_the_same_and_the_same_in_every_size(
    real_store: Store, options: dict[str, Any], seed: int
) -> None:
    from service.engine.savedmodel import SavedModelEngine

    bundle = real_store.open("tiny")
    engine, plain = SavedModelEngine(bundle, **options), SavedModelEngine(bundle)
    sizes = engine.warm(8, at_once)
    assert engine.precision == options.get("precisions", ("float32",))[0]
    latents = latents_of([seed, *range(1, 8)], bundle.manifest.latent_dim)
    last = latents[: sizes[-1].run]
    assert np.abs(engine.run(last).astype(int) - plain.run(last)).max() <= 8
    for size in sizes:
        assert np.array_equal(engine.run(latents[: size.run])[: size.rows], engine.run(last)[: size.rows])


def test_bfloat16_is_another_precision_not_another_name(real_store: Store) -> None:
    from service.engine.savedmodel import SavedModelEngine

    bundle = real_store.open("tiny")
    latents = latents_of(range(64), bundle.manifest.latent_dim)
    half = SavedModelEngine(bundle, precisions=("bfloat16",)).run(latents)
    assert not np.array_equal(half, SavedModelEngine(bundle).run(latents))


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [((1.0, 1.0), "float32"), ((1.0, 0.9), "float32"), ((1.0, 0.8), "bfloat16"), ((1.0, 9.0), "float32")],
)
def test_auto_takes_what_is_clearly_fastest_for_an_image(seconds: tuple[float, float], chosen: str) -> None:
    from service.engine.savedmodel import fastest
    from service.engine.warmup import Variant, Warmed

    def warmed(total: float) -> Warmed:
        way = Variant("graph", lambda latents: latents, lambda latents: latents)
        return Warmed(((BatchSize(1, 5.0), way), (BatchSize(4, 4 * total), way)), "")

    assert fastest({"float32": warmed(seconds[0]), "bfloat16": warmed(seconds[1])}) == chosen


def test_auto_measures_all_and_says_what_it_took(real_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    from service.engine.savedmodel import SavedModelEngine

    caplog.set_level("INFO")
    engine = SavedModelEngine(real_store.open("tiny"), precisions=("float32", "bfloat16"))
    assert engine.warm(4, at_once)
    assert engine.precision in ("float32", "bfloat16")
    assert f": {engine.precision}; batches: 1 graph" in caplog.text


@pytest.mark.parametrize(
    ("flags", "precision", "expected"),
    [
        ({"avx2"}, "auto", ("float32",)),
        ({"avx512_bf16"}, "auto", ("float32", "bfloat16")),
        ({"amx_bf16"}, "bfloat16", ("bfloat16",)),
        ({"avx2"}, "bfloat16", ("bfloat16",)),
        ({"avx512_bf16"}, "float32", ("float32",)),
    ],
)
def test_the_precisions_that_are_tried_are_those_that_the_processor_has(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    flags: set[str],
    precision: Any,  # noqa: ANN401
    expected: tuple[str, ...],
) -> None:
    from service.engine import savedmodel

    monkeypatch.setattr(savedmodel, "cpu_flags", lambda: frozenset(flags))
    loader = savedmodel.open_device("cpu", precision=precision)
    assert loader.keywords["precisions"] == expected  # type: ignore[attr-defined]
    assert ("no instructions for it" in caplog.text) is (precision == "bfloat16" and "avx2" in flags)


def test_float16_on_a_processor_is_refused() -> None:
    from service.engine.savedmodel import open_device

    with pytest.raises(EngineError, match="FIGMENT_PRECISION=bfloat16, float32 or auto"):
        open_device("cpu", precision="float16")


def test_a_precision_that_fails_is_left_to_the_first(real_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.engine import savedmodel

    def failing(function: Any, precision: str = "float32", device: str = "CPU:0") -> Any:  # noqa: ANN401
        def call(latents: np.ndarray) -> np.ndarray:
            raise EngineError("no kernel")

        return call if precision == "bfloat16" else caller(function)

    caller = savedmodel.caller
    monkeypatch.setattr(savedmodel, "caller", failing)
    engine = savedmodel.SavedModelEngine(real_store.open("tiny"), precisions=("float32", "bfloat16"))
    engine.warm(4, at_once)
    assert engine.precision == "float32"
    with pytest.raises(EngineError, match="no kernel"):
        savedmodel.SavedModelEngine(real_store.open("tiny"), precisions=("bfloat16",)).warm(4, at_once)


def test_the_memory_of_a_gpu_is_told_and_of_the_cpu_is_not(real_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.engine.savedmodel import SavedModelEngine

    engine = SavedModelEngine(real_store.open("tiny"))
    assert engine.memory() is None
    asked: list[str] = []

    def info(device: str) -> dict[str, int]:
        asked.append(device)
        return {"current": 10, "peak": 30}

    monkeypatch.setattr("tensorflow.config.experimental.get_memory_info", info)
    monkeypatch.setattr(engine, "_device", "GPU:0")
    assert engine.memory() == (10, 30)
    assert asked == ["GPU:0"]


TWO_DEVICES = """
import asyncio, sys
import numpy as np, tensorflow as tf
from bundle.latents import latents_of
from bundle.store import open_bundle
from pathlib import Path
from service.engine.batcher import Batcher
from service.engine.device import Device
from service.engine.savedmodel import SavedModelEngine

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
bundle = open_bundle(Path(sys.argv[1]))
places, batches = [], []
constant = tf.constant
tf.constant = lambda *args: places.append(constant(*args).device) or constant(*args)

async def draw(engine, in_flight):
    device = Device(in_flight)
    batcher = Batcher(device, engine, engine.warm(8, lambda run: device.call(run).result()), 1024, 30.0)
    latents = latents_of(range(60), 16)
    parts = await asyncio.gather(*(batcher.generate(latents[i : i + 5]) for i in range(0, 60, 5)))
    await asyncio.to_thread(device.close, 10)
    return np.concatenate(parts)

drawn = []
for place in ("CPU:0", "CPU:1"):
    for in_flight in (1, 3):
        places.clear()
        drawn.append(asyncio.run(draw(SavedModelEngine(bundle, device=place, compiled=True), in_flight)))
        assert {text[-5:] for text in places} == {place}, set(places)
assert all(np.array_equal(one, drawn[0]) for one in drawn), [np.abs(one.astype(int) - drawn[0]).max() for one in drawn]
"""


def test_it_runs_on_the_device_that_it_is_given_with_several_batches_in_flight(real_store: Store) -> None:
    """Two logical devices stand in for a processor and a GPU: each must hold what it runs."""
    import subprocess
    import sys

    bundle = real_store.open("tiny")
    run = subprocess.run([sys.executable, "-c", TWO_DEVICES, str(bundle.path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
