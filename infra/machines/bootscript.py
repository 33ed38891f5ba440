"""The shell script that does at the first boot what ``cloudinit.user_data`` asks of cloud-init.

Lightsail puts a machine's user data behind a shell script of its own, so cloud-init reads no ``#cloud-config`` there:
it would be a comment. The script runs as root, late in the boot, when sshd has started already.
"""

from __future__ import annotations

import shlex

from infra.machines.cloudinit import SSHD

DEFAULT_ACCOUNTS = ("admin", "debian", "ubuntu")
"""The accounts of the images, which whoever holds the provider's default key could use. They are closed."""

SCRIPT = """#!/bin/sh
# Launchpad's first boot. In a subshell, so that whatever the provider has around it goes on.
(
set -eu
umask 022
hostnamectl set-hostname {hostname}
printf '127.0.1.1 %s\\n' {hostname} >> /etc/hosts
mkdir -p /etc/cloud/cloud.cfg.d /etc/ssh/sshd_config.d
printf 'preserve_hostname: true\\n' > /etc/cloud/cloud.cfg.d/99-launchpad.cfg
printf '%s\\n' {sshd} > /etc/ssh/sshd_config.d/10-launchpad.conf
/usr/sbin/sshd -t
systemctl reload ssh || systemctl restart ssh
for account in {accounts}; do
    if id "$account" >/dev/null 2>&1; then
        rm -rf "$(getent passwd "$account" | cut -d: -f6)/.ssh"
        # not deleted: cloud-init, which made it, reads its keys once more and would end with an error
        usermod --lock --expiredate 1 --shell /usr/sbin/nologin "$account"
    fi
done
rm -f /etc/sudoers.d/90-cloud-init-users
useradd --create-home --shell /bin/bash --comment Deployments --groups adm,systemd-journal {user}
printf '%s ALL=(ALL) NOPASSWD:ALL\\n' {user} > /etc/sudoers.d/90-launchpad.new
chmod 0440 /etc/sudoers.d/90-launchpad.new
mv /etc/sudoers.d/90-launchpad.new /etc/sudoers.d/90-launchpad
# the key comes last: whoever gets in finds everything in place
install -d -m 0700 -o {user} -g {user} /home/{user}/.ssh
printf '%s\\n' {key} > /home/{user}/.ssh/authorized_keys.new
chown {user}: /home/{user}/.ssh/authorized_keys.new
chmod 0600 /home/{user}/.ssh/authorized_keys.new
mv /home/{user}/.ssh/authorized_keys.new /home/{user}/.ssh/authorized_keys
)
"""


def boot_script(hostname: str, user: str, authorized_key: str) -> str:
    """Render the script: one account that logs in with a key and may use sudo, and no other access.

    It holds no secret: every process on the machine can read it. The machine keeps the host keys that it has generated.

    Args:
        hostname: The machine's host name.
        user: The name of the account.
        authorized_key: The public key that may log in.
    """
    # the provider's console logs in by certificates of an authority that the image trusts
    sshd = [*SSHD, "TrustedUserCAKeys none"]
    return SCRIPT.format(
        hostname=shlex.quote(hostname),
        user=shlex.quote(user),
        key=shlex.quote(authorized_key),
        sshd=" ".join(map(shlex.quote, sshd)),
        accounts=" ".join(DEFAULT_ACCOUNTS),
    )
