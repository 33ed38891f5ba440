"""What a stack's settings say about its server, and what is written into them once its host key is trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cli import config, output
from cli.failure import Failure
from cli.stack import NAMESPACE, Stack

KIND = "server"
JUMP = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<host>[^@:]+)(?::(?P<port>\d+))?")
"""A jump host as ssh's -J takes one."""


def known(stack: Stack) -> dict[str, str]:
    """What the stack's settings say, secrets included, by the keys' short names.

    Raises:
        Failure: The stack has a machine of another kind.
    """
    from infra.config.written import read  # noqa: PLC0415 - late: only this reads them

    if stack.file.is_file() and stack.machine != KIND:
        raise Failure(
            f"stack {stack.name} has machine {stack.machine}, and only a machine {KIND} has a host key to trust; for a "
            f"stack of its own, first: {output.command('init', 'REPOSITORY', '--machine', KIND, '--stack', 'NAME')}"
        )
    keys, _ = read(config.of_stack(stack).values, (KIND,), frozenset())
    prefix = f"{KIND}."
    return {key.name.removeprefix(prefix): key.text for key in keys if key.name.startswith(prefix)}


def wanted(held: Mapping[str, str], typed: Mapping[str, str], jump: str) -> dict[str, str]:
    """The server's keys as they are to be: what was typed, else what is set, else the default.

    Args:
        held: What is set.
        typed: What was typed; empty: nothing.
        jump: The jump host as it was typed; empty: not at all.

    Raises:
        Failure: The jump host is not written as one.
    """
    from infra.config.key import declared  # noqa: PLC0415 - late: only this needs them
    from infra.machines.server.settings import ServerKeys  # noqa: PLC0415

    names = ("host", "port", "user", "host_key", "jump_host", "jump_port", "jump_user", "jump_host_key")
    keys = declared(ServerKeys)
    found = {name: typed.get(name) or held.get(name) or keys[name].default for name in names}
    if not jump:
        return found
    parts = JUMP.fullmatch(jump)
    if not parts:
        raise Failure(f"--jump {jump}: it must be [USER@]HOST[:PORT]")
    same = parts["host"] == found["jump_host"]
    return found | {
        "jump_host": parts["host"],
        "jump_port": parts["port"] or keys["jump_port"].default,
        "jump_user": parts["user"] or "",
        "jump_host_key": found["jump_host_key"] if same else "",
    }


def new(stack: Stack, held: Mapping[str, str], given: Mapping[str, str]) -> dict[str, object]:
    """The settings that are not as they are to be, by their names without the namespace; no default is written."""
    from infra.config.key import declared  # noqa: PLC0415 - late, as above
    from infra.machines.server.settings import ServerKeys  # noqa: PLC0415

    keys = declared(ServerKeys)
    changed = {name: value for name, value in given.items() if value != (held.get(name) or keys[name].default)}
    machine = {} if stack.setting("machine") == KIND else {"machine": KIND}
    return {**machine, **{f"{KIND}.{name}": value for name, value in changed.items()}}


def removal(stack: Stack, name: str) -> str:
    """The command that removes a key of the server."""
    return f"pulumi config rm --stack {stack.name} {NAMESPACE}:{KIND}.{name}"
