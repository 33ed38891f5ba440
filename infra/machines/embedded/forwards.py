"""Ports of this computer's loopback that lead to a machine, so that it has a name: ``http://APP.localhost:PORT``.

Names below ``localhost`` are this computer for every browser and for curl, and web frameworks that allow no host yet
allow these. The kernel forwards the connections: an nftables table for each machine, which nothing but this computer's
own loopback can use.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from infra.machines.embedded import network, record
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError, run
from infra.protocol.firewall import Rule

FIRST, LAST = 28000, 29999
"""The ports of this computer: below those that it chooses for its own connections, and used by no common service."""
NEVER = (22, 443)
"""Ports of the machine that no name on loopback is of use for: SSH has the address, a certificate its domain."""
FORWARD = re.compile(r"tcp dport (\d+) dnat")
SETTINGS = Path("/proc/sys/net/ipv4/conf")


def wanted(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The machine's ports that this computer forwards to, as texts in order of their numbers.

    Whom the machine's own firewall lets in stays its affair: whoever may use the address may use loopback.
    """
    ports = {
        rule.from_port
        for rule in rules
        if rule.direction == "ingress" and rule.protocol == "tcp" and rule.from_port == rule.to_port
        if rule.from_port not in NEVER
    }
    return tuple(map(str, sorted(ports)))


def choose(preferred: int, taken: Collection[int]) -> int:
    """Choose a free port of this computer.

    Args:
        preferred: The number to try first, counted from ``FIRST``; any whole number.
        taken: The ports of other machines.

    Raises:
        MachineError: None is free.
    """
    count = LAST - FIRST + 1
    for step in range(count):
        port = FIRST + (preferred + step) % count
        if port not in taken and is_free(port):
            return port
    raise MachineError(f"All ports of this computer from {FIRST} to {LAST} are in use.")


def is_free(port: int) -> bool:
    """Whether no program listens on a port of loopback, over IPv4 or IPv6 (browsers try both)."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((host, port))
                listener.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # without IPv6 there is nothing to collide with
                return False
    return True


def connect(machines: Path, machine: Record) -> None:
    """Forward ports of loopback to a machine that has its link. Those that it had stay the same, if they are free."""
    name = table(machine.id)
    is_there = bool(run(["nft", "list", "table", "ip", name], check=False))
    before = {port: int(local) for port, local in machine.local_ports}
    taken = {*_of_records(machines, machine.id), *_of_other_tables(name)}
    ports: dict[str, int] = {}
    for port in wanted(machine.firewall):
        local = before.get(port, 0)
        if not local or local in taken or not (is_there or is_free(local)):
            local = choose(int(machine.id.removeprefix(network.PREFIX), 16) + int(port), {*taken, *ports.values()})
        ports[port] = local
    run(["nft", "-f", "-"], stdin=rules(machine.id, network.address(machine), ports))
    # Lets answers come back to loopback; the table lets nothing else of the machine's get there.
    (SETTINGS / machine.id / "route_localnet").write_text("1")
    machine.local_ports = tuple((port, str(local)) for port, local in ports.items())
    record.save(machines, machine)


def disconnect(machine: str) -> None:
    """Forward nothing to a machine any more."""
    run(["nft", "delete", "table", "ip", table(machine)], check=False)


def table(machine: str) -> str:
    """The name of a machine's nftables table."""
    return f"launchpad_{machine.replace('-', '_')}"


def rules(machine: str, address: str, ports: dict[str, int]) -> str:
    """The nftables transaction that forwards ports of loopback to a machine, instead of those that were forwarded.

    Args:
        machine: The machine's id, which is also its interface.
        address: Its address.
        ports: The ports of loopback by the machine's ports.
    """
    name = table(machine)
    lines = [f"    ip daddr 127.0.0.1 tcp dport {local} dnat to {address}:{port}" for port, local in ports.items()]
    return "\n".join(
        [
            f"table ip {name} {{",
            "}",
            f"delete table ip {name}",
            f"table ip {name} {{",
            "  chain output {",
            "    type nat hook output priority -100; policy accept;",
            *lines,
            "  }",
            "  chain postrouting {",
            "    type nat hook postrouting priority srcnat; policy accept;",
            f'    ip saddr 127.0.0.0/8 oifname "{machine}" masquerade',
            "  }",
            "  chain prerouting {",
            "    type filter hook prerouting priority raw; policy accept;",
            f'    iifname "{machine}" ip saddr 127.0.0.0/8 drop',
            f'    iifname "{machine}" ip daddr 127.0.0.0/8 drop',
            "  }",
            "}",
            "",
        ]
    )


def _of_records(machines: Path, machine: str) -> Iterator[int]:
    """The ports of all machines here but one, those that are stopped included."""
    for name, other in record.every(machines):
        if other and name != machine:
            yield from (int(local) for _, local in other.local_ports)


def _of_other_tables(own: str) -> Iterator[int]:
    """The ports that are forwarded to other machines, those of other directories included."""
    name = ""
    for line in run(["nft", "list", "ruleset", "ip"], check=False).splitlines():
        if line.startswith("table ip "):
            name = line.split()[2]
        elif name != own and (match := FORWARD.search(line)):
            yield int(match[1])
