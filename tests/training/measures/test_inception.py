from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from training.measures.frechet import frechet_distance, gaussian
from training.measures.inception import WIDTH, Inception, InceptionError, fid

pytestmark = pytest.mark.tensorflow

SEEDS = range(3)


def stand_in(path: Path, width: int = WIDTH, output: str = "pool_3") -> Path:
    """A graph with the nodes of the real one, that answers the mean colour times fixed weights."""
    graph = tf.Graph()
    with graph.as_default():
        decoded = tf.compat.v1.placeholder(tf.uint8, [None, None, 3], name="DecodeJpeg")
        batch = tf.expand_dims(tf.cast(decoded, tf.float32), 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(batch, [9, 9], name="ResizeBilinear")
        weights = tf.constant(np.random.default_rng(0).normal(size=(3, width)).astype(np.float32))
        mean = tf.reduce_mean(resized, axis=[1, 2])
        tf.reshape(tf.matmul(mean / 255.0, weights), [-1, 1, 1, width], name=output)
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Inception:
    return Inception(stand_in(tmp_path_factory.mktemp("graph") / "graph.pb"))


def images(count: int, seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, channels)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 50, 51])
def test_images_in_batches_give_a_row_each(inception: Inception, count: int) -> None:
    found = inception.features(images(count, 0))
    assert found.shape == (count, WIDTH)
    np.testing.assert_allclose(found[-1:], inception.features(images(count, 0)[-1:]), rtol=1e-4, atol=1e-5)


def test_grey_images_are_shown_as_rgb(inception: Inception) -> None:
    grey = images(3, 0, 1)
    np.testing.assert_array_equal(inception.features(grey), inception.features(grey.repeat(3, -1)))
    with pytest.raises(ValueError, match="alpha"):
        inception.features(images(3, 0, 4))


@pytest.mark.parametrize("seed", SEEDS)
def test_fid_is_the_frechet_distance_of_all_images_with_training_images_as_its_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("training.measures.inception.WIDTH", 32)  # roots of 2048 × 2048 numbers take seconds
    inception = Inception(stand_in(tmp_path / "graph.pb", 32))
    real, fake, train = images(12, seed), images(12, seed + 10) // 2, images(20, seed + 20)
    found = fid(inception, real, fake, train, seed)["fid"]
    expected = frechet_distance(gaussian(inception.features(real)), gaussian(inception.features(fake)))
    assert found.value == pytest.approx(expected, rel=1e-3)
    assert found.floor is not None
    assert found.floor < found.value
    assert found.count == 12
    assert inception.digest in found.about
    assert "far too high with fewer than 32" in found.about
    assert fid(inception, real, fake)["fid"].floor is None


def test_what_is_not_that_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pb").write_text("no graph")
    with pytest.raises(InceptionError, match="no frozen TensorFlow graph"):
        Inception(tmp_path / "text.pb")
    with pytest.raises(InceptionError, match="has no node pool_3"):
        Inception(stand_in(tmp_path / "other.pb", output="pool_4"))
    with pytest.raises(InceptionError, match="64 features instead of 2048"):
        Inception(stand_in(tmp_path / "narrow.pb", width=64)).features(images(2, 0))
    with pytest.raises(OSError, match="missing"):
        Inception(tmp_path / "missing.pb")


def test_too_few_images_are_refused(inception: Inception) -> None:
    with pytest.raises(ValueError, match="1 real and 5 generated images are too few for FID"):
        fid(inception, images(1, 0), images(5, 1))
