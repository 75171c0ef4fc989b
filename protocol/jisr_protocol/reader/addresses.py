"""Which internet addresses Jisr may be sent to by somebody else's word. Pure: names are resolved elsewhere.

A partner registers an address and our own machine fetches it, so the address must lead to the public internet
and to nothing else: not to this machine, its network or its cloud's keys. `ipaddress.is_global` does not do:
on Python 3.11 it says yes to 64:ff9b::/96, 64:ff9b:1::/48, 2002::/16, 192.0.0.8, 224.0.0.0/4 and ff02::/16.

IPv4 is public unless a range below says otherwise. IPv6 is public only within 2000::/3, all that has been
given out for it (RFC 4291 section 2.4, IANA), and there too unless a range says otherwise. An IPv6 form that
carries an IPv4 address is never public, not even for a public one: nobody needs it, and it hides the target.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

PUBLIC = "public"

_SPECIAL = [
    ("0.0.0.0/8", "unspecified"),  # RFC 1122 section 3.2.1.3: this host on this network
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "carrier-shared"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122 section 3.2.1.3
    ("168.63.129.16/32", "cloud platform"),  # no RFC: the inside of Azure behind a public number
    ("169.254.0.0/16", "link-local"),  # RFC 3927; where clouds hand out their keys
    ("172.16.0.0/12", "private"),  # RFC 1918
    ("192.0.0.0/24", "protocol assignment"),  # RFC 6890 section 2.1; 192.0.0.8 is RFC 7600
    ("192.0.2.0/24", "documentation"),  # RFC 5737
    ("192.88.99.0/24", "6to4 relay"),  # RFC 7526
    ("192.168.0.0/16", "private"),  # RFC 1918
    ("198.18.0.0/15", "benchmarking"),  # RFC 2544
    ("198.51.100.0/24", "documentation"),  # RFC 5737
    ("203.0.113.0/24", "documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("255.255.255.255/32", "broadcast"),  # RFC 919 section 7
    ("240.0.0.0/4", "reserved"),  # RFC 1112 section 4
    ("::/128", "unspecified"),  # RFC 4291 section 2.5.2
    ("::1/128", "loopback"),  # RFC 4291 section 2.5.3
    ("::ffff:0:0/96", "IPv4-mapped"),  # RFC 4291 section 2.5.5.2
    ("::/96", "IPv4-compatible"),  # RFC 4291 section 2.5.5.1
    ("64:ff9b::/96", "IPv4 translation"),  # RFC 6052
    ("64:ff9b:1::/48", "IPv4 translation"),  # RFC 8215
    ("100::/64", "discard"),  # RFC 6666
    ("2001::/32", "Teredo"),  # RFC 4380
    ("2001::/23", "protocol assignment"),  # RFC 2928; benchmarking RFC 5180, ORCHID RFC 7343, DRIP RFC 9374
    ("2001:db8::/32", "documentation"),  # RFC 3849
    ("2002::/16", "6to4"),  # RFC 3056
    ("3fff::/20", "documentation"),  # RFC 9637
    ("fc00::/7", "private"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291 section 2.5.6
    ("fec0::/10", "site-local"),  # RFC 3879
    ("ff00::/8", "multicast"),  # RFC 4291 section 2.7
]
_RANGES: list[tuple[IPv4Network | IPv6Network, str]] = [(ip_network(text), name) for text, name in _SPECIAL]
_GIVEN_OUT = IPv6Network("2000::/3")

LOCAL_CLASSES = frozenset({"loopback", "private", "carrier-shared"})
"""What `allow_private` opens for a demonstration or a closed network; nothing else is ever dialled."""


def is_public(ip: str | Address) -> bool:
    """Whether this is the number of a host on the public internet; False also for what is no address."""
    return address_class(ip) == PUBLIC


def address_class(ip: str | Address) -> str:
    """Name the kind of an address: "public", or what makes it special, for example "loopback" or "Teredo"."""
    try:
        address = ip_address(ip)
    except ValueError:
        return "not an address"
    # RFC 4007 section 11: a zone means something on this machine only
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "zoned"
    for network, name in _RANGES:
        if address in network:
            return name
    if isinstance(address, IPv6Address) and address not in _GIVEN_OUT:
        return "reserved"
    return PUBLIC
