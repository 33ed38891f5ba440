"""The cloud-init user data that turns a fresh Debian into a machine for Launchpad."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HostKey:
    """A machine's SSH host key: public and private key in OpenSSH format."""

    public: str
    private: str


def host_name(project: str, stack: str, machine: str) -> str:
    """The machine's host name: a DNS label of at most 63 characters, without characters that labels may not contain."""
    return re.sub(r"[^a-z0-9]+", "-", f"{project}-{stack}-{machine}".lower())[:63].strip("-")


def user_data(
    *,
    hostname: str,
    user: str,
    authorized_key: str,
    host_key: HostKey | None = None,
    packages: Sequence[str] = (),
) -> str:
    """Render the ``#cloud-config`` text: one account that logs in with a key and may use sudo, and no other access.

    Args:
        hostname: The machine's host name.
        user: The name of the account.
        authorized_key: The public key that may log in.
        host_key: The machine's host key. Pass it only if nobody else can read the user data. On EC2, every process on
            the instance can read it, and so can everyone who may describe the instance: leave it out there, so that
            the instance generates its own.
        packages: Debian packages to install at the first boot.
    """
    config: dict[str, Any] = {
        "hostname": hostname,
        # without the host name in /etc/hosts, sudo prints a warning at every call
        "manage_etc_hosts": True,
        # generating a locale takes seconds and needs the package `locales`
        "locale": False,
        "users": [
            {
                "name": user,
                "gecos": "Deployments",
                "groups": ["adm", "systemd-journal"],
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": [authorized_key],
            }
        ],
        # `ssh_pwauth` is left out: SSHD below turns passwords off before sshd starts. cloud-init would change another
        # file and restart sshd; a connection at that moment keeps the port, and the new sshd ends with 255, which
        # Debian's unit takes for final.
        "disable_root": True,
        "ssh_deletekeys": True,
        "write_files": [
            {
                # sorts before the distribution's own drop-ins, because sshd uses the first value that it reads
                "path": "/etc/ssh/sshd_config.d/10-launchpad.conf",
                "permissions": "0644",
                "content": "".join(f"{line}\n" for line in SSHD),
            }
        ],
    }
    if host_key:
        config["ssh_keys"] = {"ed25519_private": host_key.private, "ed25519_public": host_key.public}
    else:
        config["ssh_genkeytypes"] = ["ed25519"]
    if packages:
        config["package_update"] = True
        config["packages"] = list(packages)
    # JSON is a subset of YAML without its surprises
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"


SSHD = (
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    "PermitRootLogin no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "AuthenticationMethods publickey",
    "X11Forwarding no",
)
