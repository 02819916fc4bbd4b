"""What a connection may take: sizes, numbers and times, and what is written to one that takes more."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from service.api.problem_kinds import KINDS
from service.limits.headers import HEADERS
from service.limits.refusals import Refusals

MAX_URL: Final = 2**16 - 1
"""Bytes of a URL: what the parser can count. A latent of 4,096 numbers has 22,000."""
MAX_HEADERS: Final = 2**15
"""Bytes of a request's headers, names and values."""
MAX_HEADER_COUNT: Final = 100
MAX_HEAD: Final = MAX_URL + MAX_HEADERS
"""Bytes of a head that has not ended; it may be longer by what one read brings, which is parsed by then."""
MAX_PIPELINED: Final = 16
"""Requests that wait on one connection for the answer to the first; browsers send none."""
LEAST_RATE: Final = 1000
"""Bytes a second that a client has to send of a body, and to take of an answer: a tenth of the slowest mobile line."""
SLOW_LOOKS: Final = 3
"""Looks in a row at which a client has taken less than that: what it takes is told in lumps, of its whole window."""
LINGER: Final = 2.0
"""Seconds that a refused connection, or a body whose request is answered, is read on, and what comes thrown away:
closing at once would reset it, and the client would not see why (RFC 9112, 9.6)."""
RETRY_AFTER: Final = 1
"""Seconds after which a connection may be free."""


@dataclass
class Bounds:
    """The limits of a server's connections, and those that are refused at the moment.

    Args:
        connections: at a time.
        send_seconds: of a head, and between two looks at a body that comes or an answer that is taken.
        refusals: told of each.
    """

    connections: int
    send_seconds: float
    refusals: Refusals
    lingering: set[object] = field(default_factory=set)
    """Refused connections that are not closed yet; above `connections` of them others are cut off without a word."""


def refusal(kind: str, detail: str) -> bytes:
    """The bytes of an answer that ends its connection: a problem, with the headers that every answer has."""
    status = KINDS[kind].status
    body = {"type": f"/problems/{kind}", "title": KINDS[kind].title, "status": status, "detail": detail}
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(content)),
        **({"Retry-After": str(RETRY_AFTER)} if status == 503 else {}),
        **HEADERS,
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode() + content
