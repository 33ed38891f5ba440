"""Another firewall on the machine, with which Launchpad's would not get along.

A packet has to pass every chain that sees it: what one firewall lets in, another still drops. So two that close what
they do not know close each other's ports.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.agent.system import sh, systemd

OURS = ("inet", "launchpad")
BANS = re.compile(r"f2b-.*|.*crowdsec.*|sshguard.*")
"""The tables and chains of programs that only shut out attackers: they close no port."""
UFW = Path("/etc/ufw/ufw.conf")
LEGACY_TABLES = Path("/proc/net/ip_tables_names")
VERDICTS = {"accept", "drop", "reject", "queue", "vmap"}
Place = tuple[str, str, str]
"""A chain: its family, table and name."""
Object = Mapping[str, Any]
"""An object of nft's JSON. Source: libnftables-json(5)."""


def services() -> str:
    """The firewall that a service of the machine runs; empty if there is none."""
    with contextlib.suppress(OSError):
        if re.search(r"^\s*ENABLED\s*=\s*[\"']?yes", UFW.read_text(encoding="utf-8"), re.MULTILINE):
            return "ufw (ufw status)"
    if systemd.state("firewalld.service").active == "active":
        return "firewalld (firewall-cmd --list-all)"
    return ""


def rules() -> str:
    """The firewall that nftables or iptables has rules of; empty if there is none."""
    shown = sh.run(["nft", "--json", "list", "ruleset"], doing="Reading the firewall's rules")
    if found := chains(json.loads(shown.out)["nftables"]):
        return f"nftables, {found[0]} (nft list ruleset)"
    return _legacy()


def chains(objects: Iterable[Object]) -> list[str]:
    """The chains that decide on what comes in, except ours, those that let in everything, and those that only ban.

    Args:
        objects: What nft lists.
    """
    known = list(objects)
    rules: dict[Place, list[Object]] = {}
    for rule in (each["rule"] for each in known if "rule" in each):
        rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)
    found = []
    for chain in (each["chain"] for each in known if "chain" in each):
        if chain.get("type") != "filter" or chain.get("hook") not in ("input", "ingress"):
            continue
        place = (chain["family"], chain["table"], chain["name"])
        if place[:2] == OURS or place[0] == "arp" or BANS.fullmatch(place[1]):
            continue
        if chain.get("policy") == "drop" or _decides(place, rules, set()):
            found.append(f"chain {place[2]} of table {place[0]} {place[1]}")
    return found


def _decides(place: Place, rules: Mapping[Place, Sequence[Object]], seen: set[Place]) -> bool:
    """Whether a chain, or one that it passes packets on to, does more than to let in everything or to ban.

    ufw that was turned off leaves chains behind that pass packets on to empty ones.
    """
    if place in seen:
        return False
    seen.add(place)
    for statement in (each for rule in rules.get(place, ()) for each in rule.get("expr", ())):
        if VERDICTS & set(statement):
            return True
        jump = statement.get("jump") or statement.get("goto")
        if jump and not BANS.fullmatch(jump["target"]) and _decides((*place[:2], jump["target"]), rules, seen):
            return True
    return False


def _legacy() -> str:
    """The firewall of the older iptables; looking does not load its modules."""
    with contextlib.suppress(OSError):
        if "filter" in LEGACY_TABLES.read_text(encoding="utf-8").split():
            shown = sh.run(["iptables-legacy", "-S", "INPUT"])
            if shown.ok and [line for line in shown.out.splitlines() if line not in ("", "-P INPUT ACCEPT")]:
                return "iptables (iptables-legacy -S)"
    return ""
