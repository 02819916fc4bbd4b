import httpx
import pytest

from tests.service.conftest import Service

PATH = "/v1/models/tiny:predict"
GOOD = b'{"instances": [[' + b"0.5," * 15 + b"0.5]]}"

WRONG = [
    b"",
    b"{",
    b"null",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"\x00" * 100,
    b"[" * 100_000,
    b'{"instances": ' + b"[" * 100_000,
    b'{"a":' * 10_000,
    b'{"instances": [[NaN]]}',
    b'{"instances": [[Infinity]]}',
    b'{"instances": [[1e999]]}',
    b'{"instances": [[' + b"9" * 5000 + b"]]}",
    b'{"instances": "\\ud800"}',
    b'{"instances": [[0]], "instances": null}',
    b'{"instances": [[0]], "other": 1}',
    b'{"instances": [{}, {}]}' + b" " * 100_000 + b"x",
]


@pytest.mark.parametrize("path", [PATH, "/v2/models/tiny/infer", "/v1/images/generations"])
async def test_what_is_no_request_is_told_and_never_an_error_of_our_own(service: Service, path: str) -> None:
    for content in WRONG:
        answer = await service.client.post(path, content=content)
        assert answer.status_code == 400, (content[:40], answer.text[:200])
        error = answer.json()["error"]
        assert error["message"] if "images" in path else error
        assert len(answer.content) < 5000
    assert service.engines["tiny"].batches == []


async def test_an_unknown_member_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post(PATH, content=b'{"instances": [[0]], "temperature": 1}')
    assert answer.json()["error"] == "temperature: unknown parameter (got '1')"


async def test_parameters_in_the_query_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{PATH}?n=4", content=GOOD)
    assert answer.status_code == 400
    assert "unknown parameter" in answer.json()["error"]
