"""Another firewall on the machine, with which Launchpad's would not get along.

A packet has to pass every chain that sees it: what one firewall lets in, another still drops. So two that close what
they do not know close each other's ports.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.agent.system import sh, systemd

OURS = ("inet", "launchpad")
BANS = re.compile(r"f2b-.*|.*crowdsec.*|sshguard.*")
"""The tables and chains of programs that only shut out attackers: they close no port."""
UFW = Path("/etc/ufw/ufw.conf")
LEGACY_TABLES = Path("/proc/net/ip_tables_names")
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
    rules = [each["rule"] for each in known if "rule" in each]
    found = []
    for chain in (each["chain"] for each in known if "chain" in each):
        if chain.get("type") != "filter" or chain.get("hook") not in ("input", "ingress"):
            continue
        if (chain["family"], chain["table"]) == OURS or chain["family"] == "arp" or BANS.fullmatch(chain["table"]):
            continue
        place = (chain["family"], chain["table"], chain["name"])
        own = [rule for rule in rules if (rule["family"], rule["table"], rule["chain"]) == place]
        if chain.get("policy") == "drop" or not all(_bans(rule) for rule in own):
            found.append(f"chain {chain['name']} of table {chain['family']} {chain['table']}")
    return found


def _bans(rule: Object) -> bool:
    """Whether a rule passes packets on to a chain of a program that shuts out attackers, or decides nothing."""
    for statement in rule.get("expr", ()):
        target = statement.get("jump") or statement.get("goto")
        if target is not None and not BANS.fullmatch(target["target"]):
            return False
        if {"accept", "drop", "reject", "queue", "vmap"} & set(statement):
            return False
    return True


def _legacy() -> str:
    """The firewall of the older iptables; looking does not load its modules."""
    with contextlib.suppress(OSError):
        if "filter" in LEGACY_TABLES.read_text(encoding="utf-8").split():
            shown = sh.run(["iptables-legacy", "-S", "INPUT"])
            if shown.ok and [line for line in shown.out.splitlines() if line not in ("", "-P INPUT ACCEPT")]:
                return "iptables (iptables-legacy -S)"
    return ""
