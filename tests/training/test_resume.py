"""Stopping and resuming is never stopping, to the last bit; and a kill in the middle of a save loses little."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[2]

BIT_IDENTITY = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from training.device import prepare
prepare()
import numpy as np
from training.checkpoints import Checkpoints
from training.dataset import load_images
from training.loop import gan_of, train
from training.recipe import load_recipe
from training.run import RunSettings, create_run

folder, name, pictures, steps, *stops = sys.argv[1:]
folder, steps = Path(folder), int(steps)
small = ["latent_dim=8", "batch_size=4", "ema_half_life=100", "generator.width=4", "discriminator.width=4", "flip=true"]
group = ["discriminator.minibatch_stddev=4"] if name == "ns" else ["n_critic=2"]
labels = "folders" if name == "ns" else None
recipe = load_recipe(name, small + group + ["augment=translation+colour"])
data = load_images(Path(pictures), 32, 3, folder / "cache", labels=labels)
per_step = recipe.images_per_step

class Display:
    stop = None
    def estimate(self, *_): pass
    def note(self, text): pass
    def advance(self, images, logs):
        if images == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)

def final(stops):
    settings = RunSettings(recipe=recipe, resolution=32, channels=3, images=steps * per_step, seed=11, source="x",
                           cache="x", name="x", license="", attribution="", count=20, digest=data.facts.digest,
                           labels=labels, class_names=data.class_names, class_shares=data.class_shares,
                           started=datetime.now(UTC))
    run = create_run(folder / "runs", settings)
    for i, stop in enumerate([*stops, None]):
        display = Display()
        display.stop = None if stop is None else stop * per_step
        complete = train(run, data, display, every=10**6, resume=i > 0)
        assert complete == (stop is None), (complete, stop)
    gan = gan_of(run)
    assert Checkpoints(gan, run.checkpoints).restore() == steps
    return gan.snapshot(), sorted(p.name for p in run.samples.iterdir())[-1:], (
        run.samples / f"{steps * per_step:09d}.png").read_bytes()

whole, stopped = final([]), final([int(s) for s in stops])
different = sum(not np.array_equal(a, b) for a, b in zip(whole[0], stopped[0], strict=True))
print(len(whole[0]), different, whole[1:] == stopped[1:])
"""


@pytest.mark.parametrize(("name", "stops"), [("wgan-gp", ["3"]), ("ns", ["1", "6"])])
def test_stopping_and_resuming_is_never_stopping_to_the_last_bit(
    make_pictures: Callable[..., Path], tmp_path: Path, name: str, stops: list[str]
) -> None:
    """Across epochs, with classes (ns), mirroring, augmentation and the decay of the learning rates."""
    for seed, folder in enumerate(("cats", "dogs")):
        make_pictures(tmp_path / "pictures" / folder, 10, seed=seed)
    arguments = [str(tmp_path), name, str(tmp_path / "pictures"), "9", *stops]
    process = subprocess.run(
        [sys.executable, "-c", BIT_IDENTITY, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert process.returncode == 0, process.stderr
    variables, different, same_sheet = process.stdout.split()
    assert int(variables) > 50
    assert (different, same_sheet) == ("0", "True")


def fit(data: Path, out: Path) -> list[str]:
    settings = [
        "latent_dim=8", "batch_size=4", "generator.width=24", "discriminator.width=24",
        "discriminator.minibatch_stddev=4",
    ]  # fmt: skip
    words = [sys.executable, "-m", "training", "fit", "--data", str(data), "--out", str(out), "--resolution", "32"]
    words += ["--images", "80", "--every", "4", "--holdout", "0", "--name", "x"]
    return words + [word for setting in settings for word in ("--set", setting)]


def being_saved(checkpoints: Path) -> list[Path]:
    """What TensorFlow writes before it is renamed, once there is a checkpoint to fall back to."""
    return list(checkpoints.glob("ckpt-*temp*")) if (checkpoints / "checkpoint").exists() else []


def killed_in_a_save(command: list[str], run: Path) -> bool:
    """Start a training and end it with SIGKILL while it saves; False if it came to its end before."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if being_saved(run / "checkpoints"):
                process.send_signal(signal.SIGKILL)
                process.wait()
                return bool(being_saved(run / "checkpoints"))
            time.sleep(0.0005)
    return False


def test_a_run_killed_in_the_middle_of_a_save_goes_on_from_the_last_good_state(pictures: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run = killed / "00000-x-ns"
    command = fit(pictures, killed)
    resume = [sys.executable, "-m", "training", "resume", str(run), "--every", "4"]
    for _ in range(5):
        if killed_in_a_save(command, run):
            break
        command = resume
    else:
        pytest.fail("no save was caught half done")
    for words in (fit(pictures, whole), resume):
        process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=900)
        assert process.returncode == 0, process.stderr
    logs = [
        [line for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if "event" not in line]
        for folder in (whole / "00000-x-ns", run)
    ]
    assert [line["step"] for line in logs[0]] == [line["step"] for line in logs[1]] == [20]
    sheets = [(folder / "samples" / "000000080.png").read_bytes() for folder in (whole / "00000-x-ns", run)]
    assert sheets[0] == sheets[1]
