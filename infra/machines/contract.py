"""The contract between machines and deployments: all that a deployment knows about its machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from infra import ssh
from infra.machines.firewall import Firewall
from infra.protocol.database import Server

if TYPE_CHECKING:
    from pulumi_command.remote import ConnectionArgs, ProxyConnectionArgs

SSH_USER = "deploy"
"""The account for deployments on every kind of machine: key login only, sudo without a password."""

DIAL_TIMEOUT = 10
"""Timeout of one attempt to connect, in seconds."""


@dataclass(frozen=True)
class Tunnel:
    """The workstation's end of a tunnel to a machine's SSH port."""

    host: pulumi.Input[str]
    port: int


@dataclass(frozen=True)
class JumpHost:
    """An SSH server that every connection to a machine goes through; its host key is known beforehand, too."""

    host: pulumi.Input[str]
    host_key: pulumi.Input[str]
    user: str
    port: int = ssh.PORT
    private_key: pulumi.Input[str] | None = None
    """The client's private key for it in OpenSSH format; a secret. None: the keys of the user's SSH agent."""

    def endpoint(self) -> pulumi.Output[ssh.Endpoint]:
        """Where ssh logs in."""
        return pulumi.Output.from_input(self.host).apply(
            lambda host: ssh.Endpoint(host, self.user, self.port, self.private_key is not None)
        )

    def known_hosts_line(self) -> pulumi.Output[str]:
        """Its line for a known_hosts file."""
        return _known_hosts_line(self.host, self.port, self.host_key)


@dataclass(frozen=True)
class SshAccess:
    """How deployments and people log in to a machine; the host key is known beforehand."""

    host: pulumi.Input[str]

    host_key: pulumi.Input[str]
    """The machine's public host key, ``ssh-ed25519 AAAA...``, known before the first connection."""

    private_key: pulumi.Input[str] | None
    """The client's private key in OpenSSH format; a secret. None: the keys of the user's SSH agent."""

    user: str = SSH_USER
    """The account: root, or one that may run sudo without a password."""

    port: int = ssh.PORT

    proxy_command: pulumi.Input[str] | None = None
    """The ProxyCommand for ``ssh`` on the command line, if there is no direct connection."""

    tunnel: Tunnel | None = None
    """Where deployments connect instead of ``host`` and ``port``, because they cannot run a ProxyCommand."""

    jump: JumpHost | None = None
    """The SSH server that leads to the machine, if there is no direct connection."""

    @property
    def sudo(self) -> str:
        """What the command lines on the machine begin with: ``sudo``, or nothing for root."""
        return ssh.sudo(self.user)

    @property
    def dialled(self) -> Tunnel:
        """The host and port that deployments connect to."""
        return self.tunnel or Tunnel(self.host, self.port)

    def connection(self, dial_error_limit: int) -> ConnectionArgs:
        """The connection of a pulumi-command resource.

        Args:
            dial_error_limit: Number of failed attempts after which it gives up; -1: never.
        """
        from pulumi_command.remote import ConnectionArgs  # noqa: PLC0415 - late: the host of our providers needs none

        return ConnectionArgs(
            host=self.dialled.host,
            port=self.dialled.port,
            user=self.user,
            private_key=secret(self.private_key),
            host_key=self.host_key,
            dial_error_limit=dial_error_limit,
            per_dial_timeout=DIAL_TIMEOUT,
            proxy=self._proxy(dial_error_limit),
        )

    def _proxy(self, dial_error_limit: int) -> ProxyConnectionArgs | None:
        if self.jump is None:
            return None
        from pulumi_command.remote import ProxyConnectionArgs  # noqa: PLC0415 - as above

        return ProxyConnectionArgs(
            host=self.jump.host,
            port=self.jump.port,
            user=self.jump.user,
            private_key=secret(self.jump.private_key),
            host_key=self.jump.host_key,
            dial_error_limit=dial_error_limit,
            per_dial_timeout=DIAL_TIMEOUT,
        )

    def login(self) -> pulumi.Output[ssh.Login]:
        """The way that a person takes."""
        jump = self.jump.endpoint() if self.jump else None
        return pulumi.Output.all(self.host, jump, self.proxy_command or "").apply(
            lambda values: ssh.Login(
                ssh.Endpoint(values[0], self.user, self.port, self.private_key is not None), values[1], values[2]
            )
        )

    def command_line(self, folder: Path) -> pulumi.Output[str]:
        """The command that logs in to the machine; ``folder`` holds the files for it."""
        return self.login().apply(lambda login: ssh.command_line(folder, login))

    def known_hosts_line(self) -> pulumi.Output[str]:
        """The machine's line for a known_hosts file."""
        return _known_hosts_line(self.host, self.port, self.host_key)

    def fingerprint(self) -> pulumi.Output[str]:
        """The host key's fingerprint in ssh's format."""
        return pulumi.Output.from_input(self.host_key).apply(ssh.fingerprint)


@dataclass(frozen=True)
class Machine:
    """A running Debian or Ubuntu with systemd that deployments log in to over SSH."""

    kind: str
    """The kind's name, as in ``launchpad:machine``; your own machines may have any name."""

    address: pulumi.Input[str]
    """The IPv4 address or host name for the workstation and the app's visitors."""

    ssh: SshAccess

    instance_id: pulumi.Input[str]
    """Changes when the machine is replaced by a new one with an empty disk, so that every step runs again."""

    boot_id: pulumi.Input[str]
    """Changes when Launchpad restarts the machine; the disk is kept."""

    firewall: Firewall
    """The machine's firewall."""

    local_ports: pulumi.Input[Mapping[str, str]] | None = None
    """The ports of the workstation's loopback that lead to the machine's ports, by the latter; None if there are none.

    The app is then ``http://APP.localhost:PORT`` for the workstation, unless it has a domain."""

    resource: pulumi.Resource | None = None
    """The resource that later steps depend on and are deleted with; None if the program does not own the machine."""

    data_disk: pulumi.Input[str] | None = None
    """Where the disk is that keeps the data when the machine is replaced (see ``infra.protocol.data_disk``).

    None: the data is on the machine's own disk. ``mounted``: the kind of machine has mounted it. Otherwise the path of
    a block device on the machine, which ``prepare`` formats if it is blank, and mounts."""

    data_disk_size: pulumi.Input[int] = 0
    """Its size in GB where it may grow: with another one ``prepare`` runs again, which grows the file system."""

    database: pulumi.Input[Server] | None = None
    """The database server beside the machine, for apps whose ``database`` is ``rds``; None: there is none."""

    needs: tuple[pulumi.Resource, ...] = ()
    """What has to be done on the machine before anything is deployed there."""

    public_check: bool = True
    """Whether the workstation reaches the app's public ports, so that it can ask whether a release answers there."""

    def is_checked_at(self, port: int) -> bool:
        """Whether a release is to answer the workstation at a public port."""
        return self.public_check and (not self.firewall.managed or self.firewall.is_open_to_all(port))


def secret(value: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """A value as a secret; None stays None, so that it is no input at all."""
    return None if value is None else pulumi.Output.secret(value)


def _known_hosts_line(host: pulumi.Input[str], port: int, host_key: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(host, host_key).apply(lambda values: ssh.known_hosts_line(values[0], port, values[1]))
