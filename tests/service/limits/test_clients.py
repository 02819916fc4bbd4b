import pytest

from service.access.keys import Key
from service.limits.clients import client_of, network_of

NETWORKS = {
    "192.0.2.7": "192.0.2.7",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
    "2001:db8:1:2::": "2001:db8:1:2::/64",
    "2001:db8:1:3::1": "2001:db8:1:3::/64",
    "fe80::1%eth0": "fe80::/64",
    "::ffff:192.0.2.7": "192.0.2.7",
    "": "unknown",
    "unix:": "unknown",
    "x" * 10_000: "unknown",
}


@pytest.mark.parametrize("host", NETWORKS)
def test_an_address_counts_by_its_network(host: str) -> None:
    assert network_of(host) == NETWORKS[host]


def test_a_key_counts_wherever_it_is_used() -> None:
    key = Key.model_validate({"name": "alice", "sha256": "a" * 64, "scopes": ["generate"]})
    one, other = ({"client": (host, 1), "state": {"key": key}} for host in ("192.0.2.7", "192.0.2.8"))
    assert client_of(one) == client_of(other) == "key alice"
    assert client_of({"client": ("192.0.2.7", 1)}) == "address 192.0.2.7"
    assert client_of({"client": None}) == "address unknown"
