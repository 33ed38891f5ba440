"""The stack's outputs with their meaning: the contract with other stacks, which read them through StackReference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

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
    "none on machine server, unless server.firewall is on.",
    "app_user": "User that the app runs as.",
    "revision": "Full SHA of the deployed commit.",
    "release": "Name of the release on the machine.",
    "apps": "Each app by its name, a map of url, health_url, user, revision and release; the last two are empty for an "
    "app whose deployment failed while others went on.",
}

OF_ONE_APP = {
    "url": "url",
    "health_url": "health_url",
    "app_user": "user",
    "revision": "revision",
    "release": "release",
}
"""The outputs that a stack has only if it has one app, and what they are called in ``apps``."""


class AppOutputs(TypedDict):
    """The outputs of one app."""

    url: Any
    health_url: Any
    user: str
    revision: Any
    release: Any


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
    wanted = set(MEANING) - (set() if len(values.get("apps", "1")) == 1 else set(OF_ONE_APP))
    if set(complete) != wanted:
        raise ContractError(f"outputs and contract differ in: {', '.join(sorted(set(complete) ^ wanted))}")
    return {name: complete[name] for name in MEANING if name in complete}


def of_apps(apps: Mapping[str, AppOutputs]) -> dict[str, Any]:
    """The outputs of the apps: each by its name, and those that one app has by itself."""
    if len(apps) != 1:
        return {"apps": apps}
    (only,) = apps.values()
    return {"apps": apps, **{name: only[short] for name, short in OF_ONE_APP.items()}}  # type: ignore[literal-required]
