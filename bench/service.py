"""`python -m bench.service`: the service at saturation against the raw model, in one run.

The raw model is TensorFlow's own SavedModel loader in a bare loop, in a process of its own: what no server can pass.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.load import run_load
from bundle.environment import prepare_tensorflow
from bundle.store import Store

RAW = """
import json, sys, time
import numpy as np, tensorflow as tf
path, latent_dim, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
module = tf.saved_model.load(path)
generate = module.signatures["serving_default"]
for rows in (1, 2, 4, 8, 16, 32, 64):
    latents = tf.constant(np.random.RandomState(0).randn(rows, latent_dim).astype(np.float32))
    generate(latents=latents)["images"].numpy()
    begin, runs = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < seconds:
        generate(latents=latents)["images"].numpy()
        runs += 1
    print(json.dumps([rows, runs * rows / spent]), flush=True)
"""


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.service", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--model", help="a name in the store (default: the first)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    options = parser.parse_args()
    prepare_tensorflow()  # for the raw model too
    store = Store(options.models)
    bundle = store.open(options.model or store.names()[0])
    manifest = bundle.manifest
    print(f"{manifest.name}/{manifest.version}, {manifest.image.height} px; {describe_machine()}\n")

    raw = dict(measure_raw(bundle.path, manifest.latent_dim, options.seconds / 3))
    best = max(raw.values())
    print("raw model                images/s   of the best")
    for rows, rate in raw.items():
        print(f"  batch {rows:3}            {rate:10.0f}   {rate / best:8.2f}")

    print("\nservice, closed loop     images/s   of the raw model's best   p50 ms   p99 ms   refused")
    with serving(options.models) as server:
        for n, connections in ((1, 64), (16, 16), (1, 1)):
            request = f"/generate?n={n}&model={manifest.name}&seed="
            load = asyncio.run(run_load(server.port, lambda i, r=request: f"{r}{i * 64}", connections, options.seconds))
            p50, p99 = (load.percentile(share) * 1e3 for share in (0.50, 0.99))
            rate = load.rate * n
            name = f"n={n}, {connections} connection{'s' if connections > 1 else ''}"
            print(f"  {name:22} {rate:8.0f}   {rate / best:23.2f}   {p50:6.1f}   {p99:6.1f}   {load.refused:7}")
    return 0


def measure_raw(path: Path, latent_dim: int, seconds: float) -> Iterator[tuple[int, float]]:
    """Images/s of the SavedModel for each batch size."""
    command = [sys.executable, "-c", RAW, str(path), str(latent_dim), str(seconds)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    for line in answer.stdout.splitlines():
        rows, rate = json.loads(line)
        yield rows, rate


class Server(NamedTuple):
    """Where the service answers, and its process's number."""

    port: int
    process: int


@contextmanager
def serving(models: Path) -> Iterator[Server]:
    """The real service in a process of its own, once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"FIGMENT_MODELS": str(models), "FIGMENT_PORT": str(port), "FIGMENT_LOG_LEVEL": "warning"}
    settings["FIGMENT_GRACE"] = "0"
    process = subprocess.Popen([sys.executable, "-m", "service"], env=os.environ | settings)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"the service ended with {process.returncode}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def describe_machine() -> str:
    """The processor and the number of its cores that this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.processor())
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    sys.exit(main())
