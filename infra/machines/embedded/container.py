"""A machine's processes: a systemd-nspawn container whose root is an unprivileged user on this computer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from infra.common import procfs
from infra.machines.embedded import cgroup, data, memory
from infra.machines.embedded.record import Record, directory, save
from infra.machines.embedded.shell import ENVIRONMENT, MachineError

USERS = 0x4C500000
"""The id, on this computer, of a container's root: the first of the container's 65536 user ids.

It is outside systemd's range for containers. All machines share these ids, because they share the base image, whose
files belong to them.

Source: https://systemd.io/UIDS-GIDS/
"""

DROPPED: tuple[str, ...] = ("CAP_NET_ADMIN", "CAP_MKNOD", "CAP_SYS_MODULE", "CAP_SYS_TTY_CONFIG", "CAP_AUDIT_CONTROL")
"""Capabilities that a machine lacks. Without CAP_NET_ADMIN, it cannot change its own firewall or address, as on EC2."""

PROGRAM = Path(__file__).resolve().parents[3]
"""The directory with the package that this module is in."""

CONSOLE, OLDER_CONSOLE = "console.log", "console.log.1"
SUPERVISE = """
keep() {
    until [ -e "$1" ] && [ ! -s "$1" ]; do
        if [ -e "$1" ]; then mv "$1" "$1.1"; fi
        if ! dd bs=512 count=8192 status=none of="$1"; then
            [ -d "${1%/*}" ] || return
            dd bs=512 count=8192 status=none of=/dev/null
            sleep 1
        fi
    done
}
log=$1 resume=$2 program=$3 python=$4
shift 4
rm -f "$log" "$log.1"
(read -r go && exec "$@" </dev/null) <&0 > >(exec 2>/dev/null; keep "$log") 2>&1 &
echo $!
exec </dev/null >/dev/null
wait $!
[ $? = 133 ] && cd "$program" || exit 0
exec "$python" -B -m infra.machines.embedded.driver resume <"$resume" >"$resume.log" 2>&1
"""
"""Runs a command once it has read a line, prints its process id before, and has the driver start a machine anew that
restarts from inside: nspawn ends with status 133 then.

It writes the command's output to a log of at most 4 MB plus one older log, because a machine never stops printing.
Where it cannot, as the disk is full, the output is lost and the machine goes on. It ends with the log's directory.

Source: systemd-nspawn's src/nspawn/nspawn.c, EXIT_FORCE_RESTART with --keep-unit.
"""

RESUME = "resume.json"
"""The driver's request to start a machine that restarts from inside."""

TREE_LOCK = "tree-lock"
"""The file that names nspawn's lock file for the running machine: if nspawn is killed, it leaves that file behind."""

BOOT_LIMIT = 30.0
"""Seconds that a machine may take to boot."""

STOP_LIMIT = 30.0
"""Seconds that a machine may take to shut down before it is killed."""


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
        *memory.bind(machines, record),
        *data.bind(machines, record),
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--kill-signal=SIGRTMIN+3",
        "--boot",
    ]


def start(machines: Path, record: Record) -> None:
    """Start the container and record its process, which waits for the record before it becomes a container."""
    place = directory(machines, record.id)
    limits = cgroup.Limits(record.memory, record.cpus)
    root = (place / "root").stat()
    (place / TREE_LOCK).write_text(f"/run/systemd/nspawn/locks/inode-{root.st_dev}:{root.st_ino}")
    supervise = [
        "bash",
        "-c",
        SUPERVISE,
        "machine",
        str(place / CONSOLE),
        str(place / RESUME),
        str(PROGRAM),
        sys.executable,
    ]
    process = subprocess.Popen(
        [*supervise, *cgroup.launcher(record.id, limits), *command(machines, record)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**ENVIRONMENT, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # `exec` waits for `read`: if this driver is killed before the process is recorded, `read` fails and nothing starts
    pid = int(process.stdout.readline())
    reset_priority(pid)
    cgroup.enter(record.id, limits, pid, USERS)
    record.pid, record.started = pid, procfs.start_time(pid)
    save(machines, record)
    process.stdin.write(b"go\n")
    process.stdin.close()
    process.stdout.close()
    process.returncode = 0  # the process outlives this driver; prevents Popen's warning about that


def reset_priority(pid: int) -> None:
    """Reset a process to the default scheduling: ``nice make up`` applies to the command, not to the machine.

    The machine outlives the command, and its root may not raise a priority, so every unit in it that sets a priority
    would fail with systemd's exit status 214.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, pid, 0)


def is_running(record: Record) -> bool:
    """Whether the recorded process exists and is the one that this driver started."""
    return record.started > 0 and procfs.start_time(record.pid) == record.started and is_about(record.pid, record.id)


def is_about(pid: int, machine: str) -> bool:
    """Whether a process belongs to a machine: after a reboot of this computer, another process may have its id."""
    found = arguments(pid)
    # without arguments, it is about to run another program or to end
    return bool(found) and (f"--machine={machine}".encode() in found or not any(found))


def arguments(pid: int) -> list[bytes]:
    """The program and arguments of a process; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def began(pid: int) -> float:
    """The start time of a process, in seconds since 1970; 0 if the process has ended."""
    ticks = procfs.start_time(pid)
    booted = next(line.split()[1] for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    return 0 if ticks == 0 else int(booted) + ticks / os.sysconf("SC_CLK_TCK")


def leader(machines: Path, record: Record) -> int:
    """Wait until the container has its own network namespace.

    Returns:
        The id, on this computer, of the process that is process 1 in the container.

    Raises:
        MachineError: The container ended or did not start in time; with the console's last lines.
    """
    own_namespace = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + BOOT_LIMIT
    while time.monotonic() < deadline:
        if not is_running(record):
            raise MachineError(f"The machine ended right after its start. {console_tail(machines, record.id)}")
        for pid in children(record.pid):
            try:
                if Path(f"/proc/{pid}/ns/net").readlink() != own_namespace:
                    return pid
            except OSError:
                continue
        time.sleep(0.01)
    raise MachineError(f"The machine did not start within {BOOT_LIMIT:.0f} s. {console_tail(machines, record.id)}")


def raise_if_ended(machines: Path, record: Record) -> None:
    """Watch the container for a second.

    Raises:
        MachineError: The container ended; with the console's last lines.
    """
    for _ in range(50):
        if not is_running(record):
            raise MachineError(f"The machine ended right after its start. {console_tail(machines, record.id)}")
        time.sleep(0.02)


def wait_until_up(machines: Path, record: Record, pid: int) -> None:
    """Wait until systemd runs in the machine.

    Raises:
        MachineError: The machine ended or did not boot in time; with the console's last lines.
    """
    deadline = time.monotonic() + BOOT_LIMIT
    while not listens(pid, "/run/systemd/private"):
        if not is_running(record) or time.monotonic() > deadline:
            raise MachineError(f"The machine did not boot. {console_tail(machines, record.id)}")
        time.sleep(0.02)


def listens(pid: int, socket: str) -> bool:
    """Whether a Unix socket is open in a process's network namespace.

    The kernel reports this; the machine's file system is not trusted, because the machine controls it.
    """
    try:
        sockets = Path(f"/proc/{pid}/net/unix").read_text(errors="replace")
    except OSError:
        return False
    return any(line.endswith(f" {socket}") for line in sockets.splitlines())


def descendants(pid: int) -> set[int]:
    """A process and its descendants."""
    return {pid}.union(*(descendants(child) for child in children(pid)))


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                pids.append(int(stat.parent.name))
        except OSError:
            continue
    return pids


def parent(pid: int) -> int:
    """The id of the process that started a process; 0 if that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def console_tail(machines: Path, machine: str) -> str:
    """The last lines of the console's output, as a sentence for error messages."""
    place = directory(machines, machine)
    text = "".join(tail(place / name) for name in (OLDER_CONSOLE, CONSOLE))[-2000:]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "Its console's last lines:\n  " + "\n  ".join(lines[-8:]) if lines else "Its console is empty."


CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[^\n\x20-\x7e\u00a1-\ud7ff\ue000-\U0010ffff]")


def tail(log: Path) -> str:
    """The end of a log, without control sequences for the terminal."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8000))
            return CONTROL.sub("", file.read(8000).decode(errors="replace"))
    except FileNotFoundError:
        return ""


def stop(machines: Path, record: Record) -> None:
    """Shut a machine down, and kill it if it does not end in time."""
    if is_running(record):
        os.kill(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT
        while is_running(record) and time.monotonic() < deadline:
            time.sleep(0.02)
    kill(machines, record.id, record)


def kill(machines: Path, machine: str, record: Record | None) -> None:
    """Kill every process of a machine and remove the files that nspawn leaves behind."""
    if record and is_running(record):
        supervisor = [pid for pid in [parent(record.pid)] if f"--machine={machine}".encode() in arguments(pid)]
        for pid in (*supervisor, *children(record.pid), record.pid):
            cgroup.kill(pid)
    cgroup.clear(machine)
    for leftover in ("propagate", "unix-export"):
        shutil.rmtree(f"/run/systemd/nspawn/{leftover}/{machine}", ignore_errors=True)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        Path((directory(machines, machine) / TREE_LOCK).read_text()).unlink()
        (directory(machines, machine) / TREE_LOCK).unlink()
