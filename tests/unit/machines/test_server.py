"""A server that is there already: what is told before anything is made, in exact words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from infra.config.parse import SettingsError
from infra.config.parse import parse as parse_all
from infra.machines import registry
from infra.machines.server import credentials, server
from infra.machines.server.settings import ServerKeys
from tests.unit.config import pem
from tests.unit.config.reading import parse

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
GOOD = {"machine": "server", "server.host": "203.0.113.7", "server.host_key": HOST_KEY}
JUMP = {"server.jump_host": "bastion.example.org", "server.jump_host_key": HOST_KEY}


def problems(raw: dict[str, str], secret: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset(secret))
    return caught.value.problems


def test_host_and_host_key_are_enough() -> None:
    keys = parse(GOOD).of(ServerKeys)
    assert (keys.host, keys.port, keys.user, keys.host_key) == ("203.0.113.7", 22, "root", HOST_KEY)
    assert (keys.public_address, keys.uses_agent, keys.public_check) == ("203.0.113.7", True, True)


def test_the_former_name_of_delete_data_is_answered_with_the_new_one() -> None:
    assert problems({**GOOD, "server.delete_data": "true"}) == [
        "launchpad:server.delete_data is not a key of this program; did you mean launchpad:delete_data?"
    ]


def test_a_comment_of_a_host_key_is_dropped() -> None:
    assert parse({**GOOD, "server.host_key": f"{HOST_KEY} root@vps"}).of(ServerKeys).host_key == HOST_KEY


NO_KEY = (
    "launchpad:server.host_key is empty; it must be the server's public host key. To fetch it, compare its fingerprint "
    "and set it: launchpad trust 203.0.113.7"
)
NO_JUMP_KEY = (
    "launchpad:server.jump_host_key is empty; it must be the public host key of bastion.example.org. To fetch it, compare "
    "its fingerprint and set it: launchpad trust 203.0.113.7"
)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"server.host": ""},
            ["launchpad:server.host is empty; it must be the name or address of your server, such as 203.0.113.7"],
        ),
        ({"server.host_key": ""}, [NO_KEY]),
        ({**JUMP, "server.jump_host_key": ""}, [NO_JUMP_KEY]),
        (
            {"server.jump_user": "ada", "server.jump_host_key": HOST_KEY},
            [
                f"launchpad:server.{name} is set but launchpad:server.jump_host is empty; set the jump host, or remove the "
                f"key: pulumi config rm launchpad:server.{name}"
                for name in ("jump_user", "jump_host_key")
            ],
        ),
        (
            {
                "ssh_cidrs": '["203.0.113.7/32"]',
                "web_cidrs": '["10.0.0.0/8"]',
                "rules": '[{"port": 9, "cidr": "10.0.0.0/8"}]',
            },
            [
                f"launchpad:{name} is set, but launchpad:server.firewall is off: set it to on; or set up the server's "
                f"own firewall or its provider's, and remove the key: pulumi config rm launchpad:{name}"
                for name in ("ssh_cidrs", "web_cidrs", "rules")
            ],
        ),
        (
            {"server.firewall": "yes"},
            ["launchpad:server.firewall is 'yes'; it must be off or on"],
        ),
        (
            {"server.host": "2001:db8::1"},
            [
                "launchpad:server.host is '2001:db8::1'; it must be a host name or an IPv4 address, such as 203.0.113.7",
            ],
        ),
        (
            {"server.host": "-oProxyCommand=x"},
            [
                "launchpad:server.host is '-oProxyCommand=x'; it must be a host name or an IPv4 address, such as 203.0.113.7"
            ],
        ),
        (
            {"server.user": "a b"},
            ["launchpad:server.user is 'a b'; it must be a user name such as root or deploy"],
        ),
        (
            {"server.host_key": "ssh-ed25519 AAAA"},
            [
                "launchpad:server.host_key is 'ssh-ed25519 AAAA'; it must be a public host key such as ssh-ed25519 AAAA..., "
                "of one of the types ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ecdsa-sha2-nistp521",
            ],
        ),
    ],
)
def test_what_the_settings_show_is_told_by_key(values: dict[str, str], said: list[str]) -> None:
    assert problems({**GOOD, **values}) == said


@pytest.mark.parametrize("key", ["server.private_key", "server.jump_private_key"])
def test_a_key_that_cannot_log_in_is_told_without_itself(key: str) -> None:
    allowed = (
        f"launchpad:{key} is [secret]; it must be a private key in PEM form, with its line breaks, such as one that begins "
        "with -----BEGIN OPENSSH PRIVATE KEY-----"
    )
    assert problems({**GOOD, **JUMP, key: "canary-42"}, (key,)) == [allowed]
    assert problems({**GOOD, **JUMP, key: pem.ssh("secret")}, (key,)) == [f"{allowed}, and have no passphrase"]


def test_a_host_key_that_a_command_fetches_may_be_missing_while_the_settings_are_written() -> None:
    unfinished = {**GOOD, **JUMP, "server.host_key": "", "server.jump_host_key": ""}
    assert problems(unfinished) == [NO_KEY, NO_JUMP_KEY]
    assert parse_all(unfinished, registry.KINDS, unfinished=True).machine == "server"


def test_the_identity_is_that_of_the_server_and_not_of_who_logs_in() -> None:
    def identity(**more: str) -> str:
        return server.identity(
            parse({**GOOD, **{f"server.{name}": value for name, value in more.items()}}).of(ServerKeys)
        )

    assert identity() == identity(user="ada", address="203.0.113.8", jump_host="b", jump_host_key=HOST_KEY)
    other = HOST_KEY.replace("2l9GKJl", "2l9GKJm")
    assert len({identity(), identity(host="203.0.113.8"), identity(port="2222"), identity(host_key=other)}) == 4


REMEDY = (
    "Set a key: pulumi config set --secret launchpad:server.private_key <FILE; or add one to the agent: ssh-add FILE"
)
EMPTY = "launchpad:server.private_key is empty, and"


def test_neither_a_key_nor_an_agent_is_told() -> None:
    assert credentials.problem({}) == f"{EMPTY} there is no ssh agent (SSH_AUTH_SOCK is not set). {REMEDY}"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (0, ""),
        (1, f"{EMPTY} your ssh agent has no key. {REMEDY}"),
        (2, f"{EMPTY} your ssh agent does not answer (SSH_AUTH_SOCK is /run/agent). {REMEDY}"),
    ],
)
def test_an_agent_is_asked_whether_it_has_a_key(tmp_path: Path, code: int, why: str) -> None:
    program = tmp_path / "ssh-add"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    assert credentials.problem({"SSH_AUTH_SOCK": "/run/agent", "PATH": f"{tmp_path}:/usr/bin:/bin"}) == why


def test_a_real_agent_without_and_with_a_key(tmp_path: Path) -> None:
    socket = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    environment = {"SSH_AUTH_SOCK": socket, "PATH": "/usr/bin:/bin"}
    try:
        while not Path(socket).exists():
            assert agent.poll() is None
        assert "has no key" in credentials.problem(environment)
        subprocess.run(["ssh-add", "-q", "-"], input=pem.ssh(), env=environment, text=True, check=True)
        assert credentials.problem(environment) == ""
    finally:
        agent.terminate()
        agent.wait()
