"""A machine's processes: a systemd-nspawn container whose root is nobody on this computer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from infra.machines.embedded import cgroup
from infra.machines.embedded.record import Record, directory, save
from infra.machines.embedded.shell import ENVIRONMENT, MachineError

USERS = 0x4C500000
"""The user id here of a container's root, out of systemd's range for containers; 65536 ids from there are its users.
All machines share them, as they share the base image, whose files belong to them."""

DROPPED = ("CAP_NET_ADMIN", "CAP_MKNOD", "CAP_SYS_MODULE", "CAP_SYS_TTY_CONFIG", "CAP_AUDIT_CONTROL")
"""CAP_NET_ADMIN above all: without it a machine cannot change its own security group or address, just as on EC2."""

CONSOLE, OLDER_CONSOLE = "console.log", "console.log.1"
KEEP_CONSOLE = """
keep() {
    until [ -e "$1" ] && [ ! -s "$1" ]; do
        if [ -e "$1" ]; then mv "$1" "$1.1"; fi
        dd bs=512 count=8192 status=none of="$1"
    done
}
log=$1
shift
rm -f "$log" "$log.1"
exec "$@" > >(exec 2>/dev/null; keep "$log") 2>&1
"""
"""Runs a command whose output goes to a log of at most 4 MB, and one before it: a machine may print for ever."""

TREE_LOCK = "tree-lock"
"""Where it is written down which file nspawn locks while the machine runs: when it is killed, that file stays."""

BOOT_LIMIT = 30.0
STOP_LIMIT = 30.0


def command(machines: Path, record: Record) -> list[str]:
    """The container's command line."""
    place = directory(machines, record.id)
    return [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        f"--machine={record.id}",
        f"--directory={place}/root",
        f"--private-users={USERS}:65536",
        "--private-users-ownership=off",
        "--private-network",
        f"--drop-capability={','.join(DROPPED)}",
        f"--bind-ro={place}/resolv.conf:/etc/resolv.conf",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--kill-signal=SIGRTMIN+3",
        "--boot",
    ]


def start(machines: Path, record: Record) -> None:
    """Start the container and write down its process, which waits until that is done before it becomes a container."""
    place = directory(machines, record.id)
    limits = cgroup.Limits(record.memory, record.cpus)
    # an `exec` behind a `read`: if this driver is killed before the process is on record, the read ends and so does it
    gate = ["sh", "-c", 'read -r go && exec "$@" </dev/null', "gate"]
    seen = (place / "root").stat()
    (place / TREE_LOCK).write_text(f"/run/systemd/nspawn/locks/inode-{seen.st_dev}:{seen.st_ino}")
    console = ["bash", "-c", KEEP_CONSOLE, "console", str(place / CONSOLE)]
    process = subprocess.Popen(
        [*gate, *cgroup.launcher(record.id, limits), *console, *command(machines, record)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**ENVIRONMENT, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        start_new_session=True,
    )
    assert process.stdin is not None
    cgroup.enter(record.id, limits, process.pid, USERS)
    record.pid, record.started = process.pid, start_time(process.pid)
    save(machines, record)
    process.stdin.write(b"go\n")
    process.stdin.close()
    process.returncode = 0  # it outlives us: keep Popen from warning about that


def is_running(record: Record) -> bool:
    """Whether the recorded process is there and is the one that we started."""
    return record.started > 0 and start_time(record.pid) == record.started and is_about(record.pid, record.id)


def is_about(pid: int, machine: str) -> bool:
    """Whether a process was started for a machine: after this computer's restart, its number may be another's."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # without words, it is about to run another program, or to end
    return f"--machine={machine}".encode() in words or not any(words)


def began(pid: int) -> float:
    """When a process started, in seconds since 1970; 0 for one that is gone."""
    ticks = start_time(pid)
    booted = next(line.split()[1] for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    return 0 if ticks < 0 else int(booted) + ticks / os.sysconf("SC_CLK_TCK")


def start_time(pid: int) -> int:
    """When a process started, in ticks since boot; -1 for one that is gone or a zombie."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if words[0] in "ZX" else int(words[19])


def leader(machines: Path, record: Record) -> int:
    """The process on this computer that is process 1 inside, once it has a network of its own.

    Raises MachineError with the console's last words if the container ends before.
    """
    ours = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + BOOT_LIMIT
    while time.monotonic() < deadline:
        if not is_running(record):
            raise MachineError(f"The machine ended right after its start. {last_words(machines, record.id)}")
        for pid in children(record.pid):
            try:
                if Path(f"/proc/{pid}/ns/net").readlink() != ours:
                    return pid
            except OSError:
                continue
        time.sleep(0.01)
    raise MachineError(f"The machine did not start within {BOOT_LIMIT:.0f} s. {last_words(machines, record.id)}")


def raise_if_ended(machines: Path, record: Record) -> None:
    """Raise MachineError with the console's last words if the container ended, or is about to."""
    for _ in range(50):
        if not is_running(record):
            raise MachineError(f"The machine ended right after its start. {last_words(machines, record.id)}")
        time.sleep(0.02)


def wait_until_up(machines: Path, record: Record, pid: int) -> None:
    """Wait until systemd runs inside. Raises MachineError with the console's last words if it ends or hangs instead."""
    deadline = time.monotonic() + BOOT_LIMIT
    while not listens(pid, "/run/systemd/private"):
        if not is_running(record) or time.monotonic() > deadline:
            raise MachineError(f"The machine did not boot. {last_words(machines, record.id)}")
        time.sleep(0.02)


def listens(pid: int, socket: str) -> bool:
    """Whether a Unix socket is open in a process's network: told by the kernel, as the machine owns its files."""
    try:
        sockets = Path(f"/proc/{pid}/net/unix").read_text(errors="replace")
    except OSError:
        return False
    return any(line.endswith(f" {socket}") for line in sockets.splitlines())


def descendants(pid: int) -> set[int]:
    """A process and everything that it started."""
    return {pid}.union(*(descendants(child) for child in children(pid)))


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def last_words(machines: Path, machine: str) -> str:
    """The end of the console's output, for error messages."""
    place = directory(machines, machine)
    text = "".join(tail(place / name) for name in (OLDER_CONSOLE, CONSOLE))[-2000:]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "Its console's last lines:\n  " + "\n  ".join(lines[-8:]) if lines else "Its console is empty."


CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[^\n\x20-\x7e\u00a1-\ud7ff\ue000-\U0010ffff]")


def tail(log: Path) -> str:
    """The end of a log, without what would command the terminal that shows it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8000))
            return CONTROL.sub("", file.read(8000).decode(errors="replace"))
    except FileNotFoundError:
        return ""


def stop(machines: Path, record: Record) -> None:
    """Have a machine shut down, and end by force what does not."""
    if is_running(record):
        os.kill(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT
        while is_running(record) and time.monotonic() < deadline:
            time.sleep(0.02)
    kill(machines, record.id, record)


def kill(machines: Path, machine: str, record: Record | None) -> None:
    """End every process of a machine by force, and remove what nspawn leaves behind."""
    if record and is_running(record):
        for pid in (*children(record.pid), record.pid):
            cgroup.kill(pid)
    cgroup.clear(machine)
    for leftover in ("propagate", "unix-export"):
        shutil.rmtree(f"/run/systemd/nspawn/{leftover}/{machine}", ignore_errors=True)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        Path((directory(machines, machine) / TREE_LOCK).read_text()).unlink()
        (directory(machines, machine) / TREE_LOCK).unlink()
