"""Where the service is and how long to wait for it: checked once, shared by both clients."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from .errors import InvalidArgument
from .version import __version__

if TYPE_CHECKING:
    import httpx

URL_VARIABLE = "FIGMENT_URL"
KEY_VARIABLE = "FIGMENT_KEY"
DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT_S = 60.0  # beyond the deadline a service sets itself, whose refusal tells more than our timeout
CONNECT_TIMEOUT_S = 5.0  # a server that is there accepts at once, however busy it is
DEFAULT_MAX_RETRIES = 3


@dataclass(frozen=True)
class Settings:
    """
    `base_url` without a slash at its end; `timeout` in seconds, of each read and write, or None for no limit;
    `max_retries` is the number of attempts after the first, 0 or more; `key` is empty where there is none.
    """

    base_url: str
    timeout: float | None
    max_retries: int
    key: str = field(default="", repr=False)

    def credentials(self) -> dict[str, str]:
        """The header with the key (RFC 6750), if there is one; httpx drops it at a redirect to another host."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def http_options(self) -> dict[str, Any]:
        """The keyword arguments that httpx.Client and httpx.AsyncClient have in common."""
        return {"headers": {"User-Agent": f"figment-client/{__version__}"}}

    def http_timeout(self) -> httpx.Timeout:
        """The limits of one request, whichever httpx client sends it."""
        import httpx

        connect = CONNECT_TIMEOUT_S if self.timeout is None else min(self.timeout, CONNECT_TIMEOUT_S)
        return httpx.Timeout(self.timeout, connect=connect)

    def address(self, request: str) -> str:
        """The full address of a path and query below the base URL, without the password that may hold."""
        url = urlsplit(self.base_url)
        public = SplitResult(url.scheme, url.netloc.rpartition("@")[2], url.path, "", "")
        return public.geturl() + request


def checked_settings(
    base_url: str | None,
    timeout: float | None,
    max_retries: int,
    environment: Mapping[str, str] = os.environ,
    key: str | None = None,
) -> Settings:
    """
    The settings, with the URL from FIGMENT_URL or the default and the key from FIGMENT_KEY where none is given; or
    InvalidArgument, which does not repeat the key.
    """
    url = base_url or environment.get(URL_VARIABLE) or DEFAULT_URL
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise InvalidArgument(f"timeout {timeout}: seconds above 0 are needed, or None for no limit")
    if max_retries < 0:
        raise InvalidArgument(f"max_retries {max_retries}: 0 or more is needed")
    secret = environment.get(KEY_VARIABLE, "") if key is None else key
    if not all("!" <= character <= "~" for character in secret):
        raise InvalidArgument("key: letters, digits and signs of ASCII are needed, without spaces or line ends")
    return Settings(_checked_url(url), timeout, max_retries, secret)


def _checked_url(text: str) -> str:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - reading it raises ValueError where it is no port
    except ValueError as error:
        raise InvalidArgument(f"base URL {text!r}: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InvalidArgument(f"base URL {text!r}: http://HOST or https://HOST is needed")
    if url.query or url.fragment:
        raise InvalidArgument(f"base URL {text!r}: a path may follow the host, but no query or fragment")
    return text.rstrip("/")
