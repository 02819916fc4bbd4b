"""Request ids: a client's own, where it is one that can be written into a log, else a new one."""

import re
import secrets
from typing import Final

HEADER: Final = "X-Request-Id"
LONGEST: Final = 128
"""Characters: room for a UUID, a trace's id, or a load balancer's list of both."""
ALLOWED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]*")
"""No space, quotation mark or control character: it stands in logs, headers and other people's tools."""


def is_request_id(text: str) -> bool:
    """Whether what a client sends is taken for the id of its request."""
    return len(text) <= LONGEST and ALLOWED.fullmatch(text) is not None


def new_request_id() -> str:
    """A random one: 32 hexadecimal digits."""
    return secrets.token_hex(16)
