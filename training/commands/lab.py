"""`lab`: small experiments in which what is said of GANs can be computed and seen."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from training.commands.arguments import seed
from training.errors import Failed

ABOUT = "compute what is said of GANs: divergences, and which modes are found"

DATA = ("ring", "grid")
FARTHEST, STEPS_A_UNIT = 4, 32
"""Divergences are computed from 0 to this distance, so many times a unit."""

PAGE = "lab.md"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    experiments = parser.add_subparsers(required=True, metavar="EXPERIMENT")
    divergences = experiments.add_parser(
        "divergences", help="KL, JS and the earth mover's distance as two distributions move apart"
    )
    divergences.set_defaults(run=run_divergences)
    modes = experiments.add_parser("modes", help="which modes of a ring and a grid of Gaussians each recipe finds")
    modes.add_argument("--data", choices=(*DATA, "both"), default="both", help="(default: %(default)s)")
    modes.add_argument("--recipes", nargs="+", metavar="NAME", help="rows of the table (default: all)")
    modes.add_argument("--seeds", type=_count, default=10, help="repetitions of each (default: %(default)s)")
    modes.add_argument("--seed", type=seed, default=0, help="of all random numbers (default: %(default)s)")
    modes.add_argument("--steps", type=_count, help="of the generator (default: the lab's own)")
    modes.set_defaults(run=run_modes)
    tables = experiments.add_parser("tables", help=f"print the tables of the results, and put them into {PAGE}")
    tables.set_defaults(run=run_tables)
    for experiment in (divergences, modes, tables):
        experiment.add_argument(
            "--out", type=Path, default=Path("lab"), help="where results and pictures are (default: %(default)s)"
        )


def run_divergences(options: argparse.Namespace) -> int:
    """Compute the divergences."""
    from training.lab.divergences import compute, floors
    from training.lab.plots import plot_divergences
    from training.lab.results import plain, read, write

    distances = [i / STEPS_A_UNIT for i in range(FARTHEST * STEPS_A_UNIT + 1)]
    section = plain({"families": compute(distances), "floors": floors()})
    results = read(options.out) | {"divergences": section}
    print(write(options.out, results))
    plot_divergences(section["families"], options.out / "lab-divergences.svg")
    _show({"divergences": section})
    return 0


def run_modes(options: argparse.Namespace) -> int:
    """Train every row on every mixture."""
    from training.lab.mixtures import EVALUATED, mixture
    from training.lab.modes import make_row, row_names
    from training.lab.plots import animate, plot_modes
    from training.lab.results import read, read_clouds, write

    rows = [make_row(name, options.steps) for name in options.recipes or row_names()]
    for data in DATA if options.data == "both" else (options.data,):
        target = mixture(data)
        for row in rows:
            measured = _run_row(row, data, options)
            results = read(options.out)
            section = results.setdefault("modes", {}).setdefault(data, {"rows": {}})
            section |= {"modes": len(target.centres), "sigma": target.sigma, "evaluated": EVALUATED}
            section["rows"][row.name] = measured
            section["rows"] = {name: section["rows"][name] for name in row_names() if name in section["rows"]}
            write(options.out, results)
        animate(read_clouds(options.out, data, section["rows"]), target, options.out / f"lab-{data}.webp")
        plot_modes(results["modes"], options.out / "lab-modes.svg")
        _show({"modes": {data: read(options.out)["modes"][data]}})
    return 0


def run_tables(options: argparse.Namespace) -> int:
    """Print the tables, and put them into the page beside the results where there is one."""
    from training.lab.results import FILE, read
    from training.lab.tables import fill, tables

    results = read(options.out)
    if not results:
        raise Failed(f"there is no {options.out / FILE}; make one with `lab divergences` and `lab modes`")
    _show(results)
    page = options.out / PAGE
    if page.exists():
        text = fill(page.read_text(encoding="utf-8"), tables(results))
        beside = page.with_suffix(".part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(page)
        print(f"{page}: filled")
    return 0


def _run_row(row: Any, data: str, options: argparse.Namespace) -> dict[str, Any]:  # noqa: ANN401 - a Row, imported lazily
    from rich.progress import Progress

    from training.lab.modes import run
    from training.lab.results import write_clouds

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{data} {row.name}", total=row.settings.steps)
        results, clouds = run(
            row, data, options.seeds, options.seed, report=partial(_report, bar, task, f"{data} {row.name}")
        )
    write_clouds(options.out, data, row.name, clouds)
    print(
        f"{data} {row.name}: {results['modes']['mean']:.1f} modes, {results['high_quality']['mean']:.1%} of high "
        f"quality, {results['seconds']:.0f} s",
        flush=True,
    )
    return results


def _report(bar: Any, task: Any, name: str, steps: int, measured: Any) -> None:  # noqa: ANN401 - of rich
    bar.update(task, completed=steps, description=f"{name}: {measured.modes} modes, {measured.high_quality:.0%}")


def _show(results: dict[str, Any]) -> None:
    from training.lab.tables import tables

    for table in tables(results):
        shown = RichTable(title=table.name)
        for i, heading in enumerate(table.headings):
            shown.add_column(heading, justify="right" if i else "left")
        for cells in table.rows:
            shown.add_row(*[cell.strip("`") for cell in cells])
        Console().print(shown)


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number 1 … 10,000,000")
    return int(text)
