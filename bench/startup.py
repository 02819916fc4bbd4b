"""How long the service takes to be ready, and its memory, beside a bare process: `python -m bench.startup`.

The bare process imports TensorFlow and loads the same SavedModel, and does nothing else. The two take turns.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.machine import describe_machine, resident_mib, write_result
from bench.server import serving
from bundle.environment import prepare_tensorflow
from bundle.store import Store

BARE = """
import sys, tensorflow as tf
module = tf.saved_model.load(sys.argv[1])
print("loaded", flush=True)
sys.stdin.read()
"""
GOALS = {"seconds": 1.3, "mib": 150.0}
"""Times the bare process's time, and more than its memory."""


def main() -> int:
    """Measure, print the table and write `bench/results/startup.json`."""
    parser = argparse.ArgumentParser("python -m bench.startup", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    options = parser.parse_args()
    prepare_tensorflow()
    store = Store(options.models)
    bundle = store.open(store.names()[0])
    print(f"{describe_machine()}\n  bare process: s, MiB   the service: s, MiB   × time   MiB more", flush=True)
    rounds = []
    for _ in range(options.rounds):
        bare, bare_mib = bare_process(bundle.path)
        with serving(options.models) as server:
            time.sleep(1)
            mib = resident_mib(server.process)
        rounds.append({"bare": bare, "bare_mib": bare_mib, "service": server.ready, "service_mib": mib})
        print(
            f"  {bare:13.2f}  {bare_mib:5.0f}   {server.ready:14.2f}  {mib:5.0f}   {server.ready / bare:6.2f}"
            f"   {mib - bare_mib:8.0f}",
            flush=True,
        )
    ratio = statistics.median(one["service"] / one["bare"] for one in rounds)
    more = statistics.median(one["service_mib"] - one["bare_mib"] for one in rounds)
    print(f"  median: {ratio:.2f} × (goal {GOALS['seconds']:g}), {more:.0f} MiB more (goal {GOALS['mib']:g})")
    write_result("startup", {"ratio": ratio, "more_mib": more, "rounds": rounds})
    return 0


def bare_process(bundle: Path) -> tuple[float, float]:
    """The seconds until TensorFlow is imported and the SavedModel loaded, and the memory then."""
    begin = time.monotonic()
    command = [sys.executable, "-c", BARE, str(bundle)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loaded\n", "the bare process failed"
        seconds, mib = time.monotonic() - begin, resident_mib(process.pid)
        process.kill()
    return seconds, mib


if __name__ == "__main__":
    sys.exit(main())
