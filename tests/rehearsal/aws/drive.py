"""The disks of the embedded machines that play instances, as root: ``python -m tests.rehearsal.aws.drive VERB ...``.

A container can neither see nor mount a block device. So an attached volume is a file with a file system that is mounted in the
running machine from outside, at the place where ``prepare`` would mount it. A machine that stops lets go of it.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.machines.embedded import container, record
from infra.machines.embedded.mounts import CLONE_NEWNS, check
from infra.protocol.paths import DATA_DISK

SIZE = 256 * 2**20
OPEN_TREE, MOVE_MOUNT = 428, 429
CLONE_TREE, EMPTY_PATH = 1, 4
"""OPEN_TREE_CLONE and MOVE_MOUNT_F_EMPTY_PATH. Source: linux/mount.h; the system calls have no names in every libc."""
HERE = -100
"""AT_FDCWD."""


def attach(machines: Path, machine: str, image: Path) -> None:
    """Mount a volume's file in a running machine; it is made and formatted where it is missing."""
    found = record.load(machines, machine)
    assert found is not None
    pid = container.leader(machines, found)
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(SIZE)
        owner = f"root_owner={container.USERS}:{container.USERS}"
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", owner, image], check=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-o", "loop", image, folder], check=True)
        try:
            hand_over(folder, pid)
        finally:
            subprocess.run(["umount", folder], check=True)


def hand_over(folder: str, pid: int) -> None:
    """Mount what is mounted at a folder in the mount namespace of a process, too."""
    libc = ctypes.CDLL(None, use_errno=True)
    tree = libc.syscall(OPEN_TREE, HERE, os.fsencode(folder), CLONE_TREE)
    check(min(tree, 0))
    child = os.fork()
    if child == 0:
        with Path(f"/proc/{pid}/ns/mnt").open() as space:
            root = os.open(f"/proc/{pid}/root", os.O_RDONLY)
            check(libc.setns(space.fileno(), CLONE_NEWNS))
        os.fchdir(root)
        os.chroot(".")
        Path(DATA_DISK).mkdir(parents=True, exist_ok=True)
        check(libc.syscall(MOVE_MOUNT, tree, b"", HERE, os.fsencode(DATA_DISK), EMPTY_PATH))
        os._exit(0)
    os.close(tree)
    assert os.waitpid(child, 0)[1] == 0, "the disk could not be mounted in the machine"


def stop(machines: Path, machine: str) -> None:
    """Shut the machine down as its power button would."""
    found = record.load(machines, machine)
    assert found is not None
    container.stop(machines, found)


if __name__ == "__main__":
    verb, place, *rest = sys.argv[1:]
    {"attach": attach, "stop": stop}[verb](Path(place), *(Path(each) if "/" in each else each for each in rest))  # type: ignore[operator]
