"""The file of keys: what is taken, what is refused, and that no token is in it or in what is said of it."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.access import keys as module
from service.access.keys import Key, KeyFileError, find, hash_of, new_token, read_keys

HASH = "a" * 64


def lines(name: str = "alice", sha256: str = HASH, scopes: str = '["generate"]', more: str = "") -> str:
    return f'[[key]]\nname = "{name}"\nsha256 = "{sha256}"\nscopes = {scopes}\n{more}\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_a_key_has_what_the_file_says(tmp_path: Path) -> None:
    more = 'rate = "600/minute"\nexpires = 2027-01-01T00:00:00Z'
    (key,) = read_keys(written(tmp_path, lines(scopes='["generate", "project"]', more=more)))
    assert (key.name, key.sha256, key.scopes) == ("alice", HASH, {"generate", "project"})
    assert key.rate is not None
    assert (key.rate.images, key.rate.seconds) == (600, 60)
    assert not key.is_expired(datetime(2026, 12, 31, tzinfo=UTC))
    assert key.is_expired(datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("text", "names"), [("key = []", []), ("\ufeff" + lines(), ["alice"])])
def test_no_key_can_be_said_and_a_byte_order_mark_is_no_harm(tmp_path: Path, text: str, names: list[str]) -> None:
    path = written(tmp_path, "")
    path.write_text(text, encoding="utf-8")
    assert [key.name for key in read_keys(path)] == names


WRONG = {
    "a comment alone": ("# none yet", r"it has no \[\[key\]\]; .*`key = \[\]` says"),
    "one table": ("[key]\n" + lines().partition("\n")[2], r"write \[\[key\]\]"),
    "a number for a rate": (lines(more="rate = 5"), "rate: .*in quotation marks"),
    "nothing": ("", r"it has no \[\[key\]\]"),
    "no TOML": ("[[key", "no TOML"),
    "no UTF-8": ("\udcff", "no TOML"),
    "no hash": ('[[key]]\nname = "a"\nscopes = ["generate"]', "sha256: Field required"),
    "a token for a hash": (lines(sha256="figment_" + "x" * 43), "sha256: String should match"),
    "no scope": (lines(scopes="[]"), "scopes: "),
    "an unknown scope": (lines(scopes='["root"]'), "scopes.0: Input should be 'generate', 'project' or 'admin'"),
    "an unknown field": (lines(more="admin = true"), "admin: Extra inputs"),
    "an unknown table": ("[keys]\n" + lines(), "keys: Extra inputs"),
    "a rate of nothing": (lines(more='rate = "0/minute"'), "rate: .*such as 600/minute"),
    "an end without a zone": (lines(more="expires = 2027-01-01T00:00:00"), "expires: Input should have timezone"),
    "a name of several lines": (lines(name="a\\nb"), "name: String should match"),
    "two of a name": (lines() + lines(sha256="b" * 64), "two keys have the same name"),
    "two of a hash": (lines() + lines(name="bob"), "two keys have the same sha256"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, case: str) -> None:
    text, reason = WRONG[case]
    path = tmp_path / "keys.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeyFileError, match=reason) as refused:
        read_keys(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "x" * 43 not in str(refused.value), "what stands where a hash belongs may be a token"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_keys(tmp_path / "keys.toml")


def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    path.chmod(0o646)
    with pytest.raises(KeyFileError, match="everybody on this machine may write it"):
        read_keys(path)


def test_a_file_in_a_folder_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, lines())
    tmp_path.chmod(0o777)
    with pytest.raises(KeyFileError, match="everybody on this machine may write its folder"):
        read_keys(path)
    tmp_path.chmod(0o1777)  # but each only its own files: as /tmp, and as Kubernetes mounts a Secret
    assert len(read_keys(path)) == 1


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyFileError, match="it is no file"):
        read_keys(path)


def test_a_file_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no TOML"):
        read_keys(written(tmp_path, "a = " + "[" * 100_000))


def test_a_file_without_an_end_is_not_read_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 10)
    with pytest.raises(KeyFileError, match="more than 10 bytes"):
        read_keys(written(tmp_path, lines()))


def key_of(token: str, name: str) -> Key:
    return Key.model_validate({"name": name, "sha256": hash_of(token), "scopes": ["generate"]})


def test_a_token_finds_its_key_and_no_other() -> None:
    tokens = [new_token() for _ in range(3)]
    keys = tuple(key_of(token, f"key-{i}") for i, token in enumerate(tokens))
    for i, token in enumerate(tokens):
        assert find(token, keys) == keys[i]
        for other in (token[:-1], token + "x", token.upper(), keys[i].sha256, "", "x" * 10**6):
            assert find(other, keys) is None


def test_each_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(module.hmac, "compare_digest", compare)
    keys = tuple(key_of(token, f"key-{token}") for token in ("a", "b", "c"))
    assert find("a", keys) == keys[0]
    assert compared == [key.sha256 for key in keys], "the first that agrees must not end it"


def test_a_token_has_256_random_bits_and_says_what_it_is() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"figment_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_key_shows_no_hash() -> None:
    key = key_of("a", "alice")
    assert key.sha256 not in repr(key)
    assert not key.is_expired(datetime.now(UTC) + timedelta(days=10_000))
