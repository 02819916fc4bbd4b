"""What a contender is, and the process that it runs in: `python -m bench.training.contender NAME RECIPE [KEY=VALUE …]`.

The process says what it is as a line of JSON, then waits; for every line on its standard input, `FIRST COUNT`, it makes
so many steps and answers their time, their losses and its peak memory.
"""

import importlib
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.training.data import Batches
from training.recipe import Recipe, load_recipe

MODULES = {
    "figment": "figment", "figment-bfloat16": "figment", "keras": "keras_pattern", "tutorial": "tutorial",
    "pytorch": "pytorch",
}  # fmt: skip

Losses = dict[str, float]


class Contender(Protocol):
    """One way to train the same networks on the same images."""

    def parameters(self) -> tuple[int, int]:
        """Trainable numbers of generator and discriminator."""

    def steps(self, batches: Batches, first: int, count: int) -> list[Losses]:
        """Make so many steps, each `n_critic` of D and one of G and of the average; `loss_d` and `loss_g` of each."""


def recipe_of(name: str, contender: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe as it ships, without augmentation; with overrides, as `fit --set` takes them."""
    precision = "bfloat16" if contender.endswith("bfloat16") else "float32"
    return load_recipe(name, ["augment=none", f"precision={precision}", *overrides])


def peak_mib() -> int:
    """The most memory this process has held, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    name, recipe_name, *overrides = sys.argv[1:]
    recipe = recipe_of(recipe_name, name, overrides)
    contender: Contender = importlib.import_module(f"bench.training.{MODULES[name]}").make(recipe)
    batches = Batches(recipe)
    print(json.dumps({"parameters": contender.parameters()}), flush=True)
    for line in sys.stdin:
        first, count = map(int, line.split())
        begin = time.perf_counter()
        losses = contender.steps(batches, first, count)
        seconds = time.perf_counter() - begin
        means = {key: float(np.mean([step[key] for step in losses])) for key in losses[0]}
        print(json.dumps({"seconds": seconds, "losses": means, "peak_mib": peak_mib()}), flush=True)


if __name__ == "__main__":
    main()
