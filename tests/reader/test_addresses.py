"""The guard's list: what may be dialled by somebody else's word, and what never."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol.reader.addresses import LOCAL_CLASSES, address_class, is_public

SPECIAL = [
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("100.64.0.1", "carrier-shared"),
    ("100.100.100.200", "carrier-shared"),
    ("100.127.255.255", "carrier-shared"),
    ("169.254.169.254", "link-local"),
    ("168.63.129.16", "cloud platform"),
    ("192.0.0.8", "protocol assignment"),
    ("192.0.0.192", "protocol assignment"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::8.8.8.8", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:169.254.169.254", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped"),
    ("::ffff:0:127.0.0.1", "reserved"),
    ("64:ff9b::7f00:1", "IPv4 translation"),
    ("64:ff9b::808:808", "IPv4 translation"),
    ("64:ff9b:1::a00:1", "IPv4 translation"),
    ("100::1", "discard"),
    ("2001::1", "Teredo"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
    ("2001:2::1", "protocol assignment"),
    ("2001:10::1", "protocol assignment"),
    ("2001:20::1", "protocol assignment"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4"),
    ("2002:a00:1::1", "6to4"),
    ("3fff::1", "documentation"),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "zoned"),
    ("2606:4700:4700::1111%eth0", "zoned"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("ff0e::1", "multicast"),
    ("localhost", "not an address"),
    ("0x7f.1", "not an address"),
    ("2130706433", "not an address"),
    ("127.1", "not an address"),
    ("", "not an address"),
]


@pytest.mark.parametrize(("address", "expected"), SPECIAL)
def test_a_special_address_is_named_and_not_public(address: str, expected: str) -> None:
    assert address_class(address) == expected
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.169.0.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "2003::1",
        "3ffe:ffff::1",
    ],
)
def test_neighbours_of_special_ranges_are_public(address: str) -> None:
    assert address_class(address) == "public"
    assert is_public(address)
    assert is_public(ip_address(address))


def test_the_holes_of_the_standard_library_are_closed() -> None:
    holes = ["64:ff9b::1", "64:ff9b:1::1", "2002::1", "192.0.0.8", "224.0.0.1", "ff02::1", "100.64.0.1"]
    for address in holes:
        assert not is_public(address)


def test_what_a_closed_network_may_open_never_includes_the_keys_of_a_cloud() -> None:
    for address in ["169.254.169.254", "fe80::1", "168.63.129.16", "::ffff:169.254.169.254", "0.0.0.0"]:
        assert address_class(address) not in LOCAL_CLASSES


@given(st.integers(0, 2**32 - 1))
def test_nothing_private_by_the_standard_library_is_public_here(number: int) -> None:
    address = IPv4Address(number)
    if address.is_private or address.is_multicast or address.is_reserved:
        assert not is_public(address)
    mapped = IPv6Address(f"::ffff:{address}")
    assert not is_public(mapped)


@given(st.integers(0, 2**128 - 1))
def test_no_ipv6_address_outside_what_is_given_out_is_public(number: int) -> None:
    address = IPv6Address(number)
    if not address.is_global or number >> 125 != 1:
        assert not is_public(address)
