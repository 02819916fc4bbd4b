"""Connections that were refused: each is logged, and told to whoever counts. Requests are counted as such."""

import logging
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("figment.refused")

REASONS: Final = (
    "headers-too-large",
    "not-http",
    "slow-reader",
    "slow-request",
    "too-many-connections",
    "url-too-long",
)
"""Kinds of problems, and `slow-reader`, who gets no answer: a closed set, fit for a label of a metric."""

ENDED: Final = "ended"
"""In a request's `state`: the kind of problem for which its connection is closed while its body comes."""


class Refusals:
    """Where refused connections are told of: `told(reason)` is called for each."""

    def __init__(self, told: Callable[[str], None] = lambda reason: None) -> None:
        self._told = told

    def note(self, reason: str, client: tuple[str, int] | None) -> None:
        """One was refused, of this address and port, if they are known."""
        logger.info("%s: refused, %s", client[0] if client else "somebody", reason)
        self._told(reason)
