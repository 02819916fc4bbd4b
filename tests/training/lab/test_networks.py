import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

NORMS = ["none", "batch", "layer", "spectral"]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("spread", [0, 4])
def test_repetitions_do_not_meet(norm: str, spread: int) -> None:
    """Scores of one repetition, and their gradients, are the same whatever the others are given."""
    import tensorflow as tf

    from training.lab.networks import Stacked

    network = Stacked([2, 8, 8, 1], 3, seed=0, octaves=2, norm=norm, spread=spread)
    x = tf.random.stateless_normal([3, 16, 2], [1, 2])
    changed = tf.concat([x[:1], 5.0 * x[1:]], axis=0)
    found = []
    for points in (x, changed):
        with tf.GradientTape() as tape:
            scores = network(points)
            loss = tf.reduce_sum(tf.square(scores))
        gradients = tape.gradient(loss, network.trainable_variables)
        found.append([scores[0].numpy(), *[g[0].numpy() for g in gradients]])
        assert scores.shape == (3, 16, 1)
        assert not np.allclose(scores[1], scores[2])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_equals_plain_layers() -> None:
    import tensorflow as tf

    from training.lab.networks import SLOPE, Stacked

    network = Stacked([2, 5, 3], 2, seed=3)
    x = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)
    for i in range(2):
        hidden = x[i] @ network.weights[0][i].numpy() + network.biases[0][i].numpy()
        hidden = np.where(hidden > 0, hidden, SLOPE * hidden)
        expected = hidden @ network.weights[1][i].numpy() + network.biases[1][i].numpy()
        np.testing.assert_allclose(network(tf.constant(x))[i], expected, rtol=1e-5, atol=1e-6)


def test_batch_norm_normalises_over_rows() -> None:
    """What all rows are multiplied by is not seen behind the norm, but for its ε."""
    import tensorflow as tf

    from training.lab.networks import Stacked

    network = Stacked([1, 4, 4, 1], 1, seed=0, norm="batch")
    x = tf.random.stateless_uniform([1, 32, 1], [0, 0], 1.0, 2.0)  # positive: the first layer stays on one side
    np.testing.assert_allclose(network(x), network(3.0 * x), atol=0.02)
    plain = Stacked([1, 4, 4, 1], 1, seed=0)
    assert np.abs(plain(x) - plain(3.0 * x)).max() > 0.2


@pytest.mark.parametrize("seed", [0, 1])
def test_spectral_norm_bounds_the_slope(seed: int) -> None:
    import tensorflow as tf

    from training.lab.networks import Stacked

    network = Stacked([2, 16, 16, 1], 2, seed=seed, norm="spectral")
    for _ in range(50):
        network.iterate()
    for i, weight in enumerate(network.weights):
        largest = np.linalg.svd(weight.numpy(), compute_uv=False)[:, 0]
        divided = np.linalg.svd(network._weight(i).numpy(), compute_uv=False)[:, 0]
        assert largest.max() > 1.2
        np.testing.assert_allclose(divided, 1.0, rtol=0.02)
    a, b = (tf.random.stateless_normal([2, 64, 2], [seed, k]) for k in (1, 2))
    slopes = np.abs(network(a) - network(b))[..., 0] / np.linalg.norm(a - b, axis=-1)
    assert slopes.max() < 1.05


def test_spread_is_seen() -> None:
    """With minibatch standard deviation, rows that are all alike score otherwise than in varied company."""
    import tensorflow as tf

    from training.lab.networks import Stacked

    network = Stacked([2, 8, 1], 1, seed=0, spread=4)
    varied = tf.random.stateless_normal([1, 4, 2], [0, 1])
    alike = tf.repeat(varied[:, :1], 4, axis=1)
    assert abs(float(network(varied)[0, 0, 0] - network(alike)[0, 0, 0])) > 1e-3
