"""A training that is killed: in the middle of the run, and in the middle of publishing."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from bundle.store import UNFINISHED, Store
from tests.faults.lab import Lab, damage
from tests.faults.outcome import Outcome
from tests.faults.replica import ROOT

PATIENCE = 900.0
SETTINGS = (
    "latent_dim=8", "batch_size=4", "generator.width=4", "discriminator.width=4", "discriminator.minibatch_stddev=4",
)  # fmt: skip


def _training(*words: str | Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "training", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _kill_when(process: "subprocess.Popen[bytes]", there: Callable[[], bool]) -> None:
    """SIGKILL as soon as something is there."""
    end = time.monotonic() + PATIENCE
    with process:
        try:
            while not there():
                assert process.poll() is None, process.stdout and process.stdout.read()[-2000:]
                assert time.monotonic() < end, "it never came so far"
                time.sleep(0.002)
        finally:
            process.send_signal(signal.SIGKILL)


def _complete(process: "subprocess.Popen[bytes]") -> None:
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said[-2000:]


def _pictures(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for i in range(20):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


def kill_and_go_on(lab: Lab) -> Outcome:
    """Kill a run, resume it, kill its export while it writes, and export again."""
    outcome = Outcome("training killed, in the run and in publishing")
    folder, pictures = lab.path("training"), _pictures(lab.path("pictures"))
    run, store = folder / "runs" / "00000-x-ns", Store(folder / "models")
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    fit = ("fit", "--data", pictures, "--out", run.parent, "--name", "x", "--resolution", "32", "--images", "400",
           "--every", "40", "--holdout", "0", *settings)  # fmt: skip
    _kill_when(_training(*fit), (run / "checkpoints" / "checkpoint").exists)
    _complete(_training("resume", run, "--every", "400"))
    export = ("export", run, "--name", "x", "--models", store.root, "--last")
    _kill_when(_training(*export), lambda: any(store.root.glob(f"x/{UNFINISHED}*/saved_model.pb")))
    assert store.scan()[0] == []  # what is half written is no bundle
    assert store.versions("x") == []
    begin = time.monotonic()
    _complete(_training(*export))
    outcome.healthy = time.monotonic() - begin
    assert store.open("x").manifest.version == 1
    left = [path.name for path in (store.root / "x").iterdir() if path.name.startswith(UNFINISHED)]
    outcome.note = f"{len(left)} unfinished folder is passed over, and may be deleted"
    outcome.damaged = [found for found in damage(store, {}) if UNFINISHED not in found]
    return outcome


async def training_killed(lab: Lab) -> Outcome:
    """The same, in a thread."""
    return await asyncio.to_thread(kill_and_go_on, lab)
