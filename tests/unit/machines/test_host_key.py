"""A server with another host key than the settings have is told of before anything is made, and nobody logs in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra import ssh
from infra.machines.server import host_key
from infra.machines.server.settings import ServerKeys
from tests.unit.cli.sshservers import CLIENT, Listening, listening

ED25519, ECDSA = "ssh-ed25519", "ecdsa-sha2-nistp256"
HOST = "127.0.0.1"
WHY = "Either the server was installed anew, or somebody is between you and it; nothing was sent and nothing changed. "


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Listening, Listening, Listening]]:
    """A server, a jump host and a third one."""
    three = Listening(ECDSA, ED25519), Listening(ED25519), Listening(ED25519)
    with listening(*three):
        yield three


def remedy(name: str) -> str:
    return (
        f"{WHY}Only if you know why it differs: pulumi config rm --stack prod launchpad:server.{name} && "
        "launchpad trust 127.0.0.1 --stack prod"
    )


def keys(server: Listening, host_key: str, jump: Listening | None = None, jump_key: str = "") -> ServerKeys:
    ours = CLIENT.export_private_key().decode()
    through = {"jump_host": HOST, "jump_port": jump.port, "jump_host_key": jump_key} if jump else {}
    return ServerKeys(host=HOST, port=server.port, host_key=host_key, private_key=ours, **through)  # type: ignore[arg-type]


def test_a_server_with_the_key_of_the_settings_or_none_that_answers_is_no_problem(
    servers: tuple[Listening, Listening, Listening],
) -> None:
    server, jump, _ = servers
    for kind in (ED25519, ECDSA):
        assert host_key.problem(keys(server, server.keys[kind]), "prod") == ""
        assert host_key.problem(keys(server, server.keys[kind], jump, jump.keys[ED25519]), "prod") == ""
    assert host_key.problem(ServerKeys(host=HOST, port=1, host_key=server.keys[ED25519]), "prod") == ""


def test_another_key_is_named_with_both_fingerprints_and_what_to_do(
    servers: tuple[Listening, Listening, Listening],
) -> None:
    server, jump, other = servers
    expected = (
        f"the host key of 127.0.0.1 (port {server.port}) is {ssh.fingerprint(server.keys[ED25519])}, but "
        f"launchpad:server.host_key is {ssh.fingerprint(other.keys[ED25519])}. {remedy('host_key')}"
    )
    assert host_key.problem(keys(server, other.keys[ED25519]), "prod") == expected
    assert host_key.problem(keys(server, other.keys[ED25519], jump, jump.keys[ED25519]), "prod") == expected
    assert server.let_in == []


def test_so_is_the_jump_hosts(servers: tuple[Listening, Listening, Listening]) -> None:
    server, jump, other = servers
    let_in = list(jump.let_in)
    assert host_key.problem(keys(server, server.keys[ED25519], jump, other.keys[ED25519]), "prod") == (
        f"the host key of 127.0.0.1 (port {jump.port}) is {ssh.fingerprint(jump.keys[ED25519])}, but "
        f"launchpad:server.jump_host_key is {ssh.fingerprint(other.keys[ED25519])}. {remedy('jump_host_key')}"
    )
    assert jump.let_in == let_in


def test_a_server_without_a_key_of_that_type_was_installed_anew(
    servers: tuple[Listening, Listening, Listening],
) -> None:
    server, jump, _ = servers
    said = host_key.problem(keys(jump, server.keys[ECDSA]), "prod")
    assert said == (
        "launchpad:server.host_key is another: 127.0.0.1 has no host key of type ecdsa-sha2-nistp256. On the server, "
        f"ssh-keygen -A makes what is missing; then restart its sshd. {remedy('host_key')}"
    )
