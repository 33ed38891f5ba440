"""The stack's outputs by name and meaning: the contract with other stacks, which read them by StackReference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSION = 1
"""Goes up when an output is removed or changes its meaning; a new output leaves it as it is."""

MEANING: dict[str, str] = {
    "outputs_version": "The version of this contract: a whole number.",
    "url": "Where the app answers, as a person types it.",
    "health_url": "What the health check asks for, through the machine's public door.",
    "public_ip": "The machine's IPv4 address.",
    "machine": "The kind of machine: embedded or ec2.",
    "ssh": "A command that logs in to the machine from this computer.",
    "host_key_fingerprint": "SHA-256 fingerprint of the machine's SSH host key.",
    "security_group_rules": "What the firewall allows: direction, protocol, from_port, to_port, cidr, description.",
    "app_user": "The user that the app runs as.",
    "revision": "The commit that is deployed: its full SHA.",
    "release": "The release's name on the machine.",
}


class ContractError(Exception):
    """The program does not export what the contract promises; a defect of the program, never of its user."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the contract's order, with its version.

    Raises ``ContractError`` where one is missing or is not in the contract.
    """
    complete = {"outputs_version": VERSION, **values}
    if set(complete) != set(MEANING):
        raise ContractError(f"outputs and contract differ in: {', '.join(sorted(set(complete) ^ set(MEANING)))}")
    return {name: complete[name] for name in MEANING}
