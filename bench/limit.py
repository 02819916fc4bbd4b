"""The service at saturation beside the limit, the raw model in a bare loop and the encoding: `python -m bench.limit`.

The raw model and the service take turns, round by round, and a share is the median over the rounds, so that a busy
machine hits both alike. The limit of a request is n images of the raw model at its best batch, and then its encoding;
a service that encodes on one core while another draws can pass it.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.load import run_load
from bench.machine import describe_machine, write_result
from bench.server import Raw, Server, raw_model, serving
from bundle.environment import prepare_tensorflow
from bundle.store import Store

BATCHES = (1, 2, 4, 8, 16, 32, 64)
SATURATION = {1: 192, 16: 16, 64: 8}
"""Connections that keep the service busy, for each n."""
GOALS = {1: 0.65, 16: 0.90, 64: 0.95}


def main() -> int:
    """Measure, print the tables and write `bench/results/limit.json`."""
    parser = argparse.ArgumentParser("python -m bench.limit", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="the store (default: %(default)s)")
    parser.add_argument("--model", help="a name in the store (default: the first)")
    parser.add_argument("--version", type=int, help="(default: the highest)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--name", default="limit", help="of the result (default: %(default)s)")
    options = parser.parse_args()
    prepare_tensorflow()  # for the raw model too
    store = Store(options.models)
    bundle = store.open(options.model or store.names()[0], options.version)
    manifest = bundle.manifest
    query = f"&model={manifest.name}&version={manifest.version}"
    print(f"{manifest.name}/{manifest.version}, {manifest.image.height} px; {describe_machine()}", flush=True)
    with raw_model(bundle.path) as raw, serving(options.models) as server:
        rounds = [measure(raw, server, query, options.seconds) for _ in range(options.rounds)]
    result = {"model": f"{manifest.name}/{manifest.version}", **summary(rounds)}
    print(text(result))
    write_result(options.name, result | {"rounds": rounds})
    return 0


def measure(raw: Raw, server: Server, query: str, seconds: float) -> dict[str, Any]:
    """One round: seconds of the raw model by batch and of encoding by n, images/s of the service by n, latencies."""
    batches = {rows: raw.model(rows, seconds / 5) for rows in BATCHES}
    encoding = {n: raw.encoding(n, seconds / 10) for n in SATURATION}
    rates, latencies = {}, {}
    for n, connections in SATURATION.items():
        path = f"/generate?n={n}{query}&seed="
        load = uvloop.run(run_load(server.port, lambda i, p=path: f"{p}{i * 64}", connections, seconds))
        if load.failed:
            raise RuntimeError(f"{load.failed} requests failed: {set(load.errors)}")
        rates[n] = load.rate * n
    best = min(time / rows for rows, time in batches.items())
    for n in SATURATION:
        path = f"/generate?n={n}{query}&seed="
        load = uvloop.run(run_load(server.port, lambda i, p=path: f"{p}{i * 64}", 1, seconds / 2, warm=0.5))
        latencies[n] = load.percentile(0.5)
    return {
        "batch_seconds": batches,
        "encoding_seconds": encoding,
        "best_images_per_second": 1 / best,
        "images_per_second": rates,
        "share_of_limit": {n: rates[n] / (n / (n * best + encoding[n])) for n in rates},
        "share_of_raw_model": {n: rates[n] * best for n in rates},
        "idle_latency": latencies,
        "idle_limit": {n: batches[n] + encoding[n] for n in latencies},
    }


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of every number over the rounds."""

    def median(values: list[Any]) -> Any:  # noqa: ANN401
        if isinstance(values[0], dict):
            return {key: median([value[key] for value in values]) for key in values[0]}
        return statistics.median(values)

    found: dict[str, Any] = median(rounds)
    return found


def text(result: dict[str, Any]) -> str:
    """The tables."""
    best = result["best_images_per_second"]
    lines = ["", "raw model       images/s   of the best"]
    lines += [
        f"  batch {rows:3}   {rows / time:10.0f}   {rows / time / best:11.2f}"
        for rows, time in result["batch_seconds"].items()
    ]
    lines += ["", "service at saturation   images/s   of the limit   goal   of the raw model at its best"]
    lines += [
        f"  n={n:2}, {SATURATION[n]:3} connections   {rate:7.0f}   {result['share_of_limit'][n]:12.2f}   {GOALS[n]:.2f}"
        f"   {result['share_of_raw_model'][n]:28.2f}"
        for n, rate in result["images_per_second"].items()
    ]
    lines += ["", "one request at a time   ms   the raw model at that batch + encoding   more"]
    lines += [
        f"  n={n:2}   {latency * 1e3:19.1f}   {result['idle_limit'][n] * 1e3:37.1f}"
        f"   {(latency - result['idle_limit'][n]) * 1e3:4.1f}"
        for n, latency in result["idle_latency"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
