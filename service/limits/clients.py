"""Which addresses count as one: of IPv6 a whole /64, of which every home has its own."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

NETWORK: Final = 64
"""Bits of an IPv6 address that count: whoever has one address has all of its /64 (RFC 6177)."""


def address_of(scope: Mapping[str, Any]) -> str:
    """The name that a request's address is counted under."""
    host = (scope.get("client") or ("", 0))[0]
    return f"address {network_of(host)}"


def network_of(host: str) -> str:
    """An IPv4 address as it is, of an IPv6 address its /64; what is neither counts as one client, "unknown"."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address) >> (128 - NETWORK) << (128 - NETWORK), NETWORK)))
