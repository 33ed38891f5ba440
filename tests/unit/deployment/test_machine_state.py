"""The resource that finds changes by hand in a refresh and has them put back by an update."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.dynamic import CreateResult, ReadResult, UpdateResult

from infra.deployment import connection
from infra.deployment.connection import NO_CONNECTION, Done
from infra.deployment.machine_state import MachineStateProvider, NotComparedError, compared
from infra.machines.providers import PlainError

PROPS = {
    "app": "shop",
    "user": "deploy",
    "host": "198.18.0.2",
    "port": 22,
    "host_key": "ssh-ed25519 AAAA",
    "private_key": "PRIVATE",
    "triggers": ["i-1"],
}
GONE = {"kind": "file", "what": "/etc/a", "found": "gone", "wanted": ""}
INSTALLED = "sudo launchpad-agent verify --app shop --json"
COPY = "sudo python3 launchpad-agent-shop.pyz verify --app shop --json"


def outs(result: CreateResult | ReadResult | UpdateResult) -> dict[str, Any]:
    """What a provider puts into the state."""
    assert result.outs is not None
    return result.outs


def answer(*differences: object, busy: str = "") -> Done:
    return Done(1 if differences else 0, json.dumps({"differences": differences, "busy": busy}), "")


def machine(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Done]) -> list[str]:
    """A machine that answers lines; those that it was given."""
    asked: list[str] = []

    def call(to: connection.Connection, line: str, timeout: float) -> Done:
        assert (to.host, to.private_key, timeout > 0) == ("198.18.0.2", "PRIVATE", True)
        asked.append(line)
        return answers[line]

    monkeypatch.setattr(connection, "call", call)
    return asked


@pytest.mark.parametrize(
    ("done", "lines"),
    [
        (answer(), []),
        (answer(GONE), ["/etc/a: gone"]),
        (answer({**GONE, "found": "mode \x1b[2J", "wanted": "0600"}), ["/etc/a: mode [2J, should be 0600"]),
    ],
)
def test_a_line_for_each_difference_and_nothing_that_a_terminal_obeys(done: Done, lines: list[str]) -> None:
    assert [line.replace("\ufffd", "") for line in compared(done)] == lines


@pytest.mark.parametrize(
    ("done", "why"),
    [
        (Done(NO_CONNECTION, "", "x\nssh: connect to host: refused\n"), r"does not answer over SSH \(ssh: connect to"),
        (answer(busy="ada since 10:00"), r"something is under way there: ada since 10:00"),
        (Done(2, "", "invalid choice: 'verify'\n"), r"its agent gives no answer \(invalid choice: 'verify'\)"),
        (Done(0, "{}", ""), r"its agent gives no answer \(exit status 0\)"),
        (Done(0, '{"busy": "", "differences": [{"kind": 1}]}', ""), "its agent gives no answer"),
    ],
)
def test_what_compares_nothing_says_why(done: Done, why: str) -> None:
    with pytest.raises(NotComparedError, match=why):
        compared(done)


def test_a_refresh_finds_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch, {INSTALLED: answer(GONE)})
    assert outs(MachineStateProvider().read("shop", {**PROPS, "differences": []}))["differences"] == ["/etc/a: gone"]
    assert asked == [INSTALLED]


def test_a_broken_agent_is_compared_by_its_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch, {INSTALLED: Done(127, "", "not found"), COPY: answer(GONE)})
    assert outs(MachineStateProvider().read("shop", PROPS))["differences"] == ["/etc/a: gone"]
    assert asked == [INSTALLED, COPY]


def test_a_machine_that_does_not_answer_leaves_the_state_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(monkeypatch, {INSTALLED: Done(NO_CONNECTION, "", "ssh: timed out")})
    before = {**PROPS, "differences": ["/etc/a: gone"]}
    read = MachineStateProvider().read("shop", before)
    assert (read.id, read.outs) == ("shop", before)
    said = "shop: the machine was not compared: it does not answer over SSH (ssh: timed out)\n"
    assert capsys.readouterr().out == said


def test_neither_create_nor_diff_nor_an_update_without_differences_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch, {})
    provider = MachineStateProvider()
    made = outs(provider.create(PROPS))
    assert made["differences"] == []
    assert provider.diff("shop", made, PROPS).changes is False
    moved = {**PROPS, "host": "198.18.0.3"}
    assert provider.diff("shop", made, moved).changes is True
    assert outs(provider.update("shop", made, moved)) == {**moved, "differences": []}
    assert asked == []


def test_differences_are_a_change_that_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    diff = MachineStateProvider().diff("shop", {**PROPS, "differences": ["/etc/a: gone"]}, PROPS)
    assert (diff.changes, diff.replaces) == (True, [])
    assert capsys.readouterr().out == "Changed on the machine by hand, which an up puts back:\n  /etc/a: gone\n"


def test_of_another_machine_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    diff = MachineStateProvider().diff("shop", {**PROPS, "differences": ["x"]}, {**PROPS, "triggers": ["i-2"]})
    assert (diff.changes, diff.replaces, capsys.readouterr().out) == (True, ["triggers"], "")


@pytest.mark.parametrize(("code", "fails"), [(0, False), (1, True), (NO_CONNECTION, True)])
def test_an_update_has_the_machine_repaired(monkeypatch: pytest.MonkeyPatch, code: int, fails: bool) -> None:
    line = "sudo python3 launchpad-agent-shop.pyz repair --app shop"
    asked = machine(monkeypatch, {line: Done(code, "{}", "[1s] warning: not repaired: /etc/a: gone\n")})
    before: dict[str, Any] = {**PROPS, "differences": ["/etc/a: gone"]}
    if fails:
        with pytest.raises(PlainError, match=r"not repaired: /etc/a: gone\nWhat was changed .* is not put back\."):
            MachineStateProvider().update("shop", before, PROPS)
    else:
        assert outs(MachineStateProvider().update("shop", before, PROPS)) == {**PROPS, "differences": []}
    assert asked == [line]
