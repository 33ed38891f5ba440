"""The addresses of machines: each has its own /30, from a range that ordinary networks do not use."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

RANGE = ipaddress.IPv4Network("198.18.0.0/16")
"""Half of the range that RFC 2544 reserves for benchmarks of network devices. It is not routed on the internet, and it
is none of the private ranges that home, office and VPN networks use."""

LINKS = 2**14
"""Number of /30 networks in the range."""


class RangeUsedUp(Exception):
    """Every /30 of the range is in use."""


def link(number: int) -> ipaddress.IPv4Network:
    """The /30 with this number, from 0 to 16383."""
    return ipaddress.IPv4Network((int(RANGE.network_address) + 4 * number, 30))


def choose(preferred: int, taken: Collection[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Choose a free /30, starting the search at a preferred number.

    Args:
        preferred: The number of the link to try first, from 0 to 16383.
        taken: Networks that the link must not overlap.

    Raises:
        RangeUsedUp: No /30 is free.
    """
    numbers: set[int] = set()
    for network in taken:
        if network.overlaps(RANGE):
            first = max(int(network.network_address), int(RANGE.network_address))
            last = min(int(network.broadcast_address), int(RANGE.broadcast_address))
            start = int(RANGE.network_address)
            numbers.update(range((first - start) // 4, (last - start) // 4 + 1))
    for step in range(LINKS):
        number = (preferred + step) % LINKS
        if number not in numbers:
            return link(number)
    raise RangeUsedUp(f"every /30 of {RANGE} is in use on this computer")


def host_side(network: ipaddress.IPv4Network) -> str:
    """The address of this computer on a machine's link."""
    return str(network[1])


def machine_side(network: ipaddress.IPv4Network) -> str:
    """The address of the machine on its link."""
    return str(network[2])
