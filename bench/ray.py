"""The service on Ray beside the single process, with one generator and with two: `python -m bench.ray`.

All in one run, round by round: the ratios count, and are written into docs/ray.md. Ray needs an environment of its
own, which `make test-ray` makes. The nodes are on this machine and share its cores with each other and with the load,
so that two generators cannot be twice as fast: what shows is what Ray costs, and that the work is shared.
"""

import argparse
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.load import run_load
from bench.machine import describe_machine, write_result
from bench.ray_cluster import START, cluster, installed
from bench.ray_cluster import serving as serving_on_ray
from bench.server import serving
from bench.tables import markdown

PAGE = Path(__file__).parents[1] / "docs" / "ray.md"
CONNECTIONS = {1: 64, 16: 8}
"""By n."""
Rates = dict[str, dict[str, float]]


def main() -> int:
    """Measure, print and write `bench/results/ray.json` and the table of it."""
    parser = argparse.ArgumentParser("python -m bench.ray", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="(default: %(default)s)")
    options = parser.parse_args()
    if not installed():
        parser.error("there is no .venv-ray: `make .venv-ray/lock.txt` makes it")
    print(describe_machine(), flush=True)
    models = options.models.absolute()
    rounds = [one_round(models, options.seconds) for _ in range(options.rounds)]
    result = {"rounds": rounds, "of_single": summary(rounds)}
    print(result["of_single"])
    print(write_result("ray", result))
    PAGE.write_text(filled(PAGE.read_text(), result))
    return 0


def filled(page: str, result: dict[str, Any]) -> str:
    """The page with the table: images a second of all rounds, and as a share of the single process's."""
    rows = [["", *(f"n={n}" for n in CONNECTIONS)]]
    for name, shares in result["of_single"].items():
        rates = {n: statistics.median(one[name][n] for one in result["rounds"]) for n in shares}
        rows.append([name, *(f"{rates[n]:.0f}, {shares[n]:.0%}" for n in shares)])
    begin, end = "<!-- ray -->", "<!-- end of ray -->"
    return re.sub(f"{begin}.*?{end}", f"{begin}\n{markdown(rows)}\n{end}", page, flags=re.DOTALL)


def one_round(models: Path, seconds: float) -> Rates:
    """Images a second of each, by n."""
    rates = {}
    with serving(models, seconds=START) as server:
        rates["single process"] = measured(server.port, seconds)
    for replicas in (1, 2):
        with (
            cluster(cpus=4, environment={"FIGMENT_MODELS": str(models)}) as nodes,
            serving_on_ray(nodes, replicas) as port,
        ):
            rates[f"Ray, {replicas} generator{'s' * (replicas > 1)}"] = measured(port, seconds)
    print(rates, flush=True)
    return rates


def measured(port: int, seconds: float) -> dict[str, float]:
    """Images a second under a closed load; a request that fails is an error."""
    rates = {}
    for n, connections in CONNECTIONS.items():
        path = f"/generate?n={n}&seed="
        load = uvloop.run(run_load(port, lambda i, p=path: f"{p}{64 * i}", connections, seconds))  # type: ignore[misc]
        if load.failed:
            raise RuntimeError(f"{load.failed} requests failed: {set(load.errors)}")
        rates[str(n)] = n * load.rate
    return rates


def summary(rounds: list[Rates]) -> Rates:
    """The median over the rounds of what each does, as a share of the single process."""
    return {
        name: {n: statistics.median(one[name][n] / one["single process"][n] for one in rounds) for n in rounds[0][name]}
        for name in rounds[0]
    }


if __name__ == "__main__":
    sys.exit(main())
