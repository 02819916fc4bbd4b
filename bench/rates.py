"""Latency, refusals and goodput from 10 % to 150 % of what the service can do: `python -m bench.rates`.

Requests are sent at a constant rate whether or not others were answered, and a latency counts from the moment when its
request should have been sent. The capacity is measured in the same run, by a closed load.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.limit import SATURATION
from bench.load import run_load, run_open_load
from bench.machine import describe_machine, write_result
from bench.server import serving

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.5)
DEADLINE = "1"
"""Seconds, the service's: so short that a queue which grows is refused within the measurement."""


def main() -> int:
    """Measure, print the tables and write `bench/results/rates.json`."""
    parser = argparse.ArgumentParser("python -m bench.rates", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default: %(default)s)")
    options = parser.parse_args()
    print(f"{describe_machine()}; FIGMENT_DEADLINE={DEADLINE}", flush=True)
    with serving(options.models, {"FIGMENT_DEADLINE": DEADLINE}) as server:
        results = {n: measure(server.port, n, options.seconds) for n in (1, 16)}
    write_result("rates", {"deadline": float(DEADLINE), "n": results})
    return 0


def measure(port: int, n: int, seconds: float) -> dict[str, Any]:
    """The table of one n."""

    def path(i: int) -> str:
        return f"/generate?n={n}&seed={i * 64 % 2**32}"

    idle = uvloop.run(run_load(port, path, 1, seconds / 2, warm=1.0)).percentile(0.5)
    capacity = uvloop.run(run_load(port, path, SATURATION[n], seconds)).rate
    print(f"\nn={n}: {capacity:.0f} requests/s at saturation, one alone takes {idle * 1e3:.1f} ms")
    print("  of capacity   p50 ms   p99 ms   p99 of one alone   refused   goodput of capacity", flush=True)
    rows = []
    for share in SHARES:
        load = uvloop.run(run_open_load(port, path, share * capacity, seconds))
        sent = len(load.latencies) + load.refused + load.failed
        row = {
            "share": share,
            "p50": load.percentile(0.5),
            "p99": load.percentile(0.99),
            "refused": load.refused / max(1, sent),
            "failed": load.failed,
            "goodput": load.rate / capacity,
        }
        rows.append(row)
        print(
            f"  {share:11.0%}   {row['p50'] * 1e3:6.0f}   {row['p99'] * 1e3:6.0f}   {row['p99'] / idle:16.1f}   "
            f"{row['refused']:7.1%}   {row['goodput']:19.2f}" + (f"   {load.failed} failed" if load.failed else ""),
            flush=True,
        )
    return {"idle": idle, "capacity": capacity, "rows": rows}


if __name__ == "__main__":
    sys.exit(main())
