"""A machine's network: a virtual link to this computer, and this computer's NAT for all machines."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
from pathlib import Path

from infra.machines.embedded import addresses
from infra.machines.embedded.record import Record, every
from infra.machines.embedded.rules import METADATA
from infra.machines.embedded.shell import MachineError, progress, run, succeeds

PREFIX = "lp"
"""The prefix of our interface names; a machine's id is such a name, of at most 13 characters."""

INSIDE = "host0"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
KEEP_WAITING = "/proc/sys/net/ipv4/tcp_migrate_req"
"""Has a listener that closes leave its waiting connections to its successor: see the agent's ``proxy/backlog.py``. A
machine's network belongs to this computer, so the agent cannot set it."""
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def allocate(machines: Path, machine: str) -> ipaddress.IPv4Network:
    """Choose the link of a new machine, based on its id: a recreated machine usually gets the same address.

    Raises:
        MachineError: No link is free.
    """
    taken = [ipaddress.IPv4Network(record.link) for _, record in every(machines) if record and record.link]
    try:
        return addresses.choose(int(machine.removeprefix(PREFIX), 16) % addresses.LINKS, [*taken, *routed(None)])
    except addresses.RangeUsedUp as error:
        raise MachineError(
            f"No address is free for the machine: {error}. Destroy machines that you no longer need."
        ) from None


def address(record: Record) -> str:
    """The IPv4 address of a machine."""
    return addresses.machine_side(ipaddress.IPv4Network(record.link))


def routed(excluded: str | None) -> list[ipaddress.IPv4Network]:
    """The networks that this computer has routes to, except the default route and the routes of one interface."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    names = [route["dst"] for route in routes if route["dst"] != "default" and route.get("dev") != excluded]
    return [ipaddress.IPv4Network(name, strict=False) for name in names]


def is_free(record: Record) -> bool:
    """Whether nothing but the machine itself uses its link."""
    link = ipaddress.IPv4Network(record.link)
    return not any(link.overlaps(network) for network in routed(record.id) if network.prefixlen)


def inside(pid: int) -> list[str]:
    """The command prefix that runs a command in the network namespace of a process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def connect(record: Record, pid: int) -> None:
    """Create the link between this computer and a running machine, unless it exists."""
    link = ipaddress.IPv4Network(record.link)
    near, far = addresses.host_side(link), addresses.machine_side(link)
    run([*inside(pid), "tee", KEEP_WAITING], stdin="1\n", check=False)
    if is_connected(record, pid):
        return
    disconnect(record.id)
    peer = f"{record.id}p"
    batch(
        [],
        f"link add {record.id} mtu {mtu()} type veth peer name {peer} mtu {mtu()}",
        f"address add {near}/30 dev {record.id}",
        f"link set {record.id} up",
        f"link set {peer} netns {pid} name {INSIDE}",
    )
    batch(
        inside(pid),
        "link set lo up",
        f"address add {far}/30 dev {INSIDE}",
        f"link set {INSIDE} up",
        f"route replace default via {near}",
    )


def is_connected(record: Record, pid: int) -> bool:
    """Whether both ends of the link exist."""
    near = run(["ip", "-json", "link", "show", record.id], check=False)
    routes = run([*inside(pid), "ip", "-json", "route", "show", "default"], check=False)
    return bool(near.strip()) and any(route.get("dev") == INSIDE for route in json.loads(routes or "[]"))


def disconnect(machine: str) -> None:
    """Remove the link, if it exists."""
    run(["ip", "link", "delete", machine], check=False)


def batch(prefix: list[str], *commands: str) -> None:
    """Run several ``ip`` commands in one process, after a command prefix such as ``inside`` returns."""
    run([*prefix, "ip", "-batch", "-"], stdin="\n".join(commands) + "\n")


def mtu() -> int:
    """The MTU of the default route's interface, so that no packet of a machine is too large for it."""
    for route in json.loads(run(["ip", "-json", "-4", "route", "show", "default"]) or "[]"):
        return int(json.loads(run(["ip", "-json", "link", "show", route["dev"]]))[0]["mtu"])
    return 1500


def enable_nat() -> None:
    """Give machines access to the networks that this computer reaches, by NAT in an nftables table of our own.

    The table's comment records whether the computer forwarded packets before.
    """
    table = run(["nft", "list", "table", "ip", "launchpad"], check=False)
    if "chain prerouting" not in table:  # an older version's table lacks it
        before = re.search(r"ip_forward=(\d)", table)
        run(["nft", "-f", "-"], stdin=nat(before[1] if before else FORWARDING.read_text().strip()))
    if FORWARDING.read_text().strip() != "1":
        FORWARDING.write_text("1")
    for rule in forwarding_exceptions():
        if not succeeds(["iptables", "--wait", "--check", *rule]):
            run(["iptables", "--wait", "--insert", *rule])


def nat(before: str) -> str:
    """The nftables transaction that creates the table of all machines: NAT, and no access to the metadata service.

    A machine's own firewall blocks the metadata service too, but the machine's root can bypass it with raw packets.

    Args:
        before: The value of ``ip_forward`` to restore, ``0`` or ``1``.
    """
    return (
        "table ip launchpad {\n}\ndelete table ip launchpad\n"
        "table ip launchpad {\n"
        f'  comment "ip_forward={before}"\n'
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        f'    ip saddr {addresses.RANGE} oifname != "{PREFIX}*" masquerade\n'
        "  }\n"
        "  chain prerouting {\n"
        "    type filter hook prerouting priority raw; policy accept;\n"
        f'    iifname "{PREFIX}*" ip daddr {{ {", ".join(METADATA)} }} '
        "meta l4proto { tcp, udp } th dport != 53 drop\n"
        "  }\n"
        "}\n"
    )


def disable_nat() -> None:
    """Undo ``enable_nat`` if no machine has a link any more."""
    links = json.loads(run(["ip", "-json", "link", "show", "type", "veth"]) or "[]")
    if any(is_ours(link["ifname"]) for link in links):
        return
    table = run(["nft", "list", "table", "ip", "launchpad"], check=False)
    if table:
        if "ip_forward=0" in table:
            FORWARDING.write_text("0")
        run(["nft", "delete", "table", "ip", "launchpad"])
    if shutil.which("iptables"):
        for chain in ("FORWARD", "DOCKER-USER"):
            for rule in exceptions(chain):
                while succeeds(["iptables", "--wait", "--delete", *rule]):
                    progress(f"removed a rule from this computer's iptables chain {chain}")


def is_ours(name: str) -> bool:
    """Whether an interface is this computer's end of a machine's link."""
    return name.startswith(PREFIX) and len(name) == 10 and all(digit in "0123456789abcdef" for digit in name[2:])


def forwarding_exceptions() -> list[list[str]]:
    """The iptables rules that keep this computer's own firewall (Docker, ufw) from dropping the machines' packets."""
    if not shutil.which("iptables"):
        return []
    if "-P FORWARD DROP" not in run(["iptables", "--wait", "-S", "FORWARD"], check=False):
        return []
    return exceptions("DOCKER-USER" if succeeds(["iptables", "--wait", "-S", "DOCKER-USER"]) else "FORWARD")


def exceptions(chain: str) -> list[list[str]]:
    """The rules of a chain that accept the traffic of machines."""
    return [[chain, direction, f"{PREFIX}+", "-j", "ACCEPT"] for direction in ("-i", "-o")]


def resolver_file() -> str:
    """The content of the machine's resolv.conf: this computer's; empty if its name servers listen on loopback only."""
    for path in RESOLVERS:
        text = path.read_text() if path.is_file() else ""
        servers = name_servers(text)
        if servers and not any(ipaddress.ip_address(server).is_loopback for server in servers):
            return text
    progress(
        "this computer's name server listens only on loopback, which a machine cannot reach: names will not resolve"
    )
    return ""


def name_servers(text: str) -> list[str]:
    """The addresses of the name servers in a resolv.conf."""
    lines = [line.split() for line in text.splitlines()]
    return [fields[1].split("%")[0] for fields in lines if len(fields) > 1 and fields[0] == "nameserver"]
