"""What clients were refused, by reason: counted, and told to whoever wants to know."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from service.api.problem_kinds import KINDS

logger = logging.getLogger("figment.refused")

REASONS: Final = ("unauthorized", "forbidden", "rate-limited", "not-http", "url-too-long", "headers-too-large",
                  "slow-request", "slow-reader", "too-many-connections", "invalid-parameter")  # fmt: skip
"""Kinds of problems, and `slow-reader`, who gets no answer: a closed set, fit for a label of a metric."""


class Refusals:
    """How often each reason was one, in `counts`; `told(reason)` is called each time."""

    def __init__(self, told: Callable[[str], None] = lambda reason: None) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.told = told

    def note(self, reason: str, scope: Mapping[str, Any]) -> None:
        """Count one; `scope` says who it was, in `client`, as ASGI has it."""
        assert reason in REASONS and (reason in KINDS or reason == "slow-reader"), reason  # noqa: PT018
        self.counts[reason] += 1
        client = scope.get("client") or ("somebody", 0)
        logger.info("%s: refused, %s", client[0], reason)
        self.told(reason)
