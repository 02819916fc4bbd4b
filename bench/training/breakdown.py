"""Where the time of our step goes: `python -m bench.training.breakdown [RECIPE]`."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from bench.training.contender import recipe_of
from bench.training.data import Batches
from bench.training.figment import Figment
from training.means import Means

REPEATS = 5


def breakdown(recipe_name: str, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Milliseconds of each part of one step, medians; "the whole step" is measured by itself, not summed."""
    recipe = recipe_of(recipe_name, "figment", overrides)
    gan, batches, means = Figment(recipe).gan, Batches(recipe), Means()
    images, index, decay = tf.constant(batches.at(0)[0]), tf.constant(0, tf.int64), tf.constant(0.99)
    lazy = recipe.regulariser.every > 1
    logs = gan.train(batches.at(0), 0, 1.0)

    @tf.function
    def average() -> None:
        for mean, value in zip(gan.ema.variables, gan.generator.variables, strict=True):
            mean.assign(decay * mean + (1.0 - decay) * value)

    def step_of_d(regularise: bool) -> Callable[[], object]:
        return lambda: _wait(gan._discriminator_step(images, None, index, regularise))

    parts: dict[str, Callable[[], object]] = {
        "input": lambda: tf.constant(batches.at(1)),
        "D with the regulariser": step_of_d(True),
        **({"D without it": step_of_d(False)} if lazy else {}),
        "D with it, G, average": lambda: _wait(gan._joint_step(images, None, index, True, decay)),
        "average alone": average,
        "logging": lambda: (means.add(logs), means.peek()),
    }
    times = {name: _milliseconds(part) for name, part in parts.items()}
    times["G (the difference)"] = times["D with it, G, average"] - times["D with the regulariser"]
    rounds = range(recipe.regulariser.every)
    whole = _milliseconds(lambda: [_wait(gan.train(batches.at(step), step, 1.0)) for step in rounds])
    return times | {"the whole step": whole / len(rounds)}


def _wait(logs: Mapping[str, tf.Tensor]) -> list[float]:
    return [float(value) for value in logs.values()]


def _milliseconds(part: Callable[[], object]) -> float:
    part()  # compiles
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        part()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def print_breakdown(recipe_name: str, times: Mapping[str, float]) -> None:
    print(f"\n{recipe_name}: where our step goes         ms   of the step")
    for name, value in times.items():
        print(f"  {name:28} {value:10.1f}   {value / times['the whole step']:11.3f}")


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "ns"
    print_breakdown(chosen, breakdown(chosen))
