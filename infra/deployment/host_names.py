"""Whether an app's host names point at its machine, as this computer's resolver sees it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pulumi

TIMEOUT = 2.0
"""Seconds for all names together. A resolver that takes longer says nothing: this is a hint and no more."""
UNKNOWN_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
PRIVATE = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
"""Networks behind a router, which visitors reach by another address. Source: RFC 1918, RFC 6598."""
FRONTED = "If a CDN or a load balancer is in front of the machine, name its networks in launchpad:trusted_proxies."

Addresses = frozenset[str]
Resolver = Callable[[str], Addresses | None]


def lookup(name: str) -> Addresses | None:
    """The addresses of a name, or of an address itself.

    Returns:
        Empty if there is no such name; None if the resolver does not know.
    """
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        return frozenset() if error.errno in UNKNOWN_NAME else None
    except (OSError, UnicodeError):
        return None


@dataclass
class Lookups:
    """Names that are being looked up, each in a thread of its own, for which nobody waits at the end."""

    resolver: Resolver
    timeout: float = TIMEOUT
    _found: dict[str, Addresses | None] = field(default_factory=dict)
    _threads: dict[str, threading.Thread] = field(default_factory=dict)

    def begin(self, names: Iterable[str]) -> None:
        """Look names up, those that are new."""
        for name in names:
            if name not in self._threads:
                self._threads[name] = threading.Thread(target=self._look, args=(name,), daemon=True)
                self._threads[name].start()

    def _look(self, name: str) -> None:
        self._found[name] = self.resolver(name)

    def results(self) -> dict[str, Addresses | None]:
        """The addresses of all names, None for those that are not known in time."""
        until = time.monotonic() + self.timeout
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        return {name: self._found.get(name) for name in self._threads}


def watch(names: tuple[str, ...], address: pulumi.Output[str], *, acme: bool, resource: pulumi.Resource) -> None:
    """Warn of names that do not point at the machine, as soon as its address is known: before ACME is asked for them.

    Args:
        names: The app's host names.
        address: The machine's address or host name.
        acme: Whether the names get certificates by ACME.
        resource: What the warnings are about.
    """
    lookups = Lookups(lookup)
    lookups.begin(names)

    async def warn(machine: str) -> list[str]:
        found = await asyncio.to_thread(warnings, lookups, names, machine, acme=acme)
        for text in found:
            pulumi.log.warn(text, resource)
        return found

    def begin(machine: str) -> pulumi.Input[list[str]]:
        return warn(machine)

    address.apply(begin)


def warnings(lookups: Lookups, names: tuple[str, ...], machine: str, *, acme: bool) -> list[str]:
    """What to say of the names that do not point at the machine.

    Args:
        lookups: Where the names are being looked up.
        names: The app's host names.
        machine: The machine's address, or its own host name.
        acme: Whether the names get certificates by ACME.
    """
    lookups.begin([*names, machine])
    found = lookups.results()
    own = found[machine]
    return [text for name in names if own and (text := _warning(name, found, own, acme=acme))]


def _warning(name: str, found: Mapping[str, Addresses | None], own: Addresses, *, acme: bool) -> str:
    """What to say of one name; empty if it points at the machine, or nobody knows."""
    there = found[name]
    if there is None or there & own or (there and all(_is_private(address) for address in own)):
        return ""
    leads = f"resolves to {_listed(there)}, and not to this machine" if there else "does not resolve"
    record = "A record" if any("." in address for address in own) else "AAAA record"
    without = ", and ACME issues no certificate for it." if acme else "."
    return (
        f"launchpad:domain: {name} {leads}. Set its {record} to {_listed(own)}; until then visitors do not find the "
        f"app by this name{without}{f' {FRONTED}' if there else ''}"
    )


def _listed(addresses: Addresses) -> str:
    return ", ".join(sorted(addresses, key=lambda text: (":" in text, text)))


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return any(parsed in network for network in PRIVATE)
