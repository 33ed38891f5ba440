"""The ports of an app: two on loopback for its slots, and the public ones, which must be free or the proxy's own."""

from __future__ import annotations

from collections.abc import Collection

from infra.agent.proxy import former, include, proxy
from infra.agent.proxy.site import Site
from infra.agent.system import sockets, systemd
from infra.agent.system.failure import Failure

FIRST, LAST = 20001, 29999
"""The range of the slots' ports, below those that Linux assigns to clients (net.ipv4.ip_local_port_range)."""


def free_pair() -> tuple[int, int]:
    """Two neighbouring loopback ports that no app has and nothing listens on.

    Raises:
        Failure: There are none.
    """
    taken = {port for site in proxy.sites() for port in (site.blue, site.green)}
    taken |= {listener.port for listener in sockets.listeners()}
    pair = first_pair(taken)
    if pair is None:
        raise Failure(f"No two free loopback ports are left between {FIRST} and {LAST}.")
    return pair


def first_pair(taken: Collection[int]) -> tuple[int, int] | None:
    """The first pair of the range of which neither port is taken; None if there is none."""
    return next(((port, port + 1) for port in range(FIRST, LAST, 2) if not {port, port + 1} & set(taken)), None)


def check_public(settings: Site) -> None:
    """Refuse public ports that another program listens on.

    Args:
        settings: The app's site, as it is to be.

    Raises:
        Failure: Names the port and the program, and what to do.
    """
    ports = {settings.http_port, 443} if settings.domain else {settings.http_port}
    listening = sockets.listeners()
    inodes = {listener.inode: listener.port for listener in listening if listener.port in ports}
    if not inodes:
        return
    own = {*systemd.processes(systemd.state(proxy.UNIT)), *former.processes()}
    if all(sockets.holders([inode], own) for inode in inodes):
        return
    for pid in sockets.all_processes():
        for inode in sockets.sockets_of(pid) & set(inodes):
            if pid not in own:
                names = (settings.domain, *settings.aliases) if settings.domain else ()
                free = first_free(
                    {listener.port for listener in listening} | {site.http_port for site in proxy.sites()}
                )
                advice = include.advice(sockets.program(pid), settings.app, names, free)
                raise Failure(f"Port {inodes[inode]} is taken by {sockets.name(pid)}. {advice}")


def first_free(taken: Collection[int]) -> int:
    """A public port for an app behind another web server; 8080 unless that is taken."""
    return next(port for port in range(8080, 65536) if port not in taken)
