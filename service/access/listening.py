"""Where the service may listen without keys: on this machine only, unless it is told otherwise in words."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import get_args

from service.settings import Open, Settings

_, WORDS = get_args(Open)
"""The only value of FIGMENT_OPEN: nobody sets it by accident, and whoever reads it knows what it does."""


def refusal(settings: Settings) -> str | None:
    """Why the service does not start where its settings say; None if it may.

    It may with keys, with the words, or where nobody but this machine reaches it: by FIGMENT_PUBLISHED, if that is set,
    since a container always listens on all of its own addresses; else by FIGMENT_HOST.
    """
    if settings.keys or settings.open:
        return None
    if settings.published:
        host, name = host_of(settings.published), f"FIGMENT_PUBLISHED={settings.published}"
    else:
        host, name = settings.host, f"FIGMENT_HOST={settings.host}"
        if host and not addresses_of(host):
            return None  # nobody can listen there, which is told when it is tried
    if is_loopback(host):
        return None
    return (
        f"{name} is open to other machines, and there are no keys: set FIGMENT_KEYS to a file of keys, or "
        f"FIGMENT_OPEN={WORDS}, or listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether all addresses of a host are this machine's own; a name that has none here may have one elsewhere."""
    found = addresses_of(host)
    return bool(found) and all(address.is_loopback for address in found)


def addresses_of(host: str) -> list[IPv4Address | IPv6Address]:
    """Those of a name or of an address itself; none of an empty name, or of one that is not known here."""
    try:
        return [ip_address(host.strip("[]"))]
    except ValueError:
        pass
    if not host:
        return []
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def host_of(published: str) -> str:
    """The host of `HOST:PORT`; empty of a port alone, which Docker publishes on all addresses."""
    return published.rpartition(":")[0]
