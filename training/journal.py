"""What a run writes about itself as it goes on: log, measures, what went wrong, and which state was the best.

log.jsonl       one JSON object a line: the means of some steps, or an "event" with a text
measures.jsonl  one a line: the measures against held-out images
best.json       the step whose measures were the best
rollbacks.json  where the run went back to, and from where
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from training.appraisal import Appraisal
from training.run import Run
from training.watch import DEAD_LINES, Trouble

Line = dict[str, Any]

FORGOTTEN: Final = frozenset({"best", "resumed"})
"""Events that will come again when the run goes on from before them; what went wrong stays in the log."""


class Journal:
    """The files of a run; a line that a kill cut off is dropped when the run goes on."""

    def __init__(self, run: Run) -> None:
        self._log, self._measures = run.log_file, run.path / "measures.jsonl"
        self._best, self._rollbacks = run.path / "best.json", run.path / "rollbacks.json"
        self._per_step = run.settings.recipe.images_per_step
        self.lines: list[Line] = []
        """The last lines of the log with means, as many as the checks look at."""
        self.widest = 0.0
        """The largest share of the real images' spread that generated ones had when they were measured."""
        self._went_back_to = [int(line["to"]) for line in _read(self._rollbacks) if isinstance(line.get("to"), int)]

    def truncate(self, step: int) -> None:
        """Forget what was logged after a step, because it will be logged again."""
        lines = [line for line in _read(self._log) if _stays(line, step)]
        _write(self._log, lines)
        measured = [line for line in _read(self._measures) if line["step"] <= step and _has_spread(line)]
        _write(self._measures, measured)
        self.widest = max((_share(line["values"]["spread"]) for line in measured), default=0.0)
        self.lines = [line for line in lines if "event" not in line][-DEAD_LINES:]

    def log(self, line: Mapping[str, float]) -> None:
        """Append the means of some steps."""
        _append(self._log, dict(line))
        self.lines = [*self.lines, dict(line)][-DEAD_LINES:]

    def event(self, step: int, kind: str, text: str) -> None:
        """Append something that a reader of the log should know."""
        _append(self._log, {"step": step, "images": step * self._per_step, "event": kind, "text": text})

    def measures(self, step: int, found: Appraisal) -> None:
        """Append the measures against held-out images."""
        values = {name: measure.model_dump() for name, measure in found.measures.items()}
        self.widest = max(self.widest, _share(values["spread"]))
        line = {"step": step, "images": step * self._per_step, "seconds": round(found.seconds, 2)}
        _append(self._measures, line | {"distance": found.distance, "values": values})

    def is_best(self, distance: float) -> bool:
        """Whether a distance to the held-out images is smaller than the smallest so far."""
        noted = [line["distance"] for line in _read(self._best) if isinstance(line.get("distance"), int | float)]
        return not noted or distance < noted[0]

    def best(self, step: int, distance: float) -> None:
        """Note that the state of this step is the best."""
        line = {"step": step, "images": step * self._per_step, "distance": distance}
        _write(self._best, [line])
        self.event(step, "best", f"the smallest distance to the held-out images so far: {distance:.2f}")

    def rollbacks(self, step: int) -> int:
        """How many rollbacks went to this step or one before it: the run learns slower since then."""
        return sum(to <= step for to in self._went_back_to)

    def roll_back(self, failed: int, to: int, trouble: Trouble) -> None:
        """Note that the run goes on from `to`, after trouble at the step `failed`."""
        _append(self._rollbacks, {"step": failed, "to": to, "kind": trouble.kind})
        self._went_back_to.append(to)
        self.truncate(to)
        self.event(to, "rollback", f"back from step {failed:,} after: {trouble.kind}; learning half as fast from here")


def _stays(line: Line, step: int) -> bool:
    return line["step"] <= step or ("event" in line and line["event"] not in FORGOTTEN)


def _share(spread: Mapping[str, float]) -> float:
    return spread["value"] / max(spread["floor"], 1e-9)


def _has_spread(line: Line) -> bool:
    values = line.get("values")
    spread = values.get("spread") if isinstance(values, dict) else None
    return isinstance(spread, dict) and all(isinstance(spread.get(key), int | float) for key in ("value", "floor"))


def _append(path: Path, line: Line) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _write(path: Path, lines: list[Line]) -> None:
    if not lines and not path.exists():
        return
    beside = path.with_suffix(".tmp")
    beside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    beside.rename(path)


def _read(path: Path) -> list[Line]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in map(_parsed, lines) if line is not None]


def _parsed(text: str) -> Line | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None  # cut off by a kill
    is_one = isinstance(line, dict) and isinstance(line.get("step"), int) and line["step"] >= 0
    return line if is_one else None
