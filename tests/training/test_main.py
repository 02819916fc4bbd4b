"""Whole processes of `python -m training`: killed, interrupted and terminated, a run ends where it would have."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[2]
SMALL = [
    "latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4", "discriminator.minibatch_stddev=4",
]  # fmt: skip


def fit_arguments(data: Path, out: Path, *more: str) -> list[str]:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    return ["fit", "--data", str(data), "--out", str(out), "--resolution", "32", *settings, *more]


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONWARNINGS": "error:::training"},
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=400)
    return process.returncode, out, error


def stopped_by(number: int, run: Path, process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Sends the signal when the process has written a sheet in the midst of the run."""
    known, begun = {*run.glob("samples/*.png"), run / "samples" / "000000000.png"}, time.monotonic()
    while not set(run.glob("samples/*.png")) - known:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() - begun < 400
        time.sleep(0.01)
    process.send_signal(number)
    return finished(process)


def last_state(run: Path) -> dict[str, np.ndarray]:
    """Every variable of the last checkpoint but the count of how often was saved."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    names = [n for n in reader.get_variable_to_shape_map() if n.endswith("VALUE") and "save_counter" not in n]
    return {name: reader.get_tensor(name) for name in names}


def step_of(run: Path) -> int:
    return int(last_state(run)["gan/step/.ATTRIBUTES/VARIABLE_VALUE"])


@pytest.mark.tensorflow
def test_a_run_that_is_killed_interrupted_and_terminated_ends_where_it_would_have(
    tmp_path: Path, pictures: Path
) -> None:
    """Five processes, with the operating system's signals; the same to the last bit as one process."""
    settings = ["--images", "1000", "--every", "40", "--flip"]
    never_stopped = command(*fit_arguments(pictures, tmp_path / "whole", *settings))
    whole, run = tmp_path / "whole" / "00000-colours-ns", tmp_path / "runs" / "00000-colours-ns"
    status, *_ = stopped_by(signal.SIGKILL, run, command(*fit_arguments(pictures, tmp_path / "runs", *settings)))
    assert status == -signal.SIGKILL
    steps = [step_of(run)]
    for number in (signal.SIGINT, signal.SIGTERM):
        status, output, error = stopped_by(number, run, command("resume", str(run), "--every", "40"))
        assert status == 130, error
        assert output.endswith(f"-m training resume {run}\n")
        steps.append(step_of(run))
        assert f"stopped by a signal after step {steps[-1]} of 250" in error
    assert 0 < steps[0] < steps[1] < steps[2] < 250

    for process, path in ((command("resume", str(run)), run), (never_stopped, whole)):
        status, output, error = finished(process)
        assert status == 0, error
        assert output.startswith("done; write the bundle with: ")
        assert output.endswith(f"-m training export {path} --name NAME\n")
        assert "19 images of" in error  # one of 20 is held out
        assert "images will take about" in error
    resumed, expected = last_state(run), last_state(whole)
    assert resumed.keys() == expected.keys()
    assert len(expected) > 50
    assert [name for name in expected if not np.array_equal(resumed[name], expected[name])] == []
    assert (run / "samples/000001000.png").read_bytes() == (whole / "samples/000001000.png").read_bytes()
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    logged = [line["step"] for line in lines if "event" not in line]
    assert logged == list(range(50, 251, 50))
