"""What this computer needs before it can have a machine: programs, and room for the disk and the base image."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.machines.embedded import base, disk, recipe, sources
from infra.machines.embedded.requests import Check, Place
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.volume import SYSTEM

PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "losetup": "mount",
    "nsenter": "util-linux",
}
"""The Debian package of each program that makes and runs machines."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where they are looked for: root's, whoever asks."""


def obstacles(place: Place, request: Check) -> list[str]:
    """What prevents creating a machine on this computer, one line each."""
    try:
        check_programs()
        nearest = existing(place.machines)
        disk.need_space(nearest, disk.SPARE)
        disk.need_room(nearest / disk.IMAGE, request.disk, SYSTEM.key)
        if not base.directory(place.cache, recipe.of_this_computer(request.suite, {})).is_dir():
            disk.need_space(existing(place.cache), base.SPACE)
    except MachineError as error:
        return [str(error)]
    return []


def existing(place: Path) -> Path:
    """The nearest existing ancestor of a path, or the path itself."""
    return next(path for path in (place, *place.parents) if path.is_dir())


def check_programs() -> None:
    """Check that the required programs are installed.

    Raises:
        MachineError: Some are missing; the message has the command that installs them.
    """
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)})
    if not Path(sources.KEYRING).exists():
        missing.append("debian-archive-keyring")
    if missing:
        raise MachineError(
            f"The embedded machine requires programs that are not installed. Run: apt-get install {' '.join(missing)}"
        )
