"""How many replicas for how many images, and what a CDN saves: `python -m bench.capacity`.

What a 304 costs is measured here, beside pictures in the same run; what a batch, a request and an encoding cost is read
from bench/results/. Several replicas are simulated from that (`capacity_simulation`), and one replica too, beside
what was measured of it. Writes `bench/results/capacity.json`, and the tables of docs/capacity.md.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.capacity_model import PEAK, hit_ratio, origin_cost, replicas, zipf
from bench.capacity_simulation import Costs, Outcome, poisson, regular, simulate
from bench.capacity_tables import filled
from bench.load import run_load
from bench.machine import RESULTS, describe_machine, write_result
from bench.server import serving
from service.engine.protocol import BatchSize

PAGE = Path(__file__).parents[1] / "docs" / "capacity.md"
SIZES: Final = {4: 3, 16: 16, 64: 64}
"""Rows that adventurer/2 runs, and those of them that are not padding: what it says when it is loaded."""
NUMBERS: Final = (1, 16)
REPLICAS: Final = (1, 2, 4, 8)
SHARES: Final = (0.5, 0.7, 0.8, 0.9)
"""Of what all replicas can do."""
REQUESTS: Final = {1: 1500, 16: 500}
"""Of each replica in a simulation, by n."""
DEADLINE: Final = 1.0
"""FIGMENT_DEADLINE, as in bench.rates."""
SECONDS: Final = 6.0
"""Of what one replica is compared by."""
TARGET: Final = 0.7
"""The utilisation that replicas are counted for."""
MILLION: Final = 1e6
EXPONENTS: Final = (0.7, 0.9, 1.1)
"""Of Zipf's law: 0.64 to 0.83 in the traces of Breslau et al. 1999; fewer pictures that all want have more."""
URLS: Final = 1_000_000
CACHED: Final = (0.001, 0.01, 0.1)
"""Shares of the URLs that a cache has room for."""
CONNECTIONS: Final = 32


def main() -> int:
    """Measure, simulate, write the result and fill in the page."""
    parser = argparse.ArgumentParser("python -m bench.capacity", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    options = parser.parse_args()
    print(describe_machine(), flush=True)
    with serving(options.models, seconds=900.0) as server:
        rounds = [uvloop.run(measure(server.port, options.seconds)) for _ in range(options.rounds)]
    kept = {name: json.loads((RESULTS / f"{name}.json").read_text()) for name in ("limit", "rates", "png")}
    result = {"rounds": rounds} | computed(kept, rounds)
    path = write_result("capacity", result)
    if path.parent == RESULTS:
        PAGE.write_text(filled(PAGE.read_text(), json.loads(path.read_text())))
    print(path)
    return 0


async def measure(port: int, seconds: float) -> dict[str, float]:
    """One round: 304s a second, and pictures of one image a second."""
    unchanged = await unchanged_rate(port, seconds)
    pictures = await run_load(port, lambda i: f"/images/{i}.png", 6 * CONNECTIONS, seconds)
    return {"unchanged": unchanged, "pictures": pictures.rate}


async def unchanged_rate(port: int, seconds: float) -> float:
    """How many requests a second are answered with 304, where as many connections as wait ask again and again.

    Raises:
        RuntimeError: one is answered otherwise.
    """

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, tag: str) -> str:
        condition = f"If-None-Match: {tag}\r\n" if tag else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{condition}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if head.startswith("HTTP/1.1 200"):
            await reader.readexactly(int(head.lower().split("content-length:")[1].split("\r\n")[0]))
        return head

    async def visit(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path, answered = f"/images/{number}.png", 0
        head = await ask(reader, writer, path, "")
        tag = next(line for line in head.split("\r\n") if line.lower().startswith("etag:")).partition(" ")[2]
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            head = await ask(reader, writer, path, tag)
            if not head.startswith("HTTP/1.1 304"):
                raise RuntimeError(f"not a 304: {head.splitlines()[0]}")
            answered += 1
        writer.close()
        return answered

    return sum(await asyncio.gather(*map(visit, range(CONNECTIONS)))) / seconds


def computed(kept: dict[str, Any], rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Everything that follows from what was measured."""
    costs = {n: costs_of(kept, n) for n in NUMBERS}
    cost_304 = statistics.median(one["pictures"] / one["unchanged"] for one in rounds)
    return {
        "costs": {n: {"request": cost.request, "capacity": cost.capacity(n)} for n, cost in costs.items()},
        "saturation": saturation(kept, rounds),
        "compared": {n: compared(kept, n, cost) for n, cost in costs.items()},
        "simulated": {n: simulated(n, cost) for n, cost in costs.items()},
        "replicas": {n: counted(n * cost.capacity(n)) for n, cost in costs.items()},
        "target": TARGET,
        "cost_304": cost_304,
        "cdn": cdn(cost_304),
    }


def costs_of(kept: dict[str, Any], n: int) -> Costs:
    """What a replica's batches cost, and what a request costs beside: what saturation leaves unexplained by batches."""
    batches, best = kept["limit"]["batch_seconds"], kept["limit"]["best_images_per_second"]
    sizes = tuple(BatchSize(rows, batches[str(run)], run - rows) for run, rows in SIZES.items())
    return Costs(sizes, max(0.0, 1.0 / kept["rates"]["n"][str(n)]["capacity"] - n / best))


def saturation(kept: dict[str, Any], rounds: list[dict[str, float]]) -> dict[str, float]:
    """Images of n=1 a second that each part alone could do, on the machine of bench.limit; a network of 1 Gbit/s.

    The event loop's is how many 304s there are to a picture in a round, times the pictures of bench.rates: another
    moment of a shared machine is another machine.
    """
    png = kept["png"]["images"]["1"]["Figment"]
    ratio = statistics.median(one["unchanged"] / one["pictures"] for one in rounds)
    return {
        "device": kept["limit"]["best_images_per_second"],
        "event loop": ratio * kept["rates"]["n"]["1"]["capacity"],
        "encoding": 1e3 / png["milliseconds"],
        "network": 1e9 / 8.0 / (png["bytes"] + HEAD_BYTES),
        "bytes": png["bytes"] + HEAD_BYTES,
    }


HEAD_BYTES: Final = 700
"""Of an answer's head, and of what TCP and IP add."""


def compared(kept: dict[str, Any], n: int, costs: Costs) -> list[dict[str, float]]:
    """One replica at the rates of bench.rates: what was measured, and what the simulation says."""
    found = kept["rates"]["n"][str(n)]
    rows = []
    for row in found["rows"]:
        rate = row["share"] * found["capacity"]
        outcome = simulate(costs, 1, regular(rate, int(rate * (SECONDS + 2.0))), n, DEADLINE, 2.0)
        rows.append({"share": row["share"], "measured": {k: row[k] for k in ("p50", "p99", "refused")}} | told(outcome))
    return rows


def simulated(n: int, costs: Costs) -> list[dict[str, float]]:
    """Several replicas behind a balancer, by their number and the load."""
    return [simulated_row(n, costs, number, share) for number in REPLICAS for share in SHARES]


def simulated_row(n: int, costs: Costs, number: int, share: float) -> dict[str, float]:
    """Some replicas at a share of what they can do; requests come at random."""
    rate, requests = share * number * costs.capacity(n), REQUESTS[n] * number
    outcome = simulate(costs, number, poisson(rate, requests, seed=number), n, DEADLINE, 0.2 * requests / rate)
    return {"replicas": number, "share": share, "outstanding": outcome.outstanding} | told(outcome)


def told(outcome: Outcome) -> dict[str, float]:
    """The numbers of the tables."""
    asked = len(outcome.latencies) + outcome.refused
    return {
        "p50": outcome.percentile(0.5),
        "p99": outcome.percentile(0.99),
        "refused": outcome.refused / max(1, asked),
    }


def counted(per_replica: float) -> dict[str, dict[str, float]]:
    """Replicas for a million images in each period."""
    return {
        period: {"peak": PEAK[period], "replicas": replicas(MILLION, period, per_replica, TARGET)} for period in PEAK
    }


def cdn(cost_304: float) -> list[dict[str, float]]:
    """What the service does behind a cache, for several laws of popularity and sizes of the cache."""
    rows = []
    for exponent in EXPONENTS:
        shares = zipf(URLS, exponent)
        for cached in CACHED:
            hits = hit_ratio(shares, int(cached * URLS))
            rows.append(
                {
                    "exponent": exponent,
                    "cached": cached,
                    "hits": hits,
                    "immutable": origin_cost(hits, 0.0, cost_304),
                    "asked_again": origin_cost(hits, 1.0, cost_304),
                }
            )
    return rows


if __name__ == "__main__":
    sys.exit(main())
