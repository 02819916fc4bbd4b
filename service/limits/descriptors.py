"""File descriptors: each connection needs one, and a shell often allows a process only 1,024."""

import logging
import resource
from typing import Final

logger = logging.getLogger("figment.limits")

OTHERS: Final = 200
"""Descriptors that are no connections: the store's files, the log, TensorFlow's own."""


def make_room(connections: int) -> None:
    """Let the process open as many files as `connections` need, twice, since refused ones linger.

    Where the machine does not allow so many, the log says so: the kernel then refuses connections, without a word.
    """
    needed = 2 * connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        logger.warning("%d connections need %d file descriptors, and %d are allowed", connections, needed, allowed)
