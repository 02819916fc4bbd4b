"""`python -m tests.faults [NAME …]`: try every fault, or some; write bench/results/drill.json and docs/reliability.md.

Of those that are not tried, what was seen before is kept.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

from bench.machine import RESULTS, write_result
from tests.deploy.balancer import installed
from tests.faults.catalogue import FAULTS
from tests.faults.lab import Lab
from tests.faults.outcome import PAGE, Outcome, filled, table

Rows = dict[str, dict[str, Any]]
"""What each fault did, as JSON, by its name."""


def drill(names: Iterable[str]) -> Rows:
    """Try some faults; one that leaves anything behind ends it."""
    rows: Rows = {}
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            for name in names:
                begin = time.monotonic()
                rows[name] = asyncio.run(_checked(FAULTS[name](lab))).as_json()
                print(f"{name}: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
        finally:
            lab.close()
    return rows


async def _checked(trial: Awaitable[Outcome]) -> Outcome:
    return (await trial).check()


def kept() -> Rows:
    """What was seen the last time."""
    file = RESULTS / "drill.json"
    return dict(json.loads(file.read_text())["outcomes"]) if file.exists() else {}


def main() -> int:
    """Try the faults that are named, or all that can be tried here."""
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*FAULTS, []], metavar="NAME", help=", ".join(FAULTS))
    names = parser.parse_args().names or list(FAULTS)
    if "rolling_restart" in names and not installed():
        names.remove("rolling_restart")
        print("rolling_restart is left out: HAProxy is not installed", file=sys.stderr)
    tried = drill(names)
    seen = kept() | tried
    outcomes = {name: seen[name] for name in FAULTS if name in seen}
    write_result("drill", {"outcomes": outcomes})
    rows = list(outcomes.values())
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    print(table(rows), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
