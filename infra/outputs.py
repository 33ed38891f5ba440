"""The stack's outputs with their meaning: the contract with other stacks, which read them through StackReference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSION = 2
"""Increases when an output is removed or changes its meaning; a new output does not change it."""

MEANING: dict[str, str] = {
    "outputs_version": "Version of this contract, a whole number.",
    "url": "The app's public URL; on an embedded machine, without a domain, at a name that only this computer has.",
    "health_url": "URL of the health check at the app's public address.",
    "address": "IPv4 address of the machine; on machine server its name, if that is what the settings say.",
    "machine_kind": "Kind of machine, such as embedded, ec2 or server.",
    "ssh": "Command that logs in to the machine from this computer.",
    "host_key_fingerprint": "SHA-256 fingerprint of the machine's SSH host key.",
    "firewall_rules": "Rules of the firewall, each with direction, protocol, from_port, to_port, cidr and description; "
    "none on machine server.",
    "app_user": "User that the app runs as.",
    "revision": "Full SHA of the deployed commit.",
    "release": "Name of the release on the machine.",
}


class ContractError(Exception):
    """The program's outputs differ from the contract; a bug in the program, never a mistake of its user."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the outputs against the contract.

    Args:
        values: The outputs by name, without the version.

    Returns:
        The outputs in the contract's order, with its version.

    Raises:
        ContractError: An output is missing or is not in the contract.
    """
    complete = {"outputs_version": VERSION, **values}
    if set(complete) != set(MEANING):
        raise ContractError(f"outputs and contract differ in: {', '.join(sorted(set(complete) ^ set(MEANING)))}")
    return {name: complete[name] for name in MEANING}
