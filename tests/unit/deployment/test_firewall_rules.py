"""The rules of a stack on a server's firewall, as the workstation sets them up."""

from __future__ import annotations

from typing import Any

import pytest

from infra.deployment import connection
from infra.deployment.connection import Connection, Done
from infra.deployment.firewall_rules import FirewallRulesProvider, LockedOutError
from infra.machines import firewall
from infra.machines.providers import PlainError

PROPS: dict[str, Any] = {
    "owner": "launchpad/dev",
    "rules": [
        {**rule, "from_port": float(rule["from_port"]), "to_port": float(rule["to_port"])}
        for rule in firewall.plan((80,), ("0.0.0.0/0",), ("203.0.113.0/24",)).as_data()
    ],
    "file": "agent.pyz",
    "triggers": ["server-1"],
    "user": "deploy",
    "host": "vps.example.org",
    "port": 2222.0,
    "host_key": "ssh-ed25519 A",
    "private_key": "KEY",
}
APPLY = 'sudo python3 agent.pyz firewall apply --connection "$SSH_CONNECTION"'
CONFIRM = "sudo python3 agent.pyz firewall confirm --owner launchpad/dev"


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Done) -> list[str]:
    """The command lines that are run, each of which gets the next answer."""
    lines: list[str] = []

    def call(_to: Connection, line: str, _feed: str = "", timeout: float | None = None) -> Done:
        assert timeout is None or timeout < 60
        lines.append(line)
        return answers[len(lines) - 1]

    monkeypatch.setattr(connection, "call", call)
    return lines


def test_rules_are_loaded_and_confirmed_over_a_second_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = answering(monkeypatch, Done(0, "{}", ""), Done(0, "", ""))
    assert FirewallRulesProvider().create(PROPS).id == "launchpad/dev"
    assert lines == [APPLY, CONFIRM]


def test_rules_that_let_nobody_in_fail_so_that_the_next_up_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    timed_out = Done(255, "", "ssh: connect to host vps.example.org port 2222: Connection timed out\n")
    answering(monkeypatch, Done(0, "{}", ""), timed_out)
    with pytest.raises(LockedOutError) as raised:
        FirewallRulesProvider().update("id", {}, PROPS)
    said = str(raised.value)
    assert "does not answer over a fresh SSH connection (ssh: connect to host vps.example.org port 2222: " in said
    assert "It takes them back by itself within 60 s" in said
    assert "launchpad:ssh_cidrs must contain the address" in said


def test_rules_that_the_server_refuses_are_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = answering(monkeypatch, Done(1, "", "error: This server has another firewall: ufw (ufw status).\n"))
    with pytest.raises(PlainError, match=r"another firewall: ufw(.|\n)*could not be loaded \(exit status 1\)"):
        FirewallRulesProvider().create(PROPS)
    assert lines == [APPLY]


def test_only_other_rules_or_another_server_are_a_change() -> None:
    differs = FirewallRulesProvider().diff
    assert differs("id", PROPS, {**PROPS, "private_key": "OTHER", "file": "other"}).changes is False
    changes: list[dict[str, Any]] = [{"rules": []}, {"triggers": ["server-2"]}, {"owner": "launchpad/prod"}]
    for changed in changes:
        result = differs("id", PROPS, {**PROPS, **changed})
        assert (result.changes, result.replaces) == (True, [])


def test_a_destroyed_stack_takes_its_rules_and_the_agents_copy_along(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = answering(monkeypatch, Done(0, "", ""))
    FirewallRulesProvider().delete("id", {**PROPS, "user": "root"})
    remove = "python3 agent.pyz firewall remove --owner launchpad/dev && rm -f agent.pyz"
    assert lines == [f"if [ -e agent.pyz ]; then {remove}; fi"]
