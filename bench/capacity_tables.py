"""The tables of docs/capacity.md, made of `bench/results/capacity.json`."""

import re
from collections.abc import Callable
from typing import Any

from bench.tables import markdown

Result = dict[str, Any]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f}"


def replicas(result: Result) -> str:
    """How many for a million images."""
    head = ["a million images a …", "images/s in the mean", "busiest time"]
    rows = [[*head, *(f"{what}, n={n}" for n in result["replicas"] for what in ("replicas", "p99 ms"))]]
    for period, seconds in (("day", 86_400), ("minute", 60), ("second", 1)):
        cells = [period, f"{1e6 / seconds:,.0f}"]
        for n, found in result["replicas"].items():
            cells += [f"{found[period]['peak']:g} ×"] if len(cells) == 2 else []
            count = found[period]["replicas"]
            cells += [f"{count:,}", _ms(_at(result, n, count)["p99"])]
        rows.append(cells)
    return markdown(rows)


def _at(result: Result, n: str, count: int) -> dict[str, float]:
    """The simulation of as many replicas as there are, up to the most, at the load that replicas are counted for."""
    rows = [row for row in result["simulated"][n] if row["share"] == result["target"] and row["replicas"] <= count]
    found: dict[str, float] = max(rows, key=lambda row: row["replicas"])
    return found


def saturation(result: Result) -> str:
    """What each part alone could do."""
    found = result["saturation"]
    rows = [["alone", "images/s", "of the device's"]]
    for name in ("device", "event loop", "encoding", "network"):
        rows.append([name, f"{found[name]:,.0f}", f"{found[name] / found['device']:.1f} ×"])
    return markdown(rows)


def compared(result: Result) -> str:
    """The simulation of one replica beside what was measured."""
    parts = []
    for n, found in result["compared"].items():
        rows = [[f"n={n}: of capacity", *(f"{k}, {how}" for k in ("p50 ms", "p99 ms", "refused") for how in HOW)]]
        for row in found:
            cells = [f"{row['share']:.0%}"]
            for key in ("p50", "p99"):
                cells += [_ms(row["measured"][key]), _ms(row[key])]
            rows.append([*cells, f"{row['measured']['refused']:.0%}", f"{row['refused']:.0%}"])
        parts.append(markdown(rows))
    return "\n\n".join(parts)


HOW = ("measured", "simulated")


def simulated(result: Result) -> str:
    """Several replicas."""
    parts = []
    for n, found in result["simulated"].items():
        shares = sorted({row["share"] for row in found})
        rows = [[f"n={n}: replicas", *(f"at {share:.0%}: p50, p99 ms; refused" for share in shares)]]
        for number in sorted({row["replicas"] for row in found}):
            line = {row["share"]: row for row in found if row["replicas"] == number}
            cells = [f"{_ms(line[s]['p50'])}, {_ms(line[s]['p99'])}; {line[s]['refused']:.1%}" for s in shares]
            rows.append([str(number), *cells])
        parts.append(markdown(rows))
    return "\n\n".join(parts)


def outstanding(result: Result) -> str:
    """Requests under way on a replica: what Serve's autoscaling counts."""
    rows = [["of capacity, 8 replicas", *(f"n={n}" for n in result["simulated"])]]
    by = {n: {r["share"]: r for r in found if r["replicas"] == 8} for n, found in result["simulated"].items()}
    for share in sorted(next(iter(by.values()))):
        rows.append([f"{share:.0%}", *(f"{found[share]['outstanding']:.1f}" for found in by.values())])
    return markdown(rows)


def cdn(result: Result) -> str:
    """What is left for the service behind a cache."""
    rows = [["Zipf's exponent", "room for", "hits", "service's work, versioned URLs", "service's work, others"]]
    for row in result["cdn"]:
        cells = [f"{row['exponent']:g}", f"{row['cached']:.1%} of the pictures", f"{row['hits']:.0%}"]
        rows.append([*cells, f"{row['immutable']:.0%}", f"{row['asked_again']:.0%}"])
    return markdown(rows)


def unchanged(result: Result) -> str:
    """What a 304 costs."""
    share = result["cost_304"]
    times = sorted(one["unchanged"] / one["pictures"] for one in result["rounds"])
    spread = f"{times[0]:.1f} to {times[-1]:.1f} in {len(times)} rounds"
    return (
        f"A 304 costs {share:.0%} of what a picture of one image costs: {1 / share:.1f} of them in its time ({spread})."
    )


TABLES: dict[str, Callable[[Result], str]] = {
    table.__name__: table for table in (replicas, saturation, compared, simulated, outstanding, cdn, unchanged)
}


def filled(page: str, result: Result) -> str:
    """The page with every table between its marks."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = f"{begin}\n{table(result)}\n{end}"
        page = re.sub(f"{begin}.*?{end}", lambda _, text=text: text, page, flags=re.DOTALL)  # type: ignore[misc]
    return page
