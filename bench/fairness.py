"""How long a request for one image takes while another client floods the service: `python -m bench.fairness`."""

import argparse
import asyncio
import sys
from pathlib import Path

import uvloop

from bench.load import Load, run_load
from bench.machine import describe_machine, write_result
from bench.server import serving

FLOODS = (0, 1, 4, 16)
"""Connections that ask for 64 images each without a pause; 16 of them fill the queue."""


def main() -> int:
    """Measure, print the table and write `bench/results/fairness.json`."""
    parser = argparse.ArgumentParser("python -m bench.fairness", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (default: %(default)s)")
    options = parser.parse_args()
    print(f"{describe_machine()}; n=1 from one connection, while others ask for n=64", flush=True)
    print("  flooding connections   p50 ms   p99 ms   refused   p50 of n=64, ms   images/s of the flood", flush=True)
    rows = []
    with serving(options.models) as server:
        for flood in FLOODS:
            one, many = uvloop.run(measure(server.port, flood, options.seconds))
            row = {
                "flood": flood,
                "p50": one.percentile(0.5),
                "p99": one.percentile(0.99),
                "refused": one.refused,
                "flood_p50": many.percentile(0.5) if flood else None,
                "flood_images_per_second": 64 * many.rate,
                "flood_refused": many.refused,
            }
            rows.append(row)
            theirs = f"{many.percentile(0.5) * 1e3:15.0f}   {64 * many.rate:21.0f}" if flood else ""
            print(
                f"  {flood:20}   {row['p50'] * 1e3:6.0f}   {row['p99'] * 1e3:6.0f}   {one.refused:7}   {theirs}",
                flush=True,
            )
    write_result("fairness", {"rows": rows})
    return 0


async def measure(port: int, flood: int, seconds: float) -> tuple[Load, Load]:
    """The load of the one, and of those that flood."""
    one = run_load(port, lambda i: f"/images/{i}.png", 1, seconds)
    many = run_load(port, lambda i: f"/generate?n=64&seed={10**6 + i * 64}", flood, seconds)
    found = await asyncio.gather(one, many)
    return found[0], found[1]


if __name__ == "__main__":
    sys.exit(main())
