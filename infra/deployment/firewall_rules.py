"""The rules of a stack on the firewall of a server, as a resource.

One resource loads them, connects anew and confirms them: Pulumi would keep two apart, and a stack whose confirmation
failed would not load the rules again.
"""

from __future__ import annotations

import sys
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from infra import ssh
from infra.deployment import commands, connection
from infra.deployment.connection import Connection, Done
from infra.machines.contract import SshAccess
from infra.machines.firewall import Firewall
from infra.machines.providers import PlainError, PlainProvider
from infra.protocol import codec
from infra.protocol.firewall import LONGEST_TRIAL, FirewallSpec, Rule

CONFIRM_WITHIN = 45.0
"""Seconds that the fresh connection may take, well before the server takes the rules back."""
SHOWN_LINES = 12


class LockedOutError(PlainError):
    """The rules let no new connection in."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "With the new firewall rules the server does not answer over a fresh SSH connection "
            f"({why}). It takes them back by itself within {LONGEST_TRIAL:g} s and is then as before. "
            "launchpad:ssh_cidrs must contain the address that the server sees this computer come from (that of the "
            "jump host, if there is one), and launchpad:server.port must be the port that it listens on. Correct that "
            "and run launchpad up again."
        )


class FirewallRulesProvider(PlainProvider):
    """Loads the rules, and confirms them over a connection of its own."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Set the rules up."""
        _apply(props)
        return CreateResult(props["owner"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Other rules are an update, and so is another server: nobody connects to the former one, which may be gone."""
        changed = any(_olds.get(name) != _news.get(name) for name in ("owner", "rules", "triggers"))
        return DiffResult(changes=changed, replaces=[])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Set the new rules up."""
        _apply(_news)
        return UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take the rules away, and then the copy of the agent that did it."""
        line = commands.remove_firewall(_props["owner"], _props["file"], ssh.sudo(_props["user"]))
        _checked(connection.call(Connection.of(_props), line), "The firewall's rules could not be taken away")


def _apply(props: dict[str, Any]) -> None:
    """Load the rules and confirm them.

    Raises:
        PlainError: The server refuses them.
        LockedOutError: They let nobody in any more.
    """
    to, sudo, owner = Connection.of(props), ssh.sudo(props["user"]), props["owner"]
    spec = FirewallSpec(owner, tuple(codec.parse(Rule, _whole(rule)) for rule in props["rules"]))
    applied = connection.call(to, commands.apply_firewall(props["file"], sudo), codec.text(spec))
    _checked(applied, "The firewall's rules could not be loaded")
    confirmed = connection.call(to, commands.confirm_firewall(owner, props["file"], sudo), timeout=CONFIRM_WITHIN)
    if confirmed.code == connection.NO_CONNECTION:
        raise LockedOutError((confirmed.err.strip().splitlines() or ["no answer"])[-1])
    _checked(confirmed, "The firewall's rules could not be confirmed")


def _whole(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule with whole ports: Pulumi's numbers are floating ones."""
    return {**rule, "from_port": int(rule["from_port"]), "to_port": int(rule["to_port"])}


def _checked(done: Done, summary: str) -> None:
    """Pass on what the agent printed; raise where it failed."""
    lines = done.err.strip().splitlines()
    if done.code == connection.NO_CONNECTION:
        summary += f"; if the rules of a former attempt still hold, wait {LONGEST_TRIAL:g} s"
    if done.code:
        raise PlainError("\n".join([*lines[-SHOWN_LINES:], f"{summary} (exit status {done.code})."]))
    for line in lines:
        print(line, file=sys.stderr, flush=True)


class FirewallRules(Resource, module="launchpad", name="FirewallRules"):
    """A stack's rules on the firewall of a server; ``file`` is the copy of the agent that sets them up."""

    def __init__(
        self,
        name: str,
        *,
        owner: str,
        firewall: Firewall,
        access: SshAccess,
        file: str,
        triggers: list[Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties: dict[str, Any] = {
            "owner": owner,
            "rules": firewall.as_data(),
            "file": file,
            "triggers": triggers,
            **connection.properties(access),
        }
        super().__init__(FirewallRulesProvider(), name, properties, opts)
