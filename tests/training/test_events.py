import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from training.events import Events

pytestmark = [
    pytest.mark.tensorflow,  # TensorBoard takes TensorFlow's files where it is installed
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard"),
]


def read(folder: Path, name: str) -> list[tuple[int, np.ndarray]]:
    """Steps and values of a tag, as TensorBoard shows them."""
    found = EventAccumulator(str(folder))
    found.Reload()
    return [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in found.Tensors(name)]


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(step, round(float(value), 6)) for step, value in read(folder, name)]


def write(folder: Path, steps: range, value: float) -> None:
    """What one process writes; its file is named by the second, so the tests, which are quicker, name it themselves."""
    before = set(folder.glob("*"))
    events = Events(folder)
    for step in steps:
        events.scalars(step, {"loss_d": value, "loss_g": -value})
    events.close()
    [file] = set(folder.glob("*")) - before
    file.rename(folder / f"events.out.tfevents.{len(before):010d}")


def test_scalars_are_read_back(tmp_path: Path) -> None:
    write(tmp_path / "new" / "folder", range(50, 200, 50), 0.25)
    assert scalars(tmp_path / "new" / "folder", "loss_d") == [(50, 0.25), (100, 0.25), (150, 0.25)]
    assert scalars(tmp_path / "new" / "folder", "loss_g") == [(50, -0.25), (100, -0.25), (150, -0.25)]


@pytest.mark.parametrize("resumed_at", [0, 1, 3, 5, 9])
def test_a_resumed_run_shows_no_step_twice(tmp_path: Path, resumed_at: int) -> None:
    write(tmp_path, range(1, 8), 1.0)
    write(tmp_path, range(resumed_at + 1, 12), 2.0)
    kept = [(step, 1.0) for step in range(1, min(resumed_at + 1, 8))]
    assert scalars(tmp_path, "loss_d") == kept + [(step, 2.0) for step in range(resumed_at + 1, 12)]
    assert len(list(tmp_path.iterdir())) == 2  # a file a process


def test_a_third_process_drops_what_the_second_wrote_later(tmp_path: Path) -> None:
    for number, steps in enumerate([range(0, 6), range(3, 9), range(5, 7)]):
        write(tmp_path, steps, float(number))
    assert scalars(tmp_path, "loss_d") == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2)]


def test_a_fall_back_within_a_process_begins_anew(tmp_path: Path) -> None:
    events = Events(tmp_path)
    for step, value in [(1, 1.0), (2, 1.0), (3, 1.0), (2, 5.0), (3, 5.0)]:
        events.scalars(step, {"loss_d": value})
    events.close()
    assert scalars(tmp_path, "loss_d") == [(1, 1.0), (2, 5.0), (3, 5.0)]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_are_read_back_to_the_last_bit(tmp_path: Path, channels: int) -> None:
    image = np.random.default_rng(channels).integers(0, 256, (6, 9, channels), dtype=np.uint8)
    events = Events(tmp_path)
    events.image(7, "samples", image)
    events.close()
    [(step, (width, height, png))] = read(tmp_path, "samples")
    assert (step, int(width), int(height)) == (7, 9, 6)
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(png))).reshape(image.shape), image)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_histogram_counts_every_finite_number(tmp_path: Path, seed: int) -> None:
    values = np.random.default_rng(seed).normal(3, 1, (20, 5)).astype(np.float32)
    events = Events(tmp_path)
    events.histogram(1, "scores/real", np.append(values, [np.nan, np.inf]))
    events.histogram(2, "scores/real", np.array([np.nan]))
    events.close()
    [(_, buckets), (_, empty)] = read(tmp_path, "scores/real")
    assert buckets[:, 2].sum() == values.size
    assert buckets[0, 0] == pytest.approx(values.min())
    assert buckets[-1, 1] == pytest.approx(values.max())
    assert empty[:, 2].sum() == 0


def test_values_that_are_not_finite_are_kept_for_the_reader(tmp_path: Path) -> None:
    write(tmp_path, range(1), float("nan"))
    assert np.isnan(read(tmp_path, "loss_d")[0][1])


def test_to_close_twice_is_harmless(tmp_path: Path) -> None:
    events = Events(tmp_path)
    events.close()
    events.close()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file")
    with pytest.raises(OSError, match="events"):
        Events(tmp_path / "events")
