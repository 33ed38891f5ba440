"""A machine's network: a cable to this computer, and this computer's way out for all machines."""

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
"""What the names of our interfaces start with; machine ids are such names, of at most 13 characters."""

INSIDE = "host0"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def allocate(machines: Path, machine: str) -> ipaddress.IPv4Network:
    """The link for a new machine: by its id, so that the same machine made again mostly gets the same address."""
    taken = [ipaddress.IPv4Network(record.link) for _, record in every(machines) if record and record.link]
    try:
        return addresses.choose(int(machine.removeprefix(PREFIX), 16) % addresses.LINKS, [*taken, *routed(None)])
    except addresses.RangeUsedUp as error:
        raise MachineError(
            f"No address is left for the machine: {error}. Destroy machines that nobody needs."
        ) from None


def address(record: Record) -> str:
    """Where a machine is reached."""
    return addresses.machine_side(ipaddress.IPv4Network(record.link))


def routed(but: str | None) -> list[ipaddress.IPv4Network]:
    """Every network that this computer has a route to, but the default and those through one interface."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    names = [route["dst"] for route in routes if route["dst"] != "default" and route.get("dev") != but]
    return [ipaddress.IPv4Network(name, strict=False) for name in names]


def is_free(record: Record) -> bool:
    """Whether nothing but the machine itself uses its link."""
    link = ipaddress.IPv4Network(record.link)
    return not any(link.overlaps(network) for network in routed(record.id) if network.prefixlen)


def inside(pid: int) -> list[str]:
    """The words before a command that make it run in the network of a process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def plug_in(record: Record, pid: int) -> None:
    """Lay the cable between this computer and a running machine, where it does not lie yet."""
    link = ipaddress.IPv4Network(record.link)
    near, far = addresses.host_side(link), addresses.machine_side(link)
    if is_plugged_in(record, pid):
        return
    unplug(record.id)
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


def is_plugged_in(record: Record, pid: int) -> bool:
    """Whether the cable lies, from one end to the other."""
    near = run(["ip", "-json", "link", "show", record.id], check=False)
    routes = run([*inside(pid), "ip", "-json", "route", "show", "default"], check=False)
    return bool(near.strip()) and any(route.get("dev") == INSIDE for route in json.loads(routes or "[]"))


def unplug(machine: str) -> None:
    """Remove the cable, if there is one."""
    run(["ip", "link", "delete", machine], check=False)


def batch(where: list[str], *commands: str) -> None:
    """Run several ``ip`` commands as one."""
    run([*where, "ip", "-batch", "-"], stdin="\n".join(commands) + "\n")


def mtu() -> int:
    """The packet size of the way out, so that nothing a machine sends is too big for it."""
    for route in json.loads(run(["ip", "-json", "-4", "route", "show", "default"]) or "[]"):
        return int(json.loads(run(["ip", "-json", "link", "show", route["dev"]]))[0]["mtu"])
    return 1500


def open_way_out() -> None:
    """Let machines reach what this computer reaches, by NAT in a table of our own.

    The table remembers, in its comment, whether the computer forwarded packets before.
    """
    there = run(["nft", "list", "table", "ip", "launchpad"], check=False)
    if "chain prerouting" not in there:  # an older version's table lacks it
        before = re.search(r"ip_forward=(\d)", there)
        run(["nft", "-f", "-"], stdin=nat(before[1] if before else FORWARDING.read_text().strip()))
    if FORWARDING.read_text().strip() != "1":
        FORWARDING.write_text("1")
    for rule in forwarding_exceptions():
        if not succeeds(["iptables", "--wait", "--check", *rule]):
            run(["iptables", "--wait", "--insert", *rule])


def nat(before: str) -> str:
    """The table of all machines, as an nftables transaction: NAT, and no way to this computer's metadata service.

    A machine's own rules refuse that too; but its root can write packets to its cable that pass those by.
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


def close_way_out() -> None:
    """Undo ``open_way_out`` once no machine has a cable any more."""
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
                    progress(f"removed a rule from the computer's chain {chain}")


def is_ours(name: str) -> bool:
    """Whether an interface is the near end of a machine's cable."""
    return name.startswith(PREFIX) and len(name) == 10 and all(sign in "0123456789abcdef" for sign in name[2:])


def forwarding_exceptions() -> list[list[str]]:
    """The iptables rules without which this computer's own firewall would drop what machines send (Docker, ufw)."""
    if not shutil.which("iptables"):
        return []
    if "-P FORWARD DROP" not in run(["iptables", "--wait", "-S", "FORWARD"], check=False):
        return []
    return exceptions("DOCKER-USER" if succeeds(["iptables", "--wait", "-S", "DOCKER-USER"]) else "FORWARD")


def exceptions(chain: str) -> list[list[str]]:
    """Rules of a chain that let traffic of machines pass."""
    return [[chain, way, f"{PREFIX}+", "-j", "ACCEPT"] for way in ("-i", "-o")]


def resolver_file() -> str:
    """The content of the machine's resolv.conf: this computer's, unless its name server is this computer itself."""
    for path in RESOLVERS:
        text = path.read_text() if path.is_file() else ""
        servers = name_servers(text)
        if servers and not any(ipaddress.ip_address(server).is_loopback for server in servers):
            return text
    progress(
        "this computer's name server listens on loopback only, which a machine cannot reach: names will not resolve"
    )
    return ""


def name_servers(text: str) -> list[str]:
    """The addresses of the name servers in a resolv.conf."""
    lines = [line.split() for line in text.splitlines()]
    return [words[1].split("%")[0] for words in lines if len(words) > 1 and words[0] == "nameserver"]
