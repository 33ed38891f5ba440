"""Whether the server answers with the host key that the settings have: asked before anything is made."""

from __future__ import annotations

from infra import host_keys, ssh
from infra.config.key import NAMESPACE
from infra.machines.server.settings import ServerKeys

TIMEOUT = 5
"""Seconds that it may take. One that does not answer is told of by the first step that needs it."""


def problem(keys: ServerKeys, stack: str) -> str:
    """What is wrong with the server's host key, or its jump host's; empty if nothing is, or nobody answers.

    Args:
        keys: The keys.
        stack: The stack, for the commands that the message names.
    """
    place, kind = ssh.Endpoint(keys.host, keys.user, keys.port), keys.host_key.partition(" ")[0]
    jump = ssh.Endpoint(keys.jump_host, keys.jump_login, keys.jump_port)
    via = None
    if keys.jump_host:
        via = host_keys.Trusted(jump, keys.jump_host_key, keys.jump_private_key or keys.private_key)
    try:
        found = host_keys.fetch(place, via, kind, TIMEOUT)
    except host_keys.NoHostKeyError as error:
        if error.wrong_kind:
            return f"{NAMESPACE}:server.host_key is another: {error}. {_remedy('host_key', stack, keys.host)}"
        return _of_jump_host(keys, jump, stack) if error.refused and via else ""
    return _compared(place, "host_key", keys.host_key, found, _remedy("host_key", stack, keys.host))


def _of_jump_host(keys: ServerKeys, jump: ssh.Endpoint, stack: str) -> str:
    try:
        found = host_keys.fetch(jump, None, keys.jump_host_key.partition(" ")[0], TIMEOUT)
    except host_keys.NoHostKeyError:
        return ""
    return _compared(jump, "jump_host_key", keys.jump_host_key, found, _remedy("jump_host_key", stack, keys.host))


def _compared(place: ssh.Endpoint, name: str, expected: str, found: str, remedy: str) -> str:
    if found == expected:
        return ""
    return (
        f"the host key of {place.host} (port {place.port}) is {ssh.fingerprint(found)}, but {NAMESPACE}:server.{name} "
        f"is {ssh.fingerprint(expected)}. {remedy}"
    )


def _remedy(name: str, stack: str, host: str) -> str:
    return (
        "Either the server was installed anew, or somebody is between you and it; nothing was sent and nothing "
        f"changed. Only if you know why it differs: pulumi config rm --stack {stack} {NAMESPACE}:server.{name} && "
        f"launchpad trust {host} --stack {stack}"
    )
