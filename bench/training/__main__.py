"""Our training step beside its peers, as ratios in one run: `python -m bench.training`.

Each contender is a process of its own and they take turns, round by round, so that a busy machine hits all alike; a
ratio is the median over the rounds of their times beside ours in the same round.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.machine import describe_machine
from bench.training.contender import recipe_of
from bundle.environment import prepare_tensorflow
from training.recipe import Recipe

OURS = "figment"
PEERS = ("keras", "tutorial", "pytorch")
HALVES = "figment-bfloat16"
ABOUT = {
    OURS: "Figment",
    HALVES: "Figment, bfloat16",
    "keras": "keras.Model.train_step",
    "tutorial": "TensorFlow's tutorial",
    "pytorch": "PyTorch, channels last",
}


def passes(name: str, recipe: Recipe) -> float:
    """Passes through a network for one step, forward or backward to inputs or to weights; all cost about the same.

    D's step: G forward, D three times for the real and three times for the generated images. R1 by passes of its own
    costs six, and in the pass of the loss three; the gradient penalty six. G's step: two through D, two through G.
    """
    ours = name in (OURS, HALVES)
    alone = 6 if recipe.regulariser.kind == "gradient-penalty" or not ours else 3
    critic = 7 + alone / recipe.regulariser.every
    again = 0 if ours or name == "tutorial" else 1  # the images for G are drawn anew
    shared = 1 if name == "tutorial" else 0  # one pass of D over them serves both
    return recipe.n_critic * critic + 4 + again - shared


INSTALL_PYTORCH = "PyTorch is not installed; install its CPU build as pytorch.org/get-started says"


@dataclass
class Worker:
    """A contender's process, and what came back."""

    name: str
    process: subprocess.Popen[str]
    errors: IO[str]
    parameters: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    peak_mib: int = 0

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise SystemExit(f"{self.errors.read()}{self.name} ended with {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, first: int, count: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{first} {count}\n")
        self.process.stdin.flush()
        answer = self.read()
        self.seconds.append(answer["seconds"])
        self.losses.append(answer["losses"])
        self.peak_mib = answer["peak_mib"]


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench.training", description=__doc__)
    parser.add_argument("--recipe", choices=("ns", "wgan-gp"), action="append", help="(default: both)")
    parser.add_argument("--rounds", type=int, default=9, help="of all contenders (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `fit`: smaller networks")
    parser.add_argument("--steps", type=int, help="a round (default: until the regulariser has had one turn)")
    parser.add_argument("--no-breakdown", action="store_true", help="leave out where our own step goes")
    parser.add_argument("--out", type=Path, help="also write what was measured there, as JSON")
    options = parser.parse_args()
    prepare_tensorflow()
    changes = " ".join(options.set) or "as the recipes ship"
    print(f"64 px, float32; {describe_machine()}; {options.rounds} rounds; {changes}")
    results = {}
    for recipe in options.recipe or ("ns", "wgan-gp"):
        results[recipe] = compare(recipe, options.rounds, options.steps, options.set)
        if not options.no_breakdown:
            from bench.training.breakdown import breakdown, print_breakdown  # TensorFlow, only now

            times = results[recipe]["breakdown_ms"] = breakdown(recipe, options.set)
            print_breakdown(recipe, times)
    if options.out:
        found = {"machine": describe_machine(), "rounds": options.rounds, "set": options.set, "recipes": results}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def compare(recipe_name: str, rounds: int, steps: int | None, overrides: Sequence[str]) -> dict[str, Any]:
    """Measure and print one recipe."""
    recipe = recipe_of(recipe_name, OURS, overrides)
    count = steps or recipe.regulariser.every
    names, skipped = contenders()
    with ExitStack() as stack:
        workers = [start(name, [recipe_name, *overrides], stack) for name in names]
        for worker in workers:
            worker.parameters = worker.read()["parameters"]
        for i in range(rounds + 1):
            for worker in workers:
                worker.run(i * count, count)
    check(workers)
    return report(workers, skipped, recipe, count)


def contenders() -> tuple[list[str], dict[str, str]]:
    """Those that can run here, and why the others cannot."""
    skipped = {}
    if importlib.util.find_spec("torch") is None:
        skipped["pytorch"] = INSTALL_PYTORCH
    flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    if not {"avx512_bf16", "amx_bf16"} & set(flags):
        skipped[HALVES] = "this processor computes no bfloat16 (neither avx512_bf16 nor amx_bf16)"
    return [name for name in (OURS, HALVES, *PEERS) if name not in skipped], skipped


def start(name: str, recipe: Sequence[str], stack: ExitStack) -> Worker:
    """Start a contender's process; it ends with the stack."""
    command = [sys.executable, "-m", "bench.training.contender", name, *recipe]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    errors = stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=quiet
    )
    stack.callback(process.wait)
    stack.callback(process.stdin.close)  # type: ignore[union-attr]  # ends its loop
    return Worker(name, process, errors)


def check(workers: list[Worker]) -> None:
    """All train networks of the same size, and D learns in all of them."""
    ours = workers[0]
    for worker in workers:
        if worker.parameters != ours.parameters:
            raise SystemExit(f"{worker.name} has {worker.parameters} parameters, ours {ours.parameters}")
        first, last = worker.losses[0]["loss_d"], worker.losses[-1]["loss_d"]
        if not last < first:
            raise SystemExit(f"{worker.name} does not learn: D's loss went from {first} to {last}")


def report(workers: list[Worker], skipped: dict[str, str], recipe: Recipe, steps: int) -> dict[str, Any]:
    """Print the table; returns it."""
    ours, found, images = workers[0], {}, steps * recipe.images_per_step
    print(f"\n{recipe.name:24} images/s   ours × as fast   passes   × a pass   peak MiB   loss of D, first → last")
    for worker in workers:
        times = worker.seconds[1:]  # the first round compiles
        ratio = statistics.median(t / mine for t, mine in zip(times, ours.seconds[1:], strict=True))
        rate = images / statistics.median(times)
        first, last = worker.losses[0]["loss_d"], worker.losses[-1]["loss_d"]
        made = passes(worker.name, recipe)
        equal = ratio * passes(OURS, recipe) / made
        print(
            f"  {ABOUT[worker.name]:22} {rate:8.1f}   {ratio:14.2f}   {made:6.2f}   {equal:8.2f}   "
            f"{worker.peak_mib:8}   {first:.3f} → {last:.3f}"
        )
        found[worker.name] = {"images_per_second": rate, "ours_is_faster_by": ratio, "passes": made,
                              "ours_is_faster_by_at_equal_passes": equal, "peak_mib": worker.peak_mib,
                              "loss_d": [step["loss_d"] for step in worker.losses]}  # fmt: skip
    for name, reason in skipped.items():
        print(f"  {ABOUT[name]:24} left out: {reason}")
    return {"contenders": found, "skipped": skipped, "parameters": ours.parameters}


if __name__ == "__main__":
    sys.exit(main())
