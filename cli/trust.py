"""Trusting a server: its host key fetched, compared by a person or by a fingerprint, and written into the settings."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import typer

from cli import output, server_settings
from cli.failure import Failure
from cli.stack import NAMESPACE, Stack
from infra import host_keys, ssh
from infra.host_keys import Trusted


@dataclass(frozen=True)
class Asked:
    """What was typed; empty and 0: not given."""

    host: str
    port: int = 0
    user: str = ""
    jump: str = ""
    fingerprint: str = ""
    jump_fingerprint: str = ""
    yes: bool = False


@dataclass(frozen=True)
class Claim:
    """A server that is to be trusted.

    Attributes:
        place: The server.
        name: The key of the settings that holds its host key.
        expected: The host key in the settings; empty: none yet.
        fingerprint: The fingerprint that was typed; empty: none.
        via: The jump host that leads to it.
    """

    place: ssh.Endpoint
    name: str
    expected: str
    fingerprint: str
    via: Trusted | None = None

    def __str__(self) -> str:
        return f"{self.place.host} (port {self.place.port})"


def trust(stack: Stack, asked: Asked, *, as_json: bool = False) -> None:
    """Write a server and its host key into a stack's settings, once the key has been compared.

    Raises:
        Failure: The key is not the expected one, nobody compared it, or the settings say otherwise. Nothing is written
            then.
    """
    from cli import settings_file  # noqa: PLC0415 - with YAML

    if asked.yes and not asked.fingerprint:
        raise Failure(
            "--yes is only for a key that is known: add --fingerprint SHA256:... as the server itself shows it"
        )
    held = server_settings.known(stack)
    if held.get("host", asked.host).lower() not in ("", asked.host.lower()):
        raise Failure(
            f"{NAMESPACE}:server.host of {stack.file.name} is {held['host']!r}, not {asked.host!r}. To deploy to "
            f"another server from now on, first: {server_settings.removal(stack, 'host')} && "
            f"{server_settings.removal(stack, 'host_key')}"
        )
    typed = {"host": asked.host, "port": str(asked.port or ""), "user": asked.user}
    given = server_settings.wanted(held, typed, asked.jump)
    via = None
    if given["jump_host"]:
        place = ssh.Endpoint(given["jump_host"], given["jump_user"] or given["user"], int(given["jump_port"]))
        claim = Claim(place, "jump_host_key", given["jump_host_key"], asked.jump_fingerprint)
        given["jump_host_key"] = compared(stack, claim, yes=asked.yes)
        via = Trusted(place, given["jump_host_key"], held.get("jump_private_key") or held.get("private_key") or "")
    place = ssh.Endpoint(given["host"], given["user"], int(given["port"]))
    claim = Claim(place, "host_key", given["host_key"], asked.fingerprint, via)
    given["host_key"] = compared(stack, claim, yes=asked.yes)
    values = server_settings.new(stack, held, given)
    if values:
        stack.file.write_text(settings_file.with_values(stack.text, values))
    stack.ensure_in_clone()
    if as_json:
        output.data({"stack": stack.name, "file": stack.file.name, "config": values})
        return
    written = ", ".join(f"{key}={value}" for key, value in values.items())
    output.note(f"wrote {stack.file.name}: {written}" if values else f"nothing to change in {stack.file.name}")
    output.note(f"Next: {stack.command('doctor')}, then {stack.command('up')}")


def compared(stack: Stack, claim: Claim, *, yes: bool) -> str:
    """The host key of a server, once it is known to be its own.

    Args:
        stack: The stack.
        claim: The server.
        yes: Whether a fingerprint that was typed is enough.

    Raises:
        Failure: It is not the expected one, or nobody is here to compare it.
    """
    try:
        key = host_keys.fetch(claim.place, claim.via, claim.expected.partition(" ")[0])
    except host_keys.NoHostKeyError as why:
        raise Failure(str(why)) from None
    shown = ssh.fingerprint(key)
    if claim.expected and key != claim.expected:
        raise Failure(
            f"the host key of {claim} is {shown}, but {NAMESPACE}:server.{claim.name} of {stack.file.name} is "
            f"{ssh.fingerprint(claim.expected)}. Either the server was installed anew, or somebody is between you and "
            f"it. Only if you know why it differs: {server_settings.removal(stack, claim.name)}, then trust it again"
        )
    if claim.fingerprint and claim.fingerprint != shown:
        raise Failure(f"the host key of {claim} is {shown}, not {claim.fingerprint}; nothing was written")
    if claim.expected:
        output.note(f"the host key of {claim} is the one in {stack.file.name}: {shown}")
    elif not (claim.fingerprint and yes):
        _confirm(claim, key, shown)
    return key


def _confirm(claim: Claim, key: str, shown: str) -> None:
    """Have a person compare a key.

    Raises:
        Failure: It is not the same, or there is nobody.
    """
    kind = key.partition(" ")[0]
    file = f"/etc/ssh/ssh_host_{kind.removeprefix('ssh-').partition('-')[0]}_key.pub"
    output.note(
        f"The host key of {claim} is {kind}\n  {shown}\n"
        f"Compare it with what the server itself says, on its console or at its provider:\n  ssh-keygen -lf {file}"
    )
    if not sys.stdin.isatty():
        option = "--fingerprint" if claim.name == "host_key" else "--jump-fingerprint"
        raise Failure(f"nobody is here to compare it. Give what the server says: {option} SHA256:..., with --yes")
    if not typer.confirm("Are they the same?", default=False, err=True):
        raise Failure(f"the host key of {claim} is not trusted, and nothing was written")
