"""What each stack wants of the server's firewall, and the rules of all together.

Several stacks may share a server. Each has a file with its rules; the table has those of all of them. An app of a stack
that manages no firewall is open to everybody, as it would be without the others: the table opens its ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra.agent.proxy import proxy
from infra.agent.proxy.site import Site
from infra.agent.system import files
from infra.agent.system.layout import SETTINGS
from infra.protocol import codec
from infra.protocol.firewall import Rule

FOLDER = SETTINGS / "firewall.d"
"""No app has a name with a dot, so no app's settings are here."""
RULES = FOLDER / "rules.nft"
LISTED = FOLDER / "listed"
"""How nft lists the table that was made of them."""
ANYWHERE = ("0.0.0.0/0", "::/0")
Parts = Mapping[str, tuple[Rule, ...]]
"""The rules of each owner."""


def recorded() -> dict[str, tuple[Rule, ...]]:
    """What is recorded."""
    found = [files.read_json(path) for path in sorted(FOLDER.glob("*.json"))] if FOLDER.is_dir() else []
    return {data["owner"]: tuple(codec.parse(Rule, rule) for rule in data["rules"]) for data in found if data}


def record(owner: str, rules: Iterable[Rule]) -> None:
    """Record what an owner wants."""
    files.directory(FOLDER, 0o755)
    data = {"owner": owner, "rules": [codec.plain(rule) for rule in sorted(set(rules))]}
    files.write_json(FOLDER / f"{_name(owner)}.json", data, 0o644)


def forget(owner: str) -> None:
    """Forget what an owner wanted."""
    files.remove_tree(FOLDER / f"{_name(owner)}.json")


def together(parts: Parts) -> list[Rule]:
    """The rules of all owners, and those for the apps of others."""
    others = [site for site in proxy.sites() if site.owner not in parts]
    return [*(rule for rules in parts.values() for rule in rules), *open_to_all(others)]


def open_to_all(sites: Iterable[Site]) -> list[Rule]:
    """The rules for apps that everybody may reach."""
    return [
        Rule("ingress", "tcp", port, port, cidr, f"app {site.app}")
        for site in sites
        for port in sorted({site.http_port, 443} if site.domain else {site.http_port})
        for cidr in ANYWHERE
    ]


def _name(owner: str) -> str:
    """The file's name for an owner, in which no slash is."""
    return owner.replace("/", "+")
