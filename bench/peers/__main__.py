"""Other ways to serve the same SavedModel, beside ours, as ratios in one run: `python -m bench.peers`.

Every contender answers the same requests with the same PNG, under the same load, one after the other, round by round;
each peer in an environment of its own, once with Pillow's PNG, as its users would write it, and once with our encoder,
so that batching alone is compared. The raw model is measured in every round: a share is of the limit, its images/s at
its best batch, and then our encoding.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from bench.load import run_load, run_open_load
from bench.machine import describe_machine, write_result
from bench.peers.environments import PEERS, make_environment, serving_peer
from bench.server import raw_model, serving
from bundle.environment import prepare_tensorflow
from bundle.store import Bundle, Store

CONNECTIONS = {1: 64, 16: 16}
"""That keep a contender busy, for each n."""
EQUAL_RATE = {1: 0.15, 16: 0.4}
"""Of the limit: requests of that rate are sent to all, for the latencies."""
OURS = "figment"
ENCODERS = ("pillow", "figment")


def main() -> int:
    """Measure, print the tables and write `bench/results/peers.json`."""
    parser = argparse.ArgumentParser("python -m bench.peers", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--peers", default=",".join(PEERS), help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="(default: %(default)s)")
    options = parser.parse_args()
    prepare_tensorflow()
    names = options.peers.split(",")
    for name in names:
        begin = time.monotonic()
        make_environment(name)
        print(f"the environment of {name}: {time.monotonic() - begin:.0f} s", flush=True)
    store = Store(options.models)
    bundle = store.open(store.names()[0])
    contenders = [(OURS, "figment"), *((name, encoder) for encoder in ENCODERS for name in names)]
    print(f"{bundle.manifest.name}/{bundle.manifest.version}; {describe_machine()}", flush=True)
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        limit = limits(bundle, options.seconds)
        found = {}
        for name, encoder in contenders:
            with contender(name, encoder, options.models, bundle) as (port, path):
                found[f"{name}, {encoder}"] = measure(port, path, limit, options.seconds)
            print(f"  round {number + 1}: {name}, {encoder}: {line(found[f'{name}, {encoder}'])}", flush=True)
        rounds.append(found)
    result = {key: summary([found[key] for found in rounds]) for key in rounds[0]}
    print(table(result))
    write_result("peers", {"contenders": result, "rounds": rounds})
    return 0


def limits(bundle: Bundle, seconds: float) -> dict[int, float]:
    """Requests a second that the raw model at its best batch, and then our encoding, would answer, by n."""
    with raw_model(bundle.path) as raw:
        best = min(raw.model(rows, seconds / 4) / rows for rows in (16, 32, 64))
        return {n: 1 / (n * best + raw.encoding(n, seconds / 8)) for n in CONNECTIONS}


@contextmanager
def contender(name: str, encoder: str, models: Path, bundle: Bundle) -> Iterator[tuple[int, Callable[[int, int], str]]]:
    """A server's port, and the path of a request for n images of the i-th seed."""
    if name == OURS:
        with serving(models) as server:
            yield server.port, lambda n, i: f"/generate?n={n}&seed={i * 64 % 2**32}"
        return
    template = PEERS[name].path
    with serving_peer(name, encoder, bundle.path) as port:
        yield port, lambda n, i: template.format(n=n, seed=i * 64 % 2**32)


def measure(port: int, path: Callable[[int, int], str], limit: dict[int, float], seconds: float) -> dict[str, Any]:
    """Throughput at saturation and one at a time, and latencies at equal rate, by n."""
    found: dict[str, Any] = {}
    for n, connections in CONNECTIONS.items():

        def asked(i: int, n: int = n) -> str:
            return path(n, i)

        full = uvloop.run(run_load(port, asked, connections, seconds))
        alone = uvloop.run(run_load(port, asked, 1, seconds / 2, warm=0.5))
        rate = EQUAL_RATE[n] * limit[n]
        equal = uvloop.run(run_open_load(port, asked, rate, seconds))
        found[str(n)] = {
            "images_per_second": n * full.rate,
            "share_of_limit": full.rate / limit[n],
            "p99": full.percentile(0.99),
            "alone_p50": alone.percentile(0.5),
            "equal_rate": rate,
            "equal_rate_p50": equal.percentile(0.5),
            "equal_rate_p99": equal.percentile(0.99),
            "failed": full.failed + alone.failed + equal.failed,
            "refused": full.refused + alone.refused + equal.refused,
        }
    return found


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of every number over the rounds, and the sum of what failed."""
    return {
        n: {
            key: sum(one[n][key] for one in rounds)
            if key in ("failed", "refused")
            else statistics.median(one[n][key] for one in rounds)
            for key in rounds[0][n]
        }
        for n in rounds[0]
    }


def line(found: dict[str, Any]) -> str:
    """One contender in one line."""
    return ";  ".join(
        f"n={n}: {one['images_per_second']:.0f} images/s, {one['share_of_limit']:.2f} of the limit, "
        f"p99 {one['equal_rate_p99'] * 1e3:.0f} ms at equal rate"
        + (f", {one['failed']} failed" if one["failed"] else "")
        for n, one in found.items()
    )


def table(result: dict[str, Any]) -> str:
    """All contenders in Markdown."""
    lines = [
        "",
        "| server | PNG by | n=1: of the limit | ours is | one alone, ms | p99 at equal rate, ms "
        "| n=16: of the limit | ours is | one alone, ms | p99 at equal rate, ms | failed |",
        "|---" * 11 + "|",
    ]
    ours = result[f"{OURS}, figment"]
    for key, found in result.items():
        name, encoder = key.split(", ")
        cells = [name, encoder]
        for n, one in found.items():
            cells += [
                f"{one['share_of_limit']:.2f}",
                f"{ours[n]['share_of_limit'] / one['share_of_limit']:.2f} ×" if one["share_of_limit"] else "–",
                f"{one['alone_p50'] * 1e3:.1f}",
                f"{one['equal_rate_p99'] * 1e3:.0f}",
            ]
        cells.append(str(sum(one["failed"] for one in found.values())))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
