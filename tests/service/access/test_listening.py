"""Without keys the service listens on this machine only, unless it is told otherwise in words."""

import socket

import pytest

from service import cli
from service.access.listening import WORDS, host_of, is_loopback, refusal
from service.settings import Settings

ALLOWED: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"host": "127.0.0.1"}, True),
    ({"host": "127.8.8.8"}, True),
    ({"host": "::1"}, True),
    ({"host": "localhost"}, True),
    ({"host": "0.0.0.0"}, False),
    ({"host": "::"}, False),
    ({"host": "192.0.2.1"}, False),
    ({"host": "0.0.0.0", "keys": "keys.toml"}, True),
    ({"host": "0.0.0.0", "open": WORDS}, True),
    ({"host": "0.0.0.0", "published": "127.0.0.1:8000"}, True),
    ({"host": "0.0.0.0", "published": "[::1]:8000"}, True),
    ({"host": "0.0.0.0", "published": "0.0.0.0:80"}, False),
    ({"host": "0.0.0.0", "published": "8000"}, False),
    ({"host": "0.0.0.0", "published": ":8000"}, False),
    ({"host": "127.0.0.1", "published": "0.0.0.0:80"}, False),
    ({"host": "0.0.0.0", "published": "0.0.0.0:80", "open": WORDS}, True),
]


@pytest.mark.parametrize(("given", "allowed"), ALLOWED)
def test_where_it_may_listen(given: dict[str, str], allowed: bool) -> None:
    reason = refusal(Settings.model_validate(given))
    assert (reason is None) is allowed
    if reason is not None:
        assert "FIGMENT_KEYS" in reason
        assert f"FIGMENT_OPEN={WORDS}" in reason


def test_the_words_are_those_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_OPEN", WORDS)
    assert Settings().open == WORDS


@pytest.mark.parametrize("word", ["yes", "1", "true", WORDS.upper()])
def test_other_words_are_refused(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("FIGMENT_OPEN", word)
    with pytest.raises(ValueError, match=WORDS):
        Settings()


def test_the_command_says_so_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["service"])
    monkeypatch.setenv("FIGMENT_HOST", "0.0.0.0")
    monkeypatch.setattr(cli, "create_app", lambda *_: pytest.fail("it went on"))
    assert cli.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("figment: FIGMENT_HOST=0.0.0.0 is open to other machines, and there are no keys: ")


def test_a_name_counts_by_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["127.0.0.1", "192.0.2.1"]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in found],
    )
    assert not is_loopback("figment.example")
    found.pop()
    assert is_loopback("figment.example")


def test_a_name_without_an_address_here_may_have_one_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert not is_loopback("gallery.lan")
    assert refusal(Settings.model_validate({"published": "gallery.lan:80"})) is not None


@pytest.mark.parametrize(
    ("published", "host"), [("127.0.0.1:80", "127.0.0.1"), ("80", ""), ("[::1]:80", "[::1]"), (":80", "")]
)
def test_the_host_of_what_is_published(published: str, host: str) -> None:
    assert host_of(published) == host
