from __future__ import annotations

import httpx
import pytest
from figment_client.retries import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    MAX_RETRY_AFTER_S,
    pause_before_retry,
    retry_after_seconds,
    retry_delay,
    should_retry,
)

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (429, True),
        (502, True),
        (503, True),
        (httpx.ConnectError("refused"), True),
        (httpx.ConnectTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.RemoteProtocolError("cut short"), True),
        (200, False),
        (304, False),
        (400, False),
        (404, False),
        (405, False),
        (422, False),
        (500, False),
        (504, False),
        (httpx.ReadTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.UnsupportedProtocol("ftp"), False),
        (httpx.TooManyRedirects("loop"), False),
        (ValueError("other"), False),
    ],
)
def test_only_failures_that_may_pass_are_tried_again(outcome: int | Exception, again: bool) -> None:
    assert should_retry(outcome, 0, max_retries=3) is again


@pytest.mark.parametrize(
    ("attempt", "max_retries", "again"), [(0, 0, False), (0, 1, True), (1, 1, False), (2, 3, True), (3, 3, False)]
)
def test_no_more_attempts_follow_than_allowed(attempt: int, max_retries: int, again: bool) -> None:
    assert should_retry(503, attempt, max_retries=max_retries) is again


@pytest.mark.parametrize(
    ("retry_after", "again"), [(None, True), (0, True), (MAX_RETRY_AFTER_S, True), (MAX_RETRY_AFTER_S + 1, False)]
)
def test_a_wait_beyond_the_longest_is_left_to_the_caller(retry_after: float | None, again: bool) -> None:
    assert should_retry(503, 0, max_retries=3, retry_after=retry_after) is again


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [(0, 0.25, 0.5), (1, 0.5, 1), (2, 1, 2), (3, 2, 4), (4, 4, 8), (5, 4, 8), (10_000, 4, 8)],
)
def test_the_wait_doubles_up_to_the_longest(attempt: int, shortest: float, longest: float) -> None:
    assert retry_delay(attempt, jitter=0.0) == shortest
    assert shortest < retry_delay(attempt, jitter=0.999) < longest <= LONGEST_WAIT_S


@pytest.mark.parametrize("retry_after", [0.0, 2.0, 45.0])
@pytest.mark.parametrize("attempt", [0, 3])
def test_the_wait_the_server_asks_for_is_never_undercut(attempt: int, retry_after: float) -> None:
    assert retry_delay(attempt, retry_after=retry_after, jitter=0.0) == retry_after
    assert retry_after < retry_delay(attempt, retry_after=retry_after, jitter=0.999) < retry_after + FIRST_WAIT_S


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
        ("Sun, 06 Nov 1994 08:49:47 -0000", 10),
        ("Sun, 06 Nov 1994 09:49:47 +0100", 10),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),  # past
        ("9" * 400, float("inf")),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Sun, 99 Nov 1994 08:49:47 GMT", None),
        ("Sun, 06 Nov 99999999999999999999 08:49:47 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("outcome", "attempt", "pause"),
    [
        (httpx.Response(200), 0, None),
        (httpx.Response(422, headers={"Retry-After": "1"}), 0, None),
        (httpx.Response(503), 1, 0.5),
        (httpx.Response(503, headers={"Retry-After": "3"}), 0, 3),
        (httpx.Response(429, headers={"Retry-After": "Sun, 06 Nov 1994 08:49:41 GMT"}), 0, 4),
        (httpx.Response(503, headers={"Retry-After": "nonsense"}), 0, 0.25),
        (httpx.Response(503, headers={"Retry-After": "3600"}), 0, None),
        (httpx.Response(503), 3, None),
        (httpx.ConnectError("refused"), 0, 0.25),
        (httpx.ReadTimeout("slow"), 0, None),
    ],
)
def test_the_pause_follows_from_what_came_back(
    outcome: httpx.Response | httpx.RequestError, attempt: int, pause: float | None
) -> None:
    assert pause_before_retry(outcome, attempt, max_retries=3, jitter=0.0, now=NOW) == pause
