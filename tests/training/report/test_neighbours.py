import numpy as np
import pytest
from numpy.typing import NDArray

from training.dataset import Selection
from training.report import neighbours
from training.report.neighbours import low_pass, nearest


def images(count: int, seed: int, side: int = 32, channels: int = 3) -> NDArray[np.uint8]:
    """Smooth images: the low-pass keeps what tells them apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, channels), dtype=np.uint8)
    return coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2)


@pytest.mark.parametrize(("side", "channels"), [(16, 3), (32, 1), (48, 4), (64, 3)])
def test_low_pass_is_the_mean_of_blocks(side: int, channels: int) -> None:
    many = np.random.default_rng(side).integers(0, 256, (5, side, side, channels), dtype=np.uint8)
    block = side // 16
    means = many.reshape(5, 16, block, 16, block, channels).mean(axis=(2, 4)).reshape(5, -1)
    np.testing.assert_allclose(low_pass(many), means, rtol=1e-6)


def test_low_pass_leaves_other_sides_as_they_are() -> None:
    many = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    np.testing.assert_array_equal(low_pass(many), many.reshape(2, -1))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("chunk", [1, 10_000, 1 << 25])
def test_distances_are_those_of_a_plain_search(monkeypatch: pytest.MonkeyPatch, seed: int, chunk: int) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", chunk)
    data, samples = images(50, seed), images(12, seed + 100)
    found = nearest(samples, data)
    assert found is not None
    plain = np.sqrt(np.square(low_pass(samples)[:, None] - low_pass(data)[None]).mean(axis=2))
    assert found.typical == pytest.approx(np.median(plain.min(axis=1)), rel=1e-3)
    assert [sample for sample, _ in found.samples] == list(plain.min(axis=1).argsort()[:10])
    for sample, near in found.samples:
        assert [n.index for n in near] == list(plain[sample].argsort()[:4])
        assert [n.distance for n in near] == pytest.approx(np.sort(plain[sample])[:4], rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_copy_is_found_in_spite_of_noise_and_stands_out(seed: int) -> None:
    data, samples = images(200, seed), images(64, seed + 100)
    noise = np.random.default_rng(seed).integers(-8, 9, data[0].shape)
    samples[7] = np.clip(data[123].astype(int) + noise, 0, 255)
    found = nearest(samples, data)
    assert found is not None
    (sample, (first, *_)), *_ = found.samples
    assert (sample, first.index) == (7, 123)
    assert first.distance < found.real_low / 3
    assert found.typical > found.real_low / 3


def test_a_mirrored_copy_is_found_where_training_saw_mirrored_images() -> None:
    data, samples = images(50, 0), images(10, 1)
    samples[3] = data[20, :, ::-1]
    plain, mirrored = nearest(samples, data), nearest(samples, data, flip=True)
    assert plain is not None
    assert mirrored is not None
    assert (mirrored.samples[0][0], mirrored.samples[0][1][0].index) == (3, 20)
    assert mirrored.samples[0][1][0].distance < 1 < plain.samples[0][1][0].distance


def test_the_scale_is_that_of_held_out_images_where_there_are_some() -> None:
    data = images(40, 0)
    own, other = nearest(data[:5], data), nearest(data[:5], data, heldout=data[:7])
    assert own is not None
    assert other is not None
    assert (own.held_out, own.references) == (False, 40)
    assert own.real > 10  # each with itself left out
    assert (other.held_out, other.references) == (True, 7)
    assert other.real == pytest.approx(0, abs=0.1)  # these are in the data


def test_selections_are_searched_like_arrays() -> None:
    data, index = images(60, 0), np.arange(10, 50)
    held = Selection(data, np.arange(50, 60))
    assert nearest(images(9, 5), Selection(data, index), heldout=held) == nearest(
        images(9, 5), data[index], heldout=data[50:]
    )


@pytest.mark.parametrize("data", [images(1, 0), images(0, 0), images(9, 0, side=16), images(9, 0, channels=1)])
def test_there_is_nothing_to_find_in_no_images_or_others(data: NDArray[np.uint8]) -> None:
    assert nearest(images(4, 1), data) is None
