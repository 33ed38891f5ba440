"""A server that is there already, as a machine."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from infra.machines.contract import JumpHost, Machine, SshAccess
from infra.machines.firewall import UNMANAGED, Firewall
from infra.machines.server.settings import ServerKeys


def machine(keys: ServerKeys, firewall: Firewall) -> Machine:
    """The machine that the keys describe. Nothing is made, and nobody connects.

    Args:
        keys: The keys.
        firewall: The rules for it, if Launchpad is to manage its firewall.
    """
    access = SshAccess(
        host=keys.host,
        host_key=keys.host_key,
        private_key=keys.private_key or None,
        user=keys.user,
        port=keys.port,
        jump=jump_host(keys),
    )
    return Machine(
        kind="server",
        address=keys.public_address,
        ssh=access,
        instance_id=identity(keys),
        boot_id="server",  # nobody but its owner restarts it
        firewall=replace(firewall, on_machine=True) if keys.manages_firewall else UNMANAGED,
        public_check=keys.public_check,
    )


def jump_host(keys: ServerKeys) -> JumpHost | None:
    """The server on the way, if there is one."""
    if not keys.jump_host:
        return None
    private_key = keys.jump_private_key or keys.private_key or None
    return JumpHost(keys.jump_host, keys.jump_host_key, keys.jump_login, keys.jump_port, private_key)


def identity(keys: ServerKeys) -> str:
    """The same for the same server: another one, or one that was installed anew, is empty."""
    text = "\0".join((keys.host, str(keys.port), keys.host_key))
    return f"server-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
