"""What every kind of machine gives to the deployment, and the only thing that the deployment knows about machines."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.firewall import Firewall

SSH_USER = "deploy"
"""The account that deployments log in with, on every kind of machine: key only, sudo without a password."""


@dataclass(frozen=True)
class Machine:
    """A running Debian or Ubuntu with systemd, reachable by SSH with a host key known beforehand."""

    kind: str
    """``embedded`` or ``ec2``."""

    address: pulumi.Output[str]
    """Where the desk and the app's visitors reach it: an IPv4 address."""

    ssh_user: str
    ssh_port: int

    host_key: pulumi.Output[str]
    """The machine's own public key, ``ssh-ed25519 AAAA...``, known before the first connection."""

    private_key: pulumi.Output[str]
    """The client's private key in OpenSSH format; a secret."""

    instance_id: pulumi.Output[str]
    """Changes when the machine is a new one with an empty disk: everything on it has to be done again."""

    boot_id: pulumi.Output[str]
    """Changes when we started the machine again; its disk was kept."""

    resource: pulumi.Resource
    """What later steps depend on, and are deleted with."""

    firewall: Firewall

    ssh_host: pulumi.Output[str] | None = None
    """Where deployments find SSH (at ``ssh_port``) if not at ``address``: the near end of a tunnel."""

    ssh_proxy: pulumi.Output[str] | None = None
    """The ProxyCommand with which a person's ssh reaches the machine, where there is no direct way."""
