"""The recipe of a base image: everything that determines its contents."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.machines.embedded import sources
from infra.machines.embedded.container import USERS
from infra.machines.embedded.shell import run

REVISION = 1
"""Increase it when the steps below change, so that cached images of the old recipe are not used."""

SUITES = ("trixie", "bookworm")
"""The Debian releases that a machine may run; the first is the default."""

PACKAGES = (
    # the machine itself: systemd as process 1, logins, sudo, and cloud-init for the user data
    *("systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sudo", "cloud-init", "ca-certificates"),
    *("iproute2", "nftables", "procps", "less"),
    # preinstalled to save time: the deployment's first step installs these on any machine that lacks them
    *("python3", "python3-venv", "git", "curl", "caddy"),
    # and the settings of the machine this one; its timers stay off until they turn them on
    "unattended-upgrades",
)

CUSTOMIZE = r"""
set -e
cd "$1"
rm -f etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub
: >etc/machine-id
rm -f var/lib/dbus/machine-id
: >etc/fstab
: >etc/resolv.conf
cat >etc/cloud/cloud.cfg.d/90-launchpad.cfg <<END
datasource_list: [ NoCloud, None ]
network: {config: disabled}
END
chroot . update-ca-certificates >/dev/null
chroot . systemctl --quiet disable caddy.service apt-daily.timer apt-daily-upgrade.timer
# the driver sets the address, the clock is this computer's, and the console is a log file
chroot . systemctl --quiet mask systemd-networkd.service systemd-resolved.service systemd-timesyncd.service \
    systemd-networkd.socket console-getty.service
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines the contents of the image, and the proxies for building it."""

    suite: str
    sources: str | None
    settings: str
    certificates: tuple[tuple[str, str], ...]
    proxies: tuple[tuple[str, str], ...] = ()

    def key(self) -> str:
        """The name of the image in the cache, derived from the recipe."""
        parts = [REVISION, platform.machine(), PACKAGES, CUSTOMIZE, self.suite, self.sources, self.settings, USERS]
        text = json.dumps([*parts, self.certificates])
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def of_this_computer(suite: str, proxies: Mapping[str, str]) -> Recipe:
    """The recipe for a suite on this computer."""
    system = platform.freedesktop_os_release()
    apt_sources = None
    if system.get("ID") == "debian":
        apt_sources = sources.derive(sources.sources_files(Path("/etc/apt")), system.get("VERSION_CODENAME", ""), suite)
    authorities = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    return Recipe(
        suite=suite,
        sources=apt_sources,
        settings=sources.inherited_settings(run(["apt-config", "dump"])),
        certificates=tuple((path.name, path.read_text()) for path in authorities),
        proxies=tuple(sorted(proxies.items())),
    )
