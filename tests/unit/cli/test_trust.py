"""Trusting a server's host key: fetched from real servers, compared, and only then written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli import config
from cli.config import Config
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack
from cli.trust import Asked, trust
from infra import host_keys, ssh
from tests.unit.cli.sshservers import CLIENT, Listening, listening

ED25519, ECDSA, RSA = "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Listening, Listening]]:
    """A server and a jump host."""
    pair = Listening(RSA, ECDSA, ED25519), Listening(ECDSA)
    with listening(*pair):
        yield pair


@pytest.fixture
def server(servers: tuple[Listening, Listening]) -> Listening:
    return servers[0]


@pytest.fixture
def jump(servers: tuple[Listening, Listening]) -> Listening:
    return servers[1]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack without settings, which pulumi does not know yet."""
    (tmp_path / "Pulumi.yaml").write_text("name: launchpad\n")
    (tmp_path / "pulumi").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return Stack(Project(tmp_path), "vps")


def asked(server: Listening, **more: object) -> Asked:
    return replace(Asked(HOST, server.port), **more)  # type: ignore[arg-type]


def sure(server: Listening, **more: object) -> Asked:
    """What somebody types who knows the fingerprint."""
    return asked(server, fingerprint=ssh.fingerprint(server.keys[ED25519]), yes=True, **more)


def refused(stack: Stack, what: Asked) -> str:
    before = stack.file.read_text() if stack.file.exists() else None
    with pytest.raises(Failure) as caught:
        trust(stack, what)
    assert (stack.file.read_text() if stack.file.exists() else None) == before
    return str(caught.value)


def written(server: Listening, *more: str) -> str:
    lines = [
        "# Stack vps.\nconfig:\n  launchpad:machine: server\n  launchpad:server.host: 127.0.0.1",
        f"  launchpad:server.port: '{server.port}'",
        *more,
    ]
    return "\n".join([*lines, ""])


def test_a_known_fingerprint_is_compared_and_the_key_written(stack: Stack, server: Listening) -> None:
    trust(stack, sure(server, user="deploy"))
    assert stack.file.read_text() == written(
        server, "  launchpad:server.user: deploy", f"  launchpad:server.host_key: {server.keys[ED25519]}"
    )
    assert server.let_in == []


def test_a_person_compares_what_the_server_says(
    stack: Stack, server: Listening, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = [False, True]
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answers.pop(0))
    place = f"127.0.0.1 (port {server.port})"
    assert refused(stack, asked(server)) == f"the host key of {place} is not trusted, and nothing was written"
    assert capsys.readouterr().err == (
        f"The host key of {place} is ssh-ed25519\n  {ssh.fingerprint(server.keys[ED25519])}\n"
        "Compare it with what the server itself says, on its console or at its provider:\n"
        "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n"
    )
    trust(stack, asked(server))
    assert stack.file.read_text() == written(server, f"  launchpad:server.host_key: {server.keys[ED25519]}")


@pytest.mark.parametrize("more", [{}, {"fingerprint": True}])
def test_without_a_person_a_key_is_never_trusted(stack: Stack, server: Listening, more: dict[str, bool]) -> None:
    given = {"fingerprint": ssh.fingerprint(server.keys[ED25519])} if more else {}
    assert refused(stack, asked(server, **given)) == (
        "nobody is here to compare it. Give what the server says: --fingerprint SHA256:..., with --yes"
    )


def test_yes_alone_is_not_enough(stack: Stack, server: Listening) -> None:
    assert refused(stack, asked(server, yes=True)) == (
        "--yes is only for a key that is known: add --fingerprint SHA256:... as the server itself shows it"
    )


def test_another_fingerprint_is_refused(stack: Stack, server: Listening) -> None:
    other = ssh.fingerprint(server.keys[ECDSA])
    assert refused(stack, replace(sure(server), fingerprint=other)) == (
        f"the host key of 127.0.0.1 (port {server.port}) is {ssh.fingerprint(server.keys[ED25519])}, not {other}; "
        "nothing was written"
    )


def settings(stack: Stack, **keys: str) -> None:
    lines = [f"  launchpad:server.{name}: '{value}'" for name, value in keys.items()]
    stack.file.write_text("\n".join(["config:\n  launchpad:machine: server", *lines, ""]))


def test_the_key_in_the_settings_is_asked_for_by_its_own_type(
    stack: Stack, server: Listening, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(stack, host=HOST, port=str(server.port), host_key=server.keys[ECDSA])
    before = stack.file.read_text()
    trust(stack, asked(server))
    assert stack.file.read_text() == before
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"the host key of 127.0.0.1 (port {server.port}) is the one in Pulumi.vps.yaml: {ssh.fingerprint(server.keys[ECDSA])}",
        "nothing to change in Pulumi.vps.yaml",
    ]


def test_a_key_that_differs_from_the_one_in_the_settings_is_an_error_that_says_so(
    stack: Stack, server: Listening, jump: Listening
) -> None:
    settings(stack, host=HOST, port=str(server.port), host_key=jump.keys[ECDSA])
    new, old = ssh.fingerprint(server.keys[ECDSA]), ssh.fingerprint(jump.keys[ECDSA])
    assert refused(stack, replace(sure(server), fingerprint=new)) == (
        f"the host key of 127.0.0.1 (port {server.port}) is {new}, but launchpad:server.host_key of Pulumi.vps.yaml is {old}. "
        "Either the server was installed anew, or somebody is between you and it. Only if you know why it differs: "
        "pulumi config rm --stack vps launchpad:server.host_key, then trust it again"
    )


def through(server: Listening, jump: Listening) -> Asked:
    jump_fingerprint = ssh.fingerprint(jump.keys[ECDSA])
    return sure(server, jump=f"ada@127.0.0.1:{jump.port}", jump_fingerprint=jump_fingerprint)


def with_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings hold the client's key, encrypted."""
    private_key = CLIENT.export_private_key().decode()
    monkeypatch.setattr(config, "of_stack", lambda _: Config({"server.private_key": private_key}))


def test_behind_a_jump_host_both_keys_are_compared_and_written(
    stack: Stack, server: Listening, jump: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key(monkeypatch)
    jump.let_in.clear()
    trust(stack, through(server, jump))
    assert stack.file.read_text() == written(
        server,
        f"  launchpad:server.host_key: {server.keys[ED25519]}",
        "  launchpad:server.jump_host: 127.0.0.1",
        f"  launchpad:server.jump_port: '{jump.port}'",
        "  launchpad:server.jump_user: ada",
        f"  launchpad:server.jump_host_key: {jump.keys[ECDSA]}",
    )
    assert (set(jump.let_in), server.let_in) == ({"ada"}, [])


def test_a_jump_host_that_does_not_let_us_in_is_the_reason(
    stack: Stack, server: Listening, jump: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "of_stack", lambda _: Config({}))
    said = refused(stack, through(server, jump))
    assert said.startswith(
        f"cannot ask 127.0.0.1 (port {server.port}) for its host key: ada@127.0.0.1: Permission denied"
    )


def test_a_jump_host_with_another_key_gets_no_login(
    stack: Stack, server: Listening, jump: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key(monkeypatch)
    jump.let_in.clear()
    wrong = replace(through(server, jump), jump_fingerprint=ssh.fingerprint(server.keys[ECDSA]))
    assert " (port " in refused(stack, wrong)
    assert jump.let_in == []


def test_the_settings_of_a_stack_with_another_machine_stay(stack: Stack, server: Listening) -> None:
    stack.file.write_text("config:\n  launchpad:app: shop\n")
    assert refused(stack, sure(server)) == (
        "stack vps has machine embedded, and only a machine server has a host key to trust; for a stack of its own, first: "
        "launchpad init REPOSITORY --machine server --stack NAME"
    )


def test_a_stack_is_not_turned_to_another_server(stack: Stack, server: Listening) -> None:
    settings(stack, host="203.0.113.7")
    assert refused(stack, sure(server)) == (
        "launchpad:server.host of Pulumi.vps.yaml is '203.0.113.7', not '127.0.0.1'. To deploy to another server from now on, "
        "first: pulumi config rm --stack vps launchpad:server.host && pulumi config rm --stack vps launchpad:server.host_key"
    )


def test_a_port_where_nobody_listens_is_told() -> None:
    with pytest.raises(host_keys.NoHostKeyError) as caught:
        host_keys.fetch(ssh.Endpoint(HOST, "root", 1))
    assert str(caught.value) == (
        "cannot ask 127.0.0.1 (port 1) for its host key: ssh: connect to host 127.0.0.1 port 1: Connection refused"
    )


def test_a_server_with_nothing_but_an_rsa_key_is_told_what_to_do() -> None:
    old = Listening(RSA)
    with listening(old), pytest.raises(host_keys.NoHostKeyError) as caught:
        host_keys.fetch(ssh.Endpoint(HOST, "root", old.port))
    assert str(caught.value) == (
        "127.0.0.1 has no host key of the types ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521. "
        "On the server, ssh-keygen -A makes what is missing; then restart its sshd"
    )


def test_a_jump_host_is_written_as_ssh_takes_it(stack: Stack, server: Listening) -> None:
    assert refused(stack, sure(server, jump="a:b:c")) == "--jump a:b:c: it must be [USER@]HOST[:PORT]"
