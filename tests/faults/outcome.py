"""What a fault did: requests, how long it took to be healthy again, and what it left behind."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.load import Answers

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
MARK = "<!-- drill -->\n"
"""The table stands behind it, up to the next empty line."""


@dataclass
class Outcome:
    """One fault. `leaks` and `damaged` are empty where nothing is left behind."""

    fault: str
    sent: int = 0
    answered: int = 0
    refused: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    """Requests that had to fail, by the reason."""
    healthy: float = 0.0
    """Seconds from the end of the fault, or from when the process was started again, to a right picture."""
    leaks: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    note: str = ""

    def count(self, answers: Answers) -> None:
        """Add what a load saw.

        Raises:
            AssertionError: a picture had other pixels than before the fault.
        """
        assert not answers.wrong, f"{self.fault}: other pixels than before: {answers.wrong[:3]}"
        self.sent += answers.sent
        self.answered += answers.answered
        self.refused += answers.refused
        self.failed = dict(Counter(self.failed) + Counter(failure.reason for failure in answers.failures))

    def check(self) -> "Outcome":
        """Every request is accounted for, and nothing is left behind."""
        assert self.sent == self.answered + self.refused + sum(self.failed.values()), self
        assert not self.leaks, f"{self.fault}: leaked: {self.leaks}"
        assert not self.damaged, f"{self.fault}: damaged: {self.damaged}"
        return self

    def as_json(self) -> dict[str, Any]:
        """For the file that the page's table is made of."""
        return asdict(self) | {"healthy": round(self.healthy, 1)}


HEAD = ("fault", "sent", "answered", "refused", "failed, and why", "healthy after, s", "left behind")


def table(outcomes: list[dict[str, Any]]) -> str:
    """The outcomes, as `as_json` gives them, as a table in Markdown."""
    rows = [HEAD, ("---",) * len(HEAD)]
    for one in outcomes:
        failed = "; ".join(f"{count:,} × {reason}" for reason, count in sorted(one["failed"].items())) or "0"
        left = "; ".join(one["leaks"] + one["damaged"]) or "nothing"
        numbers = (f"{one[key]:,}" for key in ("sent", "answered", "refused"))
        name = f"{one['fault']} ({one['note']})" if one["note"] else one["fault"]
        rows.append((name, *numbers, failed, f"{one['healthy']:.1f}", left))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def filled(page: str, outcomes: list[dict[str, Any]]) -> str:
    """The page with the table of some outcomes."""
    before, _, after = page.partition(MARK)
    return before + MARK + table(outcomes) + "\n" + after.partition("\n\n")[2].lstrip("\n")
