"""
Which failures are tried again, and after what wait. This is the whole policy:

| outcome | again? | why |
|---|---|---|
| connection refused, broken, not made in time | yes | a restart or a switch of servers; nothing came back |
| 429, 503 | yes | the server itself asks to come again |
| 502 | yes | a proxy lost its server, most often to a restart |
| 504, our own timeout while reading | no | the work was tried and too slow: again would double the load |
| 500 and other statuses | no | the same request would meet the same answer |

Every request can be repeated safely, also one without a seed: the first draw was never seen.

The wait doubles from half a second to eight, with jitter, so that clients refused together don't return
together. Where the answer has a Retry-After, at least that long is waited; one beyond MAX_RETRY_AFTER_S is
not waited for and not undercut: the error is raised at once, and its `retry_after` leaves it to the caller.
"""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

RETRIED_STATUSES = frozenset({429, 502, 503})
RETRIED_FAILURES = ("NetworkError", "RemoteProtocolError", "ConnectTimeout")  # of httpx

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
MAX_RETRY_AFTER_S = 60.0


def should_retry(outcome: int | Exception, attempt: int, *, max_retries: int, retry_after: float | None = None) -> bool:
    """
    Whether an outcome, a status or what httpx raised, is worth another attempt.

    `attempt` counts from 0, the first; `retry_after` is in seconds.
    """
    if attempt >= max_retries:
        return False
    if isinstance(outcome, Exception):
        import httpx

        return isinstance(outcome, tuple(getattr(httpx, name) for name in RETRIED_FAILURES))
    return outcome in RETRIED_STATUSES and (retry_after is None or retry_after <= MAX_RETRY_AFTER_S)


def retry_delay(attempt: int, *, retry_after: float | None = None, jitter: float) -> float:
    """
    Seconds to wait after attempt `attempt`, which counts from 0.

    `jitter` is a random number in [0, 1). Without a `retry_after` (seconds) the result lies between half the
    doubling wait and the whole; with one, between it and FIRST_WAIT_S more.
    """
    if retry_after is not None:
        return retry_after + jitter * FIRST_WAIT_S
    doublings = min(attempt, 32)  # far beyond LONGEST_WAIT_S, and no overflow
    longest = min(FIRST_WAIT_S * 2.0**doublings, LONGEST_WAIT_S)
    return longest * (1 + jitter) / 2


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """
    The seconds that a Retry-After header (RFC 9110, 10.2.3) asks to wait, 0 or more; None if it is unusable.

    The header is a whole number of seconds or an HTTP date; `now` is in seconds since 1970, UTC.
    """
    from email.utils import parsedate_to_datetime  # imports socket, which nobody needs who draws nothing

    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, of unknown origin
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - now)


def pause_before_retry(
    outcome: httpx.Response | httpx.RequestError, attempt: int, *, max_retries: int, jitter: float, now: float
) -> float | None:
    """Seconds to wait before the next attempt, or None where there is to be none; arguments as above."""
    if not isinstance(outcome, Exception):
        retry_after = retry_after_seconds(outcome.headers.get("Retry-After"), now=now)
        again = should_retry(outcome.status_code, attempt, max_retries=max_retries, retry_after=retry_after)
    else:
        retry_after = None
        again = should_retry(outcome, attempt, max_retries=max_retries)
    return retry_delay(attempt, retry_after=retry_after, jitter=jitter) if again else None
