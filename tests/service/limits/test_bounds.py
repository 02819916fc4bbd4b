import json

import pytest

from service.api.problem_kinds import KINDS
from service.limits.bounds import refusal
from service.limits.headers import HEADERS


@pytest.mark.parametrize(
    "kind", ["not-http", "slow-request", "url-too-long", "headers-too-large", "too-many-connections"]
)
def test_a_refusal_is_a_whole_answer(kind: str) -> None:
    head, _, body = refusal(kind, "because").partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status.startswith(f"HTTP/1.1 {KINDS[kind].status} ")
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Connection"] == "close"
    assert ("Retry-After" in headers) is (kind == "too-many-connections")
    assert HEADERS.items() <= headers.items()
    problem = json.loads(body)
    assert (problem["type"], problem["status"], problem["detail"]) == (
        f"/problems/{kind}",
        KINDS[kind].status,
        "because",
    )
