"""The account of one request: what it took, stage by stage, and how it ended."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal

from service.engine.timing import Timing

Stage = Literal["queue", "inference", "encode", "write"]
"""What a picture's time goes to: rows that wait, rows that run, the file, and handing it to the network."""

Outcome = Literal["ok", "invalid", "refused", "timeout", "hung-up", "failed"]
"""How a request ended. invalid: the client's error; refused: 401, 403, 429 or 503; failed: ours."""

REFUSALS: Final = frozenset({401, 403, 429, 503})
"""Statuses that tell a client to come otherwise or later: nothing was drawn."""
GONE: Final = 499
"""The status of a request whose client hung up, as in nginx's log; nobody receives it."""


@dataclass
class Account:
    """What is known of a request. Times are seconds of the monotonic clock.

    `model` and `version` drew its `images`; `problem` is the kind of its problem, with its status; `cause` why a full
    queue refused it.
    """

    begun: float = field(default_factory=time.monotonic)
    stages: dict[Stage, float] = field(default_factory=dict)
    """Seconds of each stage, which may have several parts."""
    parts: list[tuple[Stage, float, float]] = field(default_factory=list)
    """When each part of a stage but `write` began and ended."""
    model: str = ""
    version: int = 0
    images: int = 0
    problem: str = ""
    problem_status: int = 0
    cause: str = ""
    link: Any = None
    """What names it to those who follow it through its batch."""

    def add(self, stage: Stage, begun: float, ended: float) -> None:
        """One part of a stage is over."""
        self.stages[stage] = self.stages.get(stage, 0.0) + (ended - begun)
        self.parts.append((stage, begun, ended))

    def stage(self, stage: Stage) -> "Part":
        """Measures a block as a part of a stage, however it ends."""
        return Part(self, stage)

    def drawing(self, name: str, version: int) -> "Drawing":
        """Measures a block that draws by a model: its queue and inference, by the timing that it gives."""
        self.model, self.version = name, version
        return Drawing(self)

    def fail(self, problem: str, status: int, cause: str = "") -> None:
        """It ends with a problem of a kind."""
        self.problem, self.problem_status, self.cause = problem, status, cause

    def outcome(self, status: int) -> Outcome:
        """How it ended; `status` is what was answered, 0 for nothing."""
        return outcome_of(self.problem_status or status, self.problem)


class Part:
    """See `Account.stage`."""

    def __init__(self, account: Account, stage: Stage) -> None:
        self._account, self._stage, self._begun = account, stage, 0.0

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._account.add(self._stage, self._begun, time.monotonic())


class Drawing:
    """See `Account.drawing`."""

    def __init__(self, account: Account) -> None:
        self._account, self._timing = account, Timing(account.link)

    def __enter__(self) -> Timing:
        return self._timing

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timing = self._timing
        if timing.asked:  # not if it was refused
            self._account.add("queue", timing.asked, timing.begun)
            if timing.done > timing.begun or error is None:
                self._account.add("inference", timing.begun, timing.done)


def outcome_of(status: int, problem: str) -> Outcome:
    """How a request of a status and a kind of problem ended; status 0 is no answer at all."""
    if problem == "timeout":
        return "timeout"
    if status == GONE:
        return "hung-up"
    if status in REFUSALS:
        return "refused"
    if 200 <= status < 400:
        return "ok"
    return "invalid" if 400 <= status < 500 else "failed"


CURRENT: Final = ContextVar[Account]("account")


def current() -> Account:
    """The account of the request that this task answers; one that nobody reads where there is none."""
    account = CURRENT.get(None)
    return Account() if account is None else account
