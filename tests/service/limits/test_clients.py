import pytest

from service.limits.clients import address_of, network_of

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


def test_an_address_is_named_by_its_network() -> None:
    assert address_of({"client": ("192.0.2.7", 1)}) == "address 192.0.2.7"
    assert address_of({"client": None}) == "address unknown"
