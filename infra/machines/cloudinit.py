"""The user data that makes a fresh Debian into a machine of ours, on every kind of machine that runs cloud-init."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HostKey:
    """The key that a machine proves itself with: both halves in OpenSSH format."""

    public: str
    private: str


def user_data(
    *,
    hostname: str,
    user: str,
    authorized_key: str,
    host_key: HostKey | None = None,
    packages: Sequence[str] = (),
) -> str:
    """The ``#cloud-config`` text: one account that logs in with a key and may use sudo, and no other way in.

    ``host_key`` is for machines whose user data nobody else can read. On EC2 every process on the instance can read
    it, and so can whoever may describe the instance: leave it out there, and let the instance publish its own key.
    """
    config: dict[str, Any] = {
        "hostname": hostname,
        # without its own name in /etc/hosts, sudo complains at every call
        "manage_etc_hosts": True,
        # generating one takes seconds and the package `locales`
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
        "ssh_pwauth": False,
        "disable_root": True,
        "ssh_deletekeys": True,
        "write_files": [
            {
                # before the distribution's own drop-ins: sshd keeps the first value that it reads
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
    # JSON is YAML, without its surprises
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"


SSHD = (
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    "PermitRootLogin no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "AuthenticationMethods publickey",
    "X11Forwarding no",
)
