"""Keys: a file of names, hashes and scopes; the tokens themselves are nowhere on the server.

    [[key]]
    name = "alice"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    scopes = ["generate", "project"]
    rate = "600/minute"
    expires = 2027-01-01T00:00:00Z

A token holds 256 random bits, so nobody finds it by trying, and a fast hash is right: slow ones (bcrypt, Argon2) are
for passwords, which people choose; here one would only take our own time, for every request (NIST SP 800-63B, 5.1.2.2,
asks for a salt and a slow hash below 112 bits only).
"""

import hashlib
import hmac
import secrets
import stat
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from service.limits.rates import Rate

Scope = Literal["generate", "project", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

PREFIX: Final = "figment_"
"""Of every token, so that whoever finds one, and programs that look for secrets, know what it is."""
TOKEN_BYTES: Final = 32
"""Random bytes of a token: 256 bits."""
MAX_TOKEN: Final = 256
"""Characters of what is taken for a token: more is not hashed."""
MAX_FILE: Final = 2**22
"""Bytes of the file."""
MAX_KEYS: Final = 10_000
"""Each request is compared with all of them, which takes about a millisecond for so many."""


class KeyFileError(ValueError):
    """The file cannot be read or says nothing that holds; the message is for whoever runs the service."""


class Key(BaseModel):
    """One key, as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """For logs and refusals: letters, digits, dots and hyphens."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    """Of the token, in hexadecimal."""
    scopes: frozenset[Scope] = Field(min_length=1)
    """What it may do; `admin` does not include the others."""
    rate: Rate | None = None
    """Images, such as `600/minute`, instead of FIGMENT_RATE."""
    expires: AwareDatetime | None = None
    """From then on it is refused; with its time zone."""

    def is_expired(self, now: datetime) -> bool:
        """Whether it ended before `now`."""
        return self.expires is not None and now >= self.expires


class KeyFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[tuple[Key, ...], Field(max_length=MAX_KEYS)] = ()


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        KeyFileError: it cannot be read, is no TOML, is not what `Key` says, has a name or hash twice, no key and no
            `key = []`, or everybody may write it.
    """
    table = _table(path, _content(path))
    if isinstance(table.get("key"), dict):
        raise KeyFileError(f"{path}: [key] is a single one; write [[key]] before each")
    if not table:  # as of a file that is cut off
        raise KeyFileError(
            f"{path}: it has no [[key]]; python -m service.access new NAME makes one, and `key = []` says that there "
            "is none"
        )
    try:
        keys = KeyFile.model_validate(table).key
    except ValidationError as error:
        # Not the value: it may be a token that somebody put where its hash belongs.
        first = error.errors(include_url=False, include_input=False)[0]
        raise KeyFileError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    _check_unique(path, keys)
    return keys


def _content(path: Path) -> bytes:
    try:
        mode, folder = path.stat().st_mode, path.parent.stat().st_mode
        if not stat.S_ISREG(mode):  # reading might never end
            raise KeyFileError(f"{path}: it is no file")
        if mode & stat.S_IWOTH:
            raise KeyFileError(f"{path}: everybody on this machine may write it; chmod o-w it")
        if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
            raise KeyFileError(f"{path}: everybody on this machine may write its folder; chmod o-w {path.parent}")
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    if len(content) > MAX_FILE:
        raise KeyFileError(f"{path}: it has more than {MAX_FILE} bytes")
    return content


def _table(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise KeyFileError(f"{path}: no TOML: it is nested too deep") from None
    except ValueError as error:
        raise KeyFileError(f"{path}: no TOML: {error}") from None


def _check_unique(path: Path, keys: tuple[Key, ...]) -> None:
    for what in ("name", "sha256"):
        if len({getattr(key, what) for key in keys}) < len(keys):
            raise KeyFileError(f"{path}: two keys have the same {what}")


def find(token: str, keys: tuple[Key, ...]) -> Key | None:
    """The key of a token, or None. All are compared, each in constant time: how long it takes tells nothing of them."""
    if len(token) > MAX_TOKEN:
        return None
    digest, found = hash_of(token), None
    for key in keys:
        if hmac.compare_digest(digest, key.sha256):
            found = key
    return found


def hash_of(token: str) -> str:
    """The SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def new_token() -> str:
    """A token of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def now() -> datetime:
    """The time, for `Key.is_expired`."""
    return datetime.now(UTC)
