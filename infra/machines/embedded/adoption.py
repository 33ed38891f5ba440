"""Adopting a machine whose keys are lost: a stack that has no state any more gives it new ones, as somebody asked."""

from __future__ import annotations

import json
from pathlib import Path

from infra.machines.embedded import container
from infra.machines.embedded.record import Record, save
from infra.machines.embedded.requests import Ensure
from infra.machines.embedded.shell import MachineError, progress, run

ENTER = ("--user", "--mount", "--uts", "--ipc", "--net", "--pid")
"""The namespaces that a program enters: in the container's user namespace it is root there, and nobody here."""
SET_KEYS = """
set -e
umask 077
read -r authorized
read -r public
home=$(getent passwd "$1" | cut -d: -f6)
printf '%s\\n' "$authorized" >"$home/.ssh/authorized_keys"
cat >/etc/ssh/ssh_host_ed25519_key
printf '%s\\n' "$public" >/etc/ssh/ssh_host_ed25519_key.pub
systemctl restart ssh.service
"""


def is_due(machine: Record, request: Ensure) -> bool:
    """Whether a machine has other keys than the stack that asks for it.

    Raises:
        MachineError: It has, and nobody said that the stack may change them: nobody with its keys could log in.
    """
    wanted = (request.spec.host_key, request.spec.authorized_key)
    if (machine.host_key, machine.authorized_key) == wanted:
        return False
    if not machine.adoptable:
        raise MachineError(refusal(machine.id))
    return True


def refusal(machine: str) -> str:
    """What a person reads of a machine with other keys than the stack."""
    return (
        f"Machine {machine} already exists, with keys that this stack's state does not have: an earlier state, "
        "which is lost, created it. Nothing was changed. `launchpad adopt` takes it over with the app and its data; "
        "`make destroy` removes it and everything on it."
    )


def change_keys(machines: Path, machine: Record, request: Ensure) -> None:
    """Give a running machine the keys of a stack, so that whoever has the earlier ones gets in no more.

    Raises:
        MachineError: It did not work; the next run tries again.
    """
    progress(f"adopting machine {machine.id}: giving it this stack's keys")
    config = json.loads(request.user_data.partition("\n")[2])
    text = f"{request.spec.authorized_key}\n{request.spec.host_key}\n{config['ssh_keys']['ed25519_private']}"
    inside = ["nsenter", f"--target={container.leader(machines, machine)}", *ENTER, "--", "/bin/sh", "-c", SET_KEYS]
    run([*inside, "sh", config["users"][0]["name"]], stdin=text if text.endswith("\n") else f"{text}\n")
    machine.host_key, machine.authorized_key = request.spec.host_key, request.spec.authorized_key
    machine.adoptable = False
    save(machines, machine)
