"""How time and memory grow with n, resolution, waiting clients and models: `python -m bench.growth`.

The models of other resolutions and numbers are made for the measurement, with weights drawn at random: what they draw
is nothing to look at, and takes as long as what a trained one draws.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop

from bench.load import run_load
from bench.machine import describe_machine, resident_mib, write_result
from bench.server import serving
from bench.untrained import publish_untrained
from bundle.environment import prepare_tensorflow
from bundle.store import Store

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
RESOLUTIONS = (32, 64, 128)
CLIENTS = (1, 4, 16, 64, 256, 512)
MODELS = (1, 2, 4, 8)


def main() -> int:
    """Measure, print the tables and write `bench/results/growth.json`."""
    parser = argparse.ArgumentParser("python -m bench.growth", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default: %(default)s)")
    options = parser.parse_args()
    prepare_tensorflow()
    print(describe_machine(), flush=True)
    seconds = options.seconds
    result: dict[str, Any] = {"n": [], "clients": [], "resolution": [], "models": []}
    with serving(options.models) as server:
        print("\nn, one request at a time   p50 ms   ms an image", flush=True)
        for n in NUMBERS:
            row = measured(server.port, f"/generate?n={n}&seed=", 1, seconds)
            result["n"].append({"n": n} | row)
            print(f"  {n:23}   {row['p50'] * 1e3:6.1f}   {row['p50'] * 1e3 / n:11.2f}", flush=True)
        print("\nclients that wait, n=1   images/s   p50 ms   p99 ms   MiB", flush=True)
        for clients in CLIENTS:
            row = measured(server.port, "/generate?n=1&seed=", clients, seconds)
            row["mib"] = resident_mib(server.process)
            result["clients"].append({"clients": clients} | row)
            print(
                f"  {clients:21}   {row['rate']:8.0f}   {row['p50'] * 1e3:6.0f}   {row['p99'] * 1e3:6.0f}"
                f"   {row['mib']:4.0f}",
                flush=True,
            )
    print("\nresolution, n=16   images/s   p50 ms of one alone   seconds to ready   MiB", flush=True)
    for resolution in RESOLUTIONS:
        row = other(1, resolution, 16, 4, seconds)
        result["resolution"].append({"resolution": resolution} | row)
        print(
            f"  {resolution:13} px   {16 * row['rate']:8.0f}   {row['alone'] * 1e3:19.0f}   {row['ready']:16.1f}"
            f"   {row['mib']:4.0f}",
            flush=True,
        )
    print("\nmodels, n=1 of each in turn   images/s   p99 ms   seconds to ready   MiB", flush=True)
    for models in MODELS:
        row = other(models, 64, 1, 64, seconds)
        result["models"].append({"models": models} | row)
        print(
            f"  {models:26}   {row['rate']:8.0f}   {row['p99'] * 1e3:6.0f}   {row['ready']:16.1f}   {row['mib']:4.0f}",
            flush=True,
        )
    write_result("growth", result)
    return 0


def measured(port: int, path: str, clients: int, seconds: float, models: int = 0) -> dict[str, Any]:
    """Answers a second and latencies."""

    def asked(i: int) -> str:
        return f"{path}{i * 64 % 2**32}" + (f"&model=m{i % models}" if models else "")

    load = uvloop.run(run_load(port, asked, clients, seconds))
    if load.failed:
        raise RuntimeError(f"{load.failed} requests failed: {set(load.errors)}")
    return {"rate": load.rate, "p50": load.percentile(0.5), "p99": load.percentile(0.99), "refused": load.refused}


def other(models: int, resolution: int, n: int, clients: int, seconds: float) -> dict[str, Any]:
    """The same of a service of so many models that were made for it."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for i in range(models):
            publish_untrained(store, f"m{i}", resolution)
        with serving(store.root) as server:
            path = f"/generate?n={n}&seed="
            alone = measured(server.port, path, 1, seconds / 2)["p50"]
            row = measured(server.port, path, clients, seconds, models)
            return {"ready": server.ready, "alone": alone, "mib": resident_mib(server.process)} | row


if __name__ == "__main__":
    sys.exit(main())
