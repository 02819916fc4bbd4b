"""A graph left unrounded draws the numbers before its pixels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundle.latents import latents_of
from bundle.store import Store

pytestmark = pytest.mark.tensorflow

LATENTS = latents_of(range(8), 16)


def written(tmp_path: Path, pixels: Callable[[Any], Any]) -> Path:
    """A SavedModel that draws `pixels(x)` of x in 0 … 255."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(np.random.RandomState(0).randn(16, 48), dtype="float32")

    @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.float32, name="latents")])
    def generate(latents: Any) -> dict[str, Any]:  # noqa: ANN401
        x = (tf.tanh(latents @ module.weights) + 1.0) * 127.5
        return {"images": pixels(tf.reshape(x, [-1, 4, 4, 3]))}

    tf.saved_model.save(module, str(tmp_path / "graph"), {"serving_default": generate})
    return tmp_path / "graph"


def heads() -> dict[str, Callable[[Any], Any]]:
    import tensorflow as tf

    return {
        "rounded": lambda x: tf.cast(tf.round(x), tf.uint8),
        "rounded and clipped": lambda x: tf.cast(tf.clip_by_value(tf.round(x), 0.0, 255.0), tf.uint8),
        "clipped and rounded": lambda x: tf.cast(tf.round(tf.clip_by_value(x, 0.0, 255.0)), tf.uint8),
        "and then as it is": lambda x: tf.identity(tf.cast(tf.round(x), tf.uint8)),
    }


@pytest.mark.parametrize("head", ["rounded", "rounded and clipped", "clipped and rounded", "and then as it is"])
def test_the_bytes_are_those_of_the_numbers_before_the_rounding(tmp_path: Path, head: str) -> None:
    import tensorflow as tf

    from service.engine.savedmodel import caller, unrounded

    folder = written(tmp_path, heads()[head])
    pixels = tf.saved_model.load(str(folder)).signatures["serving_default"](latents=LATENTS)["images"].numpy()
    with unrounded(folder) as twin:
        assert twin is not None
        found = caller(twin)(LATENTS)
    assert found.shape == (8, 4, 4, 3, 4)
    numbers = np.ascontiguousarray(found).view(np.float32)[..., 0]
    assert np.abs(numbers - np.round(numbers)).max() > 0.01
    assert np.array_equal(np.clip(np.round(numbers), 0, 255).astype(np.uint8), pixels)


def test_where_nothing_rounds_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import tensorflow as tf

    from service.engine.savedmodel import unrounded

    with unrounded(written(tmp_path, lambda x: tf.cast(x + 0.5, tf.uint8))) as twin:
        assert twin is None
    assert "compared by their pixels" in caplog.text


def test_the_bundle_itself_is_not_touched(real_store: Store) -> None:
    from service.engine.savedmodel import unrounded

    bundle = real_store.open("tiny")
    with unrounded(bundle.path) as twin:
        assert twin is not None
    assert real_store.open("tiny").digest == bundle.digest
