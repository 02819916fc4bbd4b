"""`recipes`: list them, with what each is for and what it costs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from training.errors import Failed
from training.recipe import load_recipe, recipe_names

if TYPE_CHECKING:
    from training.costs import Costs

ABOUT = "list the recipes: what each is for, and what it costs"

PIPED_WIDTH = 120
"""Characters of a line where the output is no terminal."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.add_argument("--measure", action="store_true", help="time them on this machine, which takes minutes")
    parser.add_argument("--out", type=Path, metavar="FILE", help="with --measure: write the costs to a JSON file too")
    parser.set_defaults(run=list_recipes)


def list_recipes(options: argparse.Namespace) -> int:
    """Print a table of the recipes."""
    from training.costs import read_costs, write_costs

    if options.out and not options.measure:
        raise Failed("--out writes what --measure measures; give both")

    costs = _measured() if options.measure else read_costs()
    if options.measure and options.out:
        write_costs(options.out, costs)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    console.print(_table(costs, speeds=options.measure))
    console.print(
        f"cost: {costs.clock} beside ns, of a generator's step and of a real image; {costs.resolution} px, width "
        f"{costs.width}, batches of {costs.batch_size}; {costs.machine}; measured with: {costs.command}"
    )
    return 0


def _table(costs: "Costs", speeds: bool) -> Table:
    table, speed = Table(), "images/s" if costs.clock == "wall time" else "images a CPU second"
    for heading in ("recipe", "what it is for", "norm in D"):
        table.add_column(heading)
    for heading in ("n_critic", "a step", "an image", *([speed] if speeds else [])):
        table.add_column(heading, justify="right")
    for name in recipe_names():
        recipe = load_recipe(name)
        critic = recipe.discriminator
        cells = [name, recipe.about, "clipped, batch" if critic.clip else critic.norm, str(recipe.n_critic)]
        for ratio in (costs.step(name), costs.image(name)):
            cells.append("–" if ratio is None else f"{ratio:.1f}")
        if speeds:
            cells.append(f"{costs.recipes[name].images_per_second:,.0f}")
        table.add_row(*cells)
    return table


def _measured() -> "Costs":
    """Time every recipe here, with a line for each."""
    import time

    from training.commands.console import complain
    from training.costs import BATCH, RESOLUTION, WIDTH, Costs, measure_costs, small_timer
    from training.device import cost_clock, prepare
    from training.report.cost import machine

    device, found = prepare(), {}
    clock = cost_clock()
    on_cpu = clock is time.process_time
    for name, cost in measure_costs(recipe_names(), small_timer(clock)):
        complain(f"{name}: {cost.seconds:.3f} s a step, {cost.images_per_second:.0f} images/s")
        found[name] = cost
    return Costs(
        machine=machine() if on_cpu else f"{device}, {machine()}",
        command="python -m training recipes --measure",
        clock="CPU time" if on_cpu else "wall time",
        resolution=RESOLUTION, width=WIDTH, batch_size=BATCH, recipes=found,
    )  # fmt: skip
