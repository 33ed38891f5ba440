"""The resource that refuses a destroy: when it asks the machine, and what it makes of each answer."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.deployment import commands, connection
from infra.deployment.connection import NO_CONNECTION, Connection, Done
from infra.deployment.data_changes import DataTerms
from infra.deployment.data_guard import DataGuardProvider
from infra.machines.contract import SshAccess, Tunnel
from infra.machines.providers import PlainError
from infra.protocol import codec
from infra.protocol.held_data import HeldData
from tests.unit.deployment.test_data_changes import EC2, EMBEDDED, SERVER

WAY = {"user": "deploy", "host": "198.18.0.2", "port": 22, "host_key": "ssh-ed25519 AAAA", "private_key": "PRIVATE"}
SHOP, BLOG = HeldData("shop", 2, 10, 0, 0, complete=True), HeldData("blog", 1, 5, 0, 0, complete=True)
EMPTY = HeldData("shop", 0, 0, 0, 0, complete=True)
INSTALLED = "sudo launchpad-agent data --json --disk"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def props(terms: DataTerms, **more: object) -> dict[str, Any]:
    return {**asdict(terms), **WAY, "stack": "prod", **more}


def answer(*held: HeldData) -> Done:
    return Done(0, json.dumps({"apps": [codec.plain(each) for each in held]}), "")


def machine(monkeypatch: pytest.MonkeyPatch, *answers: Done) -> list[str]:
    """A machine that gives answers, one after the other; the lines that it was given."""
    asked: list[str] = []

    def call(to: Connection, line: str, timeout: float) -> Done:
        assert (to.host, to.private_key, timeout > 0) == ("198.18.0.2", "PRIVATE", True)
        asked.append(line)
        return answers[len(asked) - 1]

    monkeypatch.setattr(connection, "call", call)
    return asked


def refused(terms: DataTerms) -> str:
    with pytest.raises(PlainError) as caught:
        DataGuardProvider().delete("data-guard", props(terms))
    return str(caught.value)


def test_data_refuses_the_destroy_and_empty_data_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch, answer(SHOP, BLOG))
    assert refused(EC2).startswith(
        "stack prod holds data:\n"
        "  shop: 2 files, 10 bytes in /srv/shop/data, of 1970-01-01\n"
        "  blog: 1 file, 5 bytes in /srv/blog/data, of 1970-01-01\n"
        "No key says what becomes of it, so nothing was deleted.\nTo have it deleted: "
    )
    assert asked == [INSTALLED]
    for nothing in (answer(EMPTY), answer()):
        machine(monkeypatch, nothing)
        DataGuardProvider().delete("data-guard", props(EC2))
    machine(monkeypatch, answer(replace(EMPTY, complete=False)))
    assert "  shop: more than could be counted in /srv/shop/data\n" in refused(EC2)


def test_on_a_server_only_the_stacks_own_apps_count_and_not_those_that_have_said_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = machine(monkeypatch, answer(BLOG))
    DataGuardProvider().delete("data-guard", props(SERVER))
    assert asked == ["sudo launchpad-agent data --json --app blog --app shop"]
    machine(monkeypatch, answer(BLOG, SHOP))
    assert refused(SERVER).startswith("stack prod holds data:\n  shop: 2 files")


def test_who_may_go_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch)
    for terms in (EMBEDDED, replace(EC2, on_destroy="keep"), replace(SERVER, on_destroy="delete")):
        DataGuardProvider().delete("data-guard", props(terms))
    Path("Pulumi.prod.yaml").write_text("config:\n  launchpad:on_destroy: delete\n")
    DataGuardProvider().delete("data-guard", props(EC2))
    assert asked == []


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([Done(NO_CONNECTION, "", "ssh: connect to host 198.18.0.2 port 22: timed out\n")],
         "the machine does not answer over SSH (ssh: connect to host 198.18.0.2 port 22: timed out)"),
        ([Done(1, "", "sudo: launchpad-agent: command not found\n"), Done(1, "", f"{commands.NO_AGENT}\n")],
         f"the machine's agent gives no answer ({commands.NO_AGENT})"),
        ([Done(0, '{"apps": [{"app": "shop"}]}', "")], "the machine's agent gives no answer (exit status 0)"),
    ],
)  # fmt: skip
def test_a_machine_that_does_not_say_refuses_too(
    monkeypatch: pytest.MonkeyPatch, answers: list[Done], why: str
) -> None:
    machine(monkeypatch, *answers)
    said = refused(EC2)
    assert said.startswith(
        f"stack prod may hold data: {why}\nNo key says what becomes of it, so nothing was deleted.\n"
    )
    assert said.endswith("Of a machine that is gone for good there is nothing to keep: delete lets the rest go.")


def test_a_machine_that_was_never_prepared_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = machine(monkeypatch, Done(127, "", "not found\n"), Done(commands.NOTHING_THERE, "", ""))
    DataGuardProvider().delete("data-guard", props(EC2))
    assert len(asked) == 2


def test_a_change_that_no_key_allows_is_refused_unless_there_is_no_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = props(replace(EC2, disk=False)), props(replace(EC2, disk=False, instance="i-2"))
    machine(monkeypatch, answer(SHOP, BLOG, EMPTY))
    (failure,) = DataGuardProvider().check(before, after).failures
    assert failure.reason.startswith(
        "DATA: the machine is replaced: the data of blog and shop is DELETED\n"
        "  shop: 2 files, 10 bytes in /srv/shop/data, of 1970-01-01\n"
        "  blog: 1 file, 5 bytes in /srv/blog/data, of 1970-01-01\n"
        "No key says that it may be deleted."
    )
    machine(monkeypatch, Done(NO_CONNECTION, "", "timed out\n"))
    (failure,) = DataGuardProvider().check(before, after).failures
    assert "\n  how much that is, nobody knows: the machine does not answer over SSH (timed out)\n" in failure.reason
    assert capsys.readouterr().out == ""
    machine(monkeypatch, answer(EMPTY))
    assert DataGuardProvider().check(before, after).failures == []
    assert capsys.readouterr().out == "DATA: the machine is replaced: the data of blog and shop is DELETED\n"


def test_lines_are_told_without_asking_and_nothing_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    news = props(replace(EC2, apps={"shop": False}))
    assert DataGuardProvider().check({}, news).failures == []
    assert DataGuardProvider().check(props(EC2), news).failures == []
    assert capsys.readouterr().out == (
        "DATA: app blog is taken off the machine: its data in /srv/blog/data is DELETED\n"
    )


def test_it_is_never_replaced_and_changes_with_its_terms() -> None:
    provider = DataGuardProvider()
    old = {**props(EC2), "__provider": "one"}
    for new, changed in (
        (props(EC2), False),
        (props(replace(EC2, instance="i-2")), True),
        (props(EC2, host="x"), True),
    ):
        result = provider.diff("data-guard", old, {**new, "__provider": "two"})
        assert (result.changes, result.replaces) == (changed, [])


def test_a_machine_behind_a_command_is_reached_through_it_as_no_tunnel_is_open_then(tmp_path: Path) -> None:
    to = Connection.of({**WAY, "proxy_command": "aws ssm start-session --target i-1"})
    words = shlex.split(connection.environment(tmp_path, to)["GIT_SSH_COMMAND"])
    assert "ProxyCommand=aws ssm start-session --target i-1" in words


def test_the_tunnel_of_deployments_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.Output, "secret", lambda value: value)  # without an event loop
    tunnel = Tunnel("127.0.0.1", 20001)
    access = SshAccess("192.0.2.10", "ssh-ed25519 AAAA", None, proxy_command="aws ssm", tunnel=tunnel)
    found = connection.properties(access, tunnel=False)
    assert (found["host"], found["port"], found["proxy_command"]) == ("192.0.2.10", 22, "aws ssm")
    found = connection.properties(access)
    assert (found["host"], found["port"], "proxy_command" in found) == ("127.0.0.1", 20001, False)


def test_a_database_server_is_not_destroyed_without_a_word_even_if_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, answer(EMPTY))
    assert "stack prod holds data:\n  the database server on RDS, which is protected from deletion\n" in refused(
        replace(EC2, server=True)
    )
    DataGuardProvider().delete("data-guard", props(replace(EC2, server=True, on_destroy="snapshot")))


def test_a_database_server_that_would_go_is_refused_in_the_preview_without_asking() -> None:
    before, after = props(replace(EC2, server=True)), props(EC2)
    (failure,) = DataGuardProvider().check(before, after).failures
    assert "which it is protected" in failure.reason
