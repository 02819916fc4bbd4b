"""The tables of docs/benchmarks.md, written there from `bench/results/`: `python -m bench.tables`."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.limit import GOALS, SATURATION
from bench.machine import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

Rows = list[list[str]]


def limit(result: dict[str, Any]) -> str:
    """The raw model, the service at saturation, and one request at a time."""
    best = result["best_images_per_second"]
    raw = [["raw model, batch", *result["batch_seconds"]]]
    raw.append(["images/s", *(f"{int(n) / s:.0f}" for n, s in result["batch_seconds"].items())])
    raw.append(["of the best", *(f"{int(n) / s / best:.2f}" for n, s in result["batch_seconds"].items())])
    full = [[f"{result['model']} at saturation", "images/s", "of the limit", "goal", "of the raw model at its best"]]
    alone = [["one request at a time", "ms", "raw model at that batch + encoding, ms", "more, ms"]]
    for n, rate in result["images_per_second"].items():
        share, of_raw = result["share_of_limit"][n], result["share_of_raw_model"][n]
        goal = GOALS[int(n)]
        full.append(
            [f"n={n}, {SATURATION[int(n)]} connections", f"{rate:.0f}", f"{share:.2f}", f"{goal:.2f}", f"{of_raw:.2f}"]
        )
        latency, least = result["idle_latency"][n], result["idle_limit"][n]
        alone.append([f"n={n}", f"{latency * 1e3:.1f}", f"{least * 1e3:.1f}", f"{(latency - least) * 1e3:.1f}"])
    return "\n\n".join(map(markdown, (raw, full, alone)))


def rates(result: dict[str, Any]) -> str:
    """Latency and goodput over the load."""
    parts = []
    for n, found in result["n"].items():
        idle = found["idle"]
        rows = [["of capacity", "p50, ms", "p99, ms", "p99 of one alone", "refused", "goodput of capacity"]]
        rows += [
            [
                f"{row['share']:.0%}",
                f"{row['p50'] * 1e3:.0f}",
                f"{row['p99'] * 1e3:.0f}",
                f"{row['p99'] / idle:.1f}",
                f"{row['refused']:.1%}",
                f"{row['goodput']:.2f}",
            ]
            for row in found["rows"]
        ]
        title = f"n={n}: {found['capacity']:.0f} requests/s at saturation, one alone takes {idle * 1e3:.1f} ms"
        parts.append(f"{title}\n\n{markdown(rows)}")
    return "\n\n".join(parts)


def fairness(result: dict[str, Any]) -> str:
    """One image while others ask for hundreds."""
    rows = [["flooding connections", "p50 of n=1, ms", "p99 of n=1, ms", "p50 of n=64, ms", "images/s of the flood"]]
    for row in result["rows"]:
        flood = [f"{row['flood_p50'] * 1e3:.0f}", f"{row['flood_images_per_second']:.0f}"] if row["flood"] else ["", ""]
        rows.append([str(row["flood"]), f"{row['p50'] * 1e3:.0f}", f"{row['p99'] * 1e3:.0f}", *flood])
    return markdown(rows)


def png(result: dict[str, Any]) -> str:
    """Time and size of each encoder."""
    grids = result["images"]
    rows = [["encoder", *(f"{text} of {n}" for n in grids for text in ("ms", "× time", "× size"))]]
    for name in next(iter(grids.values())):
        cells = [name]
        for found in grids.values():
            row = found[name]
            cells += [f"{row['milliseconds']:.2f}", f"{row['times_ours']:.1f}", f"{row['size_of_ours']:.2f}"]
        rows.append(cells)
    return markdown(rows)


def growth(result: dict[str, Any]) -> str:
    """Time and memory over n, clients, resolution and models."""
    numbers = [["n, one request at a time", *(str(row["n"]) for row in result["n"])]]
    numbers.append(["p50, ms", *(f"{row['p50'] * 1e3:.1f}" for row in result["n"])])
    numbers.append(["ms an image", *(f"{row['p50'] * 1e3 / row['n']:.2f}" for row in result["n"])])
    clients = [["clients that wait, n=1", *(str(row["clients"]) for row in result["clients"])]]
    clients.append(["images/s", *(f"{row['rate']:.0f}" for row in result["clients"])])
    clients.append(["p50, ms", *(f"{row['p50'] * 1e3:.0f}" for row in result["clients"])])
    clients.append(["p99, ms", *(f"{row['p99'] * 1e3:.0f}" for row in result["clients"])])
    clients.append(["MiB", *(f"{row['mib']:.0f}" for row in result["clients"])])
    pixels = [["resolution, n=16", *(f"{row['resolution']} px" for row in result["resolution"])]]
    pixels.append(["images/s", *(f"{16 * row['rate']:.0f}" for row in result["resolution"])])
    pixels.append(["one alone, ms", *(f"{row['alone'] * 1e3:.0f}" for row in result["resolution"])])
    pixels.append(["MiB", *(f"{row['mib']:.0f}" for row in result["resolution"])])
    models = [["models, n=1 of each in turn", *(str(row["models"]) for row in result["models"])]]
    models.append(["images/s", *(f"{row['rate']:.0f}" for row in result["models"])])
    models.append(["p99, ms", *(f"{row['p99'] * 1e3:.0f}" for row in result["models"])])
    models.append(["seconds to ready", *(f"{row['ready']:.1f}" for row in result["models"])])
    models.append(["MiB", *(f"{row['mib']:.0f}" for row in result["models"])])
    return "\n\n".join(map(markdown, (numbers, clients, pixels, models)))


def startup(result: dict[str, Any]) -> str:
    """Time and memory beside a bare process."""
    rows = [["", "bare process", "the service"]]
    rounds = result["rounds"]
    middle = len(rounds) // 2
    for title, bare, ours, form in (
        ("ready after, s", "bare", "service", ".1f"),
        ("memory, MiB", "bare_mib", "service_mib", ".0f"),
    ):
        values = [sorted(one[key] for one in rounds)[middle] for key in (bare, ours)]
        rows.append([title, *(format(value, form) for value in values)])
    text = (
        f"The median of the rounds is {result['ratio']:.2f} × the time (goal 1.3) and {result['more_mib']:.0f} MiB more"
    )
    return f"{markdown(rows)}\n\n{text} (goal 150)."


def peers(result: dict[str, Any]) -> str:
    """Every server beside ours."""
    head = ["server", "PNG by"]
    for n in ("1", "16"):
        head += [f"n={n}: of the limit", "ours is", "one alone, ms", "p99 at equal rate, ms"]
    rows = [[*head, "failed"]]
    ours = result["contenders"]["figment, figment"]
    for key, found in result["contenders"].items():
        cells = key.split(", ")
        for n, one in found.items():
            share = one["share_of_limit"]
            times = f"{ours[n]['share_of_limit'] / share:.2f} ×" if share else "–"
            cells += [f"{share:.2f}", times, f"{one['alone_p50'] * 1e3:.1f}", f"{one['equal_rate_p99'] * 1e3:.0f}"]
        rows.append([*cells, str(sum(one["failed"] for one in found.values()))])
    return markdown(rows)


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "limit": limit,
    "limit-version-1": limit,
    "rates": rates,
    "fairness": fairness,
    "png": png,
    "growth": growth,
    "startup": startup,
    "peers": peers,
}


def markdown(rows: Rows) -> str:
    """A table whose first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def filled(page: str) -> str:
    """The page with every table between its marks."""
    for name, table in TABLES.items():
        source = RESULTS / f"{name}.json"
        if source.exists():
            begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
            text = f"{begin}\n{table(json.loads(source.read_text()))}\n{end}"
            page = re.sub(f"{begin}.*?{end}", lambda _, text=text: text, page, flags=re.DOTALL)  # type: ignore[misc]
    return page


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text()))
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
