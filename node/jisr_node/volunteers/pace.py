"""How fast an open form may be used: so many in an hour of one network, so many of all. Pure; kept in memory only, for
what a restart forgets is an hour old at most."""

from __future__ import annotations

import ipaddress
from collections import deque
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
OF_ONE, OF_ALL = 5, 60
"""A family at one connection gets through; whoever fills in forms by a program does not."""


class Pace:
    """Counts what was let through in the last hour, at most OF_ALL moments."""

    def __init__(self) -> None:
        self._passed: deque[tuple[datetime, str]] = deque()

    def lets(self, address: str, now: datetime) -> bool:
        """Whether one more may pass from this address; what passes counts."""
        while self._passed and self._passed[0][0] <= now - HOUR:
            self._passed.popleft()
        block = network(address)
        if len(self._passed) >= OF_ALL or sum(of == block for _, of in self._passed) >= OF_ONE:
            return False
        self._passed.append((now, block))
        return True


def network(address: str) -> str:
    """The network of an address, as one source: IPv4 /24, IPv6 /48; "" where there is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
