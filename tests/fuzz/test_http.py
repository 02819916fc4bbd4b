"""Wrong bytes over a socket: the HTTP parser, forms, pictures. No 500, no crash, no hang."""

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from bundle.store import Store
from tests.fuzz.mutation import mutated
from tests.fuzz.samples import pictures
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

PATIENCE = 60.0
"""Seconds until an answer that never comes is a hang, on a busy machine."""
BOUNDARY = "figment"

REQUESTS = (
    b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /images/7.png?scale=2 HTTP/1.1\r\nHost: a\r\nAccept: image/webp;q=0.5, */*\r\n\r\n",
    b"HEAD /generate?n=2&seed=7 HTTP/1.0\r\n\r\n",
    b'POST /generate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"n": 2}',
    b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /inspect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /models HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
)
RAW = 1500
FORMS = 400
PICTURES = 600
PROJECTED = 40


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Store(tmp_path_factory.mktemp("fuzzed") / "models")
    publish_fake(store, "tiny")
    with listening(store, project_seconds=0.01, deadline=PATIENCE) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE, trust_env=False) as client:
        yield client
        assert client.get("/images/7.png").status_code == 200, "it does not serve any more"


def exchange(address: str, sent: bytes) -> bytes:
    """What comes back when nothing more is sent."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError):  # it had closed before all was sent
            return b""


@pytest.mark.parametrize("seed", [1, 2])
def test_wrong_bytes_at_the_parser_are_answered_or_hung_up_on(address: str, client: httpx.Client, seed: int) -> None:
    found: Counter[str] = Counter()
    for sent in mutated(REQUESTS, RAW, seed):
        answer = exchange(address, sent)
        statuses = re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)
        assert not answer or statuses, (sent, answer[:200])
        for status in statuses:
            assert status < b"500", (sent, answer[:500])
        found[statuses[0].decode() if statuses else "hung up"] += 1
    print(f"{RAW:,} raw inputs: {dict(found)}")
    assert found["400"] > 10
    assert found["200"] > 10


def form(picture: bytes, head: bytes = b'Content-Disposition: form-data; name="image"; filename="a.png"') -> bytes:
    """A form with one file."""
    edge = BOUNDARY.encode()
    return b"--" + edge + b"\r\n" + head + b"\r\n\r\n" + picture + b"\r\n--" + edge + b"--\r\n"


def check_problem(answer: httpx.Response, sent: bytes) -> None:
    """Good, or a problem of the client's."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:300], sent[:300])
    if answer.status_code >= 400:
        problem = json.loads(answer.content)
        assert problem["status"] == answer.status_code
        assert problem["detail"]


def test_malformed_forms_are_problems(client: httpx.Client) -> None:
    found: Counter[int] = Counter()
    samples = (form(b"picture"), form(pictures()[0]), form(b"", b"Content-Disposition: form-data; name=image"))
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for sent in mutated(samples, FORMS, 3):
        answer = client.post("/inspect", content=sent, headers=kind)
        check_problem(answer, sent)
        found[answer.status_code] += 1
    for wrong in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"):
        check_problem(client.post("/inspect", content=samples[0], headers={"Content-Type": wrong.encode()}), samples[0])
    print(f"{FORMS:,} forms: {dict(found)}")
    assert found[422] > 10


@pytest.mark.parametrize(("path", "count"), [("/inspect", PICTURES), ("/project?steps=1", PROJECTED)])
def test_malformed_pictures_are_problems(client: httpx.Client, path: str, count: int) -> None:
    found: Counter[int] = Counter()
    begin = time.monotonic()
    for sent in mutated(pictures(), count, 4):
        answer = client.post(path, content=sent, headers={"Content-Type": "image/png"})
        check_problem(answer, sent)
        found[answer.status_code] += 1
    print(f"{count:,} pictures at {path}: {dict(found)}, {time.monotonic() - begin:.1f} s")
    assert found[422] + found[415] > count // 10
    assert found[200] > 0


def test_mutations_are_repeated_and_differ() -> None:
    once, again = (list(mutated(REQUESTS, 50, 7)) for _ in range(2))
    assert once == again
    assert len(set(once)) > 40
    assert once != list(mutated(REQUESTS, 50, 8))
