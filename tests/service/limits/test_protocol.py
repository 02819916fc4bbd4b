"""Connections over raw sockets: what is too much, too slow or no HTTP gets its answer and is closed."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from bundle.store import Store
from service.limits.bounds import LINGER, MAX_HEAD, MAX_HEADER_COUNT, MAX_HEADERS, MAX_PIPELINED, MAX_URL
from service.limits.refusals import Refusals
from tests.service.conftest import publish_fake
from tests.service.live_server import listening

PATIENCE = 60.0
"""Seconds that a test waits for what has to come."""
SECONDS = 0.5
"""FIGMENT_SEND_SECONDS of these tests; nothing has to be fast, only to come."""
QUICK = b"GET /livez HTTP/1.1\r\nHost: figment\r\n\r\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("bounded") / "models")
    publish_fake(store, "large", shape=(512, 512, 3))
    return store


@pytest.fixture(scope="module")
def patient(store: Store) -> Iterator[str]:
    """An address that waits longer than any test."""
    with listening(store, send_seconds=600) as address:
        yield address


@pytest.fixture(scope="module")
def hasty(store: Store) -> Iterator[str]:
    """An address that waits half a second."""
    with listening(store, send_seconds=SECONDS, keep_alive=600) as address:
        yield address


@contextmanager
def connected(address: str, **options: int) -> Iterator[socket.socket]:
    host, _, port = address.partition(":")
    with socket.socket() as connection:
        for name, value in options.items():
            connection.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        connection.settimeout(PATIENCE)
        connection.connect((host, int(port)))
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received = b""
    while True:
        try:
            piece = connection.recv(2**16)
        except ConnectionResetError:
            return received + b" reset"
        if not piece:
            return received
        received += piece


def status(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def asked(path: bytes = b"/livez", headers: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: figment\r\nConnection: close\r\n%s\r\n" % (path, headers)


def many(count: int) -> bytes:
    return b"".join(b"X-%d: 1\r\n" % i for i in range(count))


REFUSED = {
    "noise": (bytes(range(256)), 400, b"not-http"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400, b"not-http"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, b"not-http"),
    "no method": (b"DRAW /images/7.png HTTP/1.1\r\nHost: figment\r\n\r\n", 400, b"not-http"),
    "two lengths": (asked(headers=b"Content-Length: 3\r\nContent-Length: 4\r\n"), 400, b"not-http"),
    "a length and chunks": (asked(headers=b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400, b"not-http"),
    "a header with a space": (asked(headers=b"X Y: 1\r\n"), 400, b"not-http"),
    "no host": (b"GET /livez HTTP/1.1\r\n\r\n", 400, b"one Host header, got 0"),
    "two hosts": (asked(headers=b"Host: other\r\n"), 400, b"one Host header, got 2"),
    "a long URL": (asked(b"/" + b"a" * MAX_URL), 414, b"url-too-long"),
    "an endless URL": (b"GET /" + b"a" * 2**19, 414, b"url-too-long"),
    "a long header": (asked(headers=b"X: %s\r\n" % (b"a" * MAX_HEADERS)), 431, b"headers-too-large"),
    "an endless header": (b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD + 2**20), 431, b"headers-too-large"),
    "many headers": (asked(headers=many(MAX_HEADER_COUNT)), 431, b"headers-too-large"),
    "endless headers": (b"GET / HTTP/1.1\r\n" + many(50_000), 431, b"headers-too-large"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_gets_its_answer_and_is_closed(patient: str, case: str) -> None:
    sent, expected, kind = REFUSED[case]
    with connected(patient) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it is closed before all is sent
            connection.sendall(sent)
        received = answer(connection)
    assert status(received) == expected
    assert b"application/problem+json" in received
    assert kind in received
    assert b"x-content-type-options: nosniff" in received.lower()


TAKEN = {
    "as long a URL": asked(b"/livez?" + b"a" * (MAX_URL - 7)),
    "as long headers": asked(headers=b"X: %s\r\n" % (b"a" * (MAX_HEADERS - 100))),
    "as many headers": asked(headers=many(MAX_HEADER_COUNT - 2)),
    "a head in pieces": asked(),
    "HTTP/1.0 without a host": b"GET /livez HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_just_allowed_is_answered(patient: str, case: str) -> None:
    with connected(patient) as connection:
        for start in range(0, len(TAKEN[case]), 5000 if len(TAKEN[case]) > 5000 else 7):
            connection.sendall(TAKEN[case][start : start + (5000 if len(TAKEN[case]) > 5000 else 7)])
        assert status(answer(connection)) == 200


@pytest.mark.parametrize(
    ("begun", "part"),
    [
        (b"G", b"head"),
        (b"GET /livez HTTP/1.1\r\nHost: fig", b"head"),
        (QUICK + b"GET /livez HTTP/1.1\r\n", b"head"),
        (b"POST /generate HTTP/1.1\r\nHost: figment\r\nContent-Length: 100\r\n\r\n{", b"body"),
        (b"POST /generate HTTP/1.1\r\nHost: figment\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", b"body"),
    ],
)
def test_half_a_request_is_ended_with_408(hasty: str, begun: bytes, part: bytes) -> None:
    with connected(hasty) as connection:
        connection.sendall(begun)
        received = answer(connection)
    if begun.startswith(QUICK):
        received = received[received.index(b"HTTP/1.1 408") :]
    assert status(received) == 408
    assert b"the %s " % part in received
    assert b"within 0.5 s" in received


def test_a_body_that_comes_may_take_longer(store: Store) -> None:
    """Twenty times as much a second as must come, for three times as long as FIGMENT_SEND_SECONDS."""
    with listening(store, send_seconds=3) as address, connected(address) as connection:
        connection.sendall(
            b"POST /inspect HTTP/1.1\r\nHost: figment\r\nConnection: close\r\nContent-Length: 180000\r\n\r\n"
        )
        for _ in range(45):
            connection.sendall(bytes(4000))
            time.sleep(0.2)
        assert status(answer(connection)) == 422  # it is no picture


def test_a_body_that_drips_is_ended(hasty: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"POST /inspect HTTP/1.1\r\nHost: figment\r\nContent-Length: 4000\r\n\r\n")
        connection.settimeout(0.02)
        received = b""
        for _ in range(int(PATIENCE / 0.02)):
            with suppress(TimeoutError, BrokenPipeError):
                connection.sendall(b"x")
                received += connection.recv(2**16)
            if received:
                break
    assert status(received) == 408


def test_who_reads_one_large_answer_after_another_is_not_cut_off(hasty: str) -> None:
    """At the first look the second answer is under way, of which more is unread than of the first at its beginning."""
    small, large = (b"GET /generate?n=%d&seed=1&format=npz HTTP/1.1\r\nHost: figment\r\n" % n for n in (8, 24))
    with connected(hasty, SO_RCVBUF=2**14) as connection:
        connection.sendall(small + b"\r\n" + large + b"Connection: close\r\n\r\n")
        received = connection.recv(1)
        time.sleep(0.7 * SECONDS)
        received += read_of(connection, 8 * 512 * 512 * 3)
        for _ in range(12):
            received += connection.recv(2**14)
            time.sleep(0.25 * SECONDS)
        received += answer(connection)
    assert received.count(b"HTTP/1.1 200") == 2
    assert len(received) > 32 * 512 * 512 * 3


def read_of(connection: socket.socket, least: int) -> bytes:
    received = b""
    while len(received) < least:
        received += connection.recv(2**16)
    return received


def test_a_body_that_is_too_slow_is_counted_as_such_and_not_as_a_client_that_left(store: Store) -> None:
    with listening(store, send_seconds=SECONDS) as address:
        with connected(address) as connection:
            connection.sendall(b"POST /generate HTTP/1.1\r\nHost: figment\r\nContent-Length: 100\r\n\r\n{")
            assert status(answer(connection)) == 408
        counted, text = 'figment_requests_total{method="POST",route="/generate",status="408"} 1.0', ""
        end = time.monotonic() + PATIENCE
        while counted not in text:
            assert time.monotonic() < end, text
            text = httpx.get(f"http://{address}/metrics", trust_env=False).text
    assert 'figment_cancelled_total{reason="client-gone"} 0.0' in text
    assert 'figment_refused_total{reason="slow-request"} 1.0' in text
    assert 'figment_problems_total{kind="slow-request"} 1.0' in text


def test_a_header_that_drips_is_ended_all_the_same(hasty: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        connection.settimeout(0.05)
        begin, received = time.monotonic(), b""
        while not received and time.monotonic() - begin < PATIENCE:
            try:
                connection.sendall(b"a")
                received = connection.recv(2**16)
            except TimeoutError:
                continue
        assert status(received) == 408


def test_a_connection_that_asks_nothing_is_closed(hasty: str) -> None:
    with connected(hasty) as connection:
        assert answer(connection) == b""


@pytest.mark.parametrize("first", [b"", QUICK])
def test_line_ends_are_no_request(hasty: str, first: bytes) -> None:
    with connected(hasty) as connection:
        connection.sendall(first)
        if first:
            assert status(connection.recv(2**16)) == 200
        connection.sendall(b"\r\n")
        assert answer(connection) == b""


def test_a_quick_request_is_answered_however_long_the_connection_lives(hasty: str) -> None:
    with connected(hasty) as connection:
        for _ in range(3):
            connection.sendall(QUICK)
            assert status(connection.recv(2**16)) == 200
            time.sleep(1.5 * SECONDS)


def test_a_body_after_an_answer_has_its_time_too(hasty: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: figment\r\nContent-Length: 100\r\n\r\n")
        received = answer(connection)
    assert status(received) == 404
    assert received.count(b"HTTP/1.1 ") == 1


def test_who_takes_nothing_of_an_answer_is_cut_off(store: Store) -> None:
    images = {"name": "images", "parameters": {"binary_data": True}}
    seeds = {"name": "seeds", "shape": [64], "datatype": "INT64", "data": list(range(64))}
    body = json.dumps({"inputs": [seeds], "outputs": [images]}).encode()  # 50 MB: more than any buffer of a socket
    head = b"POST /v2/models/large/infer HTTP/1.1\r\nHost: figment\r\nContent-Length: %d\r\n\r\n" % len(body)
    with listening(store, send_seconds=SECONDS) as address, connected(address, SO_RCVBUF=4096) as connection:
        connection.sendall(head + body)
        assert status(connection.recv(12)) == 200
        wait_for_cut(connection)
        assert httpx.get(f"http://{address}/livez", trust_env=False).status_code == 200


def wait_for_cut(connection: socket.socket) -> None:
    """Return when the server has given up a connection that takes nothing."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        if info[0] != 1:  # TCP_ESTABLISHED
            return
        time.sleep(0.05)
    raise AssertionError("the connection is still there")


def test_above_the_limit_a_connection_is_told_and_others_go_on(store: Store) -> None:
    with listening(store, connections=2, send_seconds=600) as address:
        with connected(address) as first, connected(address) as second:
            for each in (first, second):
                each.sendall(QUICK)
                assert status(each.recv(2**16)) == 200
            with connected(address) as third:
                third.sendall(QUICK)
                received = answer(third)
            assert status(received) == 503
            assert b"2 connections are open" in received
            assert b"Retry-After: 1" in received
            first.sendall(QUICK)
            assert status(first.recv(2**16)) == 200
        end = time.monotonic() + PATIENCE
        with connected(address) as again:  # the server learns of the two that hung up, some time
            again.sendall(QUICK)
            received = again.recv(2**16)
        while status(received) != 200 and time.monotonic() < end:
            with connected(address) as again:
                again.sendall(QUICK)
                received = again.recv(2**16)
        assert status(received) == 200


def test_pipelined_requests_are_answered_in_their_order_up_to_a_number(patient: str) -> None:
    with connected(patient) as connection:
        connection.sendall(QUICK * (MAX_PIPELINED - 1) + asked(b"/nothing"))
        received = answer(connection)
    assert received.count(b"HTTP/1.1 200") == MAX_PIPELINED - 1
    assert received.count(b"HTTP/1.1 404") == 1
    with connected(patient) as connection:
        connection.sendall(QUICK * 5000)
        assert b"HTTP/1.1 400" in answer(connection)


def test_what_is_refused_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(Refusals, "note", lambda self, reason, client: noted.append(reason))
    with listening(store) as address, connected(address) as connection:
        connection.sendall(b"noise\r\n\r\n")
        answer(connection)
    assert noted == ["not-http"]


def test_an_upgrade_is_not_taken(patient: str) -> None:
    headers = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"
    with connected(patient) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: figment\r\n%s\r\n" % headers)
        assert status(connection.recv(2**16)) == 200


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_what_follows_an_upgrade_is_no_request(patient: str, protocol: bytes) -> None:
    upgrade = b"Host: figment\r\nConnection: Upgrade\r\nUpgrade: %s\r\n" % protocol
    with connected(patient) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n%s\r\n" % upgrade + QUICK)
        connection.sendall(QUICK)
        received = answer(connection)
    assert received.count(b"HTTP/1.1 200") == 1


BODY = b'{"n":2, "seed":7}'
ASKS = b"Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
"""As Java's HttpClient and `curl --http2` do with every request that is not encrypted."""
FRAMED = {
    "length": b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (BODY[:5], len(BODY) - 5, BODY[5:]),
}


@pytest.mark.parametrize("piece", [1, 7, 2**16])
@pytest.mark.parametrize("framing", FRAMED)
def test_a_body_behind_an_upgrade_is_the_request_s(patient: str, framing: str, piece: int) -> None:
    sent = b"POST /generate HTTP/1.1\r\nContent-Type: application/json\r\n" + ASKS + FRAMED[framing] + asked()
    with connected(patient) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may be answered before all is sent
            for start in range(0, len(sent), piece):
                connection.sendall(sent[start : start + piece])
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"figment-seeds: 7,8\r\n" in received.lower()
    assert received.count(b"HTTP/1.1 200") == 2  # the body, and no more, is the first request's


def test_one_upgrade_behind_another(patient: str) -> None:
    post = b"POST /generate HTTP/1.1\r\nContent-Type: application/json\r\n" + ASKS + FRAMED["length"]
    with connected(patient) as connection:
        connection.sendall(post + post + b"GET /livez HTTP/1.1\r\n" + ASKS + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        received = answer(connection)
    assert received.count(b"HTTP/1.1 200") == 3


def test_a_wrong_request_behind_an_upgrade_gets_its_reason(patient: str) -> None:
    post = b"POST /nothing HTTP/1.1\r\n" + ASKS + FRAMED["length"]
    with connected(patient) as connection:
        connection.sendall(post)
        assert status(connection.recv(2**16)) == 404
        connection.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
        assert b"one Host header, got 0" in answer(connection)


def test_a_body_of_nothing_behind_an_upgrade(patient: str) -> None:
    with connected(patient) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n" + ASKS + b"Content-Length: 0\r\n\r\n" + asked())
        assert status(answer(connection)) == 200


def test_a_body_behind_an_upgrade_is_bounded_in_time(hasty: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"POST /generate HTTP/1.1\r\n" + ASKS + b"Content-Length: 50\r\n\r\n{")
        assert status(answer(connection)) == 408


def is_open(connection: socket.socket, sent: bytes) -> bool:
    """Whether something can be sent."""
    try:
        connection.sendall(sent)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def test_a_body_whose_request_is_answered_is_not_read_for_ever(patient: str) -> None:
    with connected(patient) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert status(connection.recv(2**16)) == 404
        end = time.monotonic() + PATIENCE
        while is_open(connection, b"400\r\n%s\r\n" % bytes(1024)):
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_connection_whose_body_ended_after_its_answer_is_not_open_for_ever(hasty: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        assert status(connection.recv(2**16)) == 404
        connection.sendall(b"cd")
        assert answer(connection) == b""


def test_a_body_that_ends_after_its_answer_costs_no_connection(patient: str) -> None:
    with connected(patient) as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        assert status(connection.recv(2**16)) == 404
        connection.sendall(b"cd")
        time.sleep(LINGER + 0.5)
        connection.sendall(asked())
        assert status(answer(connection)) == 200


def test_who_hangs_up_with_several_requests_under_way_leaves_nothing(store: Store) -> None:
    with listening(store) as address:
        for seed in range(3):
            with connected(address) as connection:
                for n in (64, 63):
                    connection.sendall(b"GET /generate?n=%d&seed=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (n, 1000 * seed))
        gone, text = 'figment_cancelled_total{reason="client-gone"} 3.0', ""
        end = time.monotonic() + PATIENCE
        while gone not in text:
            assert time.monotonic() < end, text
            text = httpx.get(f"http://{address}/metrics", trust_env=False).text
        while "figment_requests_in_progress 1.0" not in (
            text := httpx.get(f"http://{address}/metrics", trust_env=False).text
        ):
            assert time.monotonic() < end, text
    assert 'outcome="failed"' not in text


def test_what_stands_behind_a_body_is_no_header(store: Store) -> None:
    head = b"POST /generate HTTP/1.1\r\nHost: figment\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunks = b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"n":1}\r\n0\r\n%s\r\n'
    with listening(store, rate="10/hour", trusted_proxies="127.0.0.1") as address:
        for trailer, left in ((b"X-Forwarded-For: 192.0.2.7\r\n", 9), (b"X-Forwarded-For: 192.0.2.8\r\n", 8)):
            with connected(address) as connection:
                connection.sendall(head + chunks % trailer)
                received = answer(connection)
            assert status(received) == 200
            assert b"r=%d;" % left in received


@pytest.mark.parametrize("wrong", [b"noise\r\n\r\n", QUICK * (MAX_PIPELINED + 2)])
def test_nothing_is_written_into_an_answer_that_has_begun(store: Store, wrong: bytes) -> None:
    images = {"name": "images", "parameters": {"binary_data": True}}
    seeds = {"name": "seeds", "shape": [64, 1], "datatype": "INT64", "data": list(range(64))}
    body = json.dumps({"inputs": [seeds], "outputs": [images]}).encode()
    head = b"POST /v2/models/large/infer HTTP/1.1\r\nHost: figment\r\nContent-Type: application/json\r\n"
    with listening(store, send_seconds=600) as address, connected(address, SO_RCVBUF=4096) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        begun = connection.recv(2000)  # 50 MB are to come, which nobody takes yet
        assert status(begun) == 200
        connection.sendall(QUICK)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(wrong)
        received = answer(connection)
    assert b"HTTP/1.1 " not in received


def test_forwarded_addresses_are_believed_of_trusted_proxies_alone(store: Store) -> None:
    forwarded = {"X-Forwarded-For": "192.0.2.7"}
    for trusted, found in (("", [9, 8]), ("127.0.0.1", [9, 9])):
        with (
            listening(store, rate="10/hour", trusted_proxies=trusted) as address,
            httpx.Client(trust_env=False) as http,
        ):
            headers = [http.get(f"http://{address}/images/7.png", headers=given).headers for given in ({}, forwarded)]
            assert [int(each["RateLimit"].split(";")[1].removeprefix("r=")) for each in headers] == found


def test_the_bounds_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "http.md").read_text()
    for number in (MAX_URL, MAX_HEADERS):
        assert f"{number:,} bytes" in text
    assert f"more than {MAX_HEADER_COUNT}" in text
    security = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    assert f"| a body whose request is answered | {LINGER:g} s" in security
