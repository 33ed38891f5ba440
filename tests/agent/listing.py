"""Everything that is on a machine: files by content, accounts, packages, units."""

from __future__ import annotations

import json

from tests.neighbours import Rooted

Listing = dict[str, str]
"""A line for each thing, by its name."""

EXCEPT = (
    *("/dev", "/proc", "/sys", "/run", "/tmp", "/var/tmp", "/home/deploy"),
    # logs, and what apt and dpkg keep for themselves: the packages themselves are compared by name and version
    *(
        "/var/log",
        "/var/cache",
        "/var/lib/apt",
        "/var/lib/dpkg",
        "/var/lib/ucf",
        "/var/lib/systemd/deb-systemd-helper-enabled",
    ),
    # copies of what dpkg keeps, which Debian's dpkg-db-backup.timer makes at midnight
    "/var/backups",
    # what the machine writes all the time: clocks, seeds, the times of timers of its own
    *("/var/lib/systemd/random-seed", "/var/lib/systemd/timesync", "/var/lib/systemd/timers", "/var/lib/cloud"),
    # the accounts as they were before the last change: Debian's own copies
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"),
)
"""What may differ, and below which nothing is listed."""
PROGRAM = """
import hashlib, json, os, stat, subprocess
left_out = set(json.loads(%r))
found = {}
def add(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    if stat.S_ISREG(kind):
        with open(path, "rb") as stream:
            content = hashlib.sha256(stream.read()).hexdigest()
    else:
        content = os.readlink(path) if stat.S_ISLNK(kind) else ""
    found[path] = f"{oct(status.st_mode)} {status.st_uid}:{status.st_gid} {content}"
for parent, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(parent, name) not in left_out]
    for name in folders + names:
        path = os.path.join(parent, name)
        if path not in left_out and not (path.endswith(".pyc") and "/__pycache__/" in path):
            add(path)
def lines(name, *argv):
    for line in subprocess.run(argv, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        key = line.split()[0] if line.strip() else ""
        found[f"{name} {key}"] = " ".join(line.split())
lines("package", "dpkg-query", "--show", "--showformat=${binary:Package} ${Version} ${db:Status-Status}\\n")
lines("chosen", "apt-mark", "showmanual")
lines("user", "getent", "passwd")
lines("group", "getent", "group")
lines("unit file", "systemctl", "list-unit-files", "--plain", "--no-legend")
for name in [name for name in found if name.startswith("unit file session-")]:
    del found[name]  # who is logged in at the moment
for line in subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend"], stdout=subprocess.PIPE, text=True).stdout.splitlines():
    if "launchpad" in line or "caddy" in line:
        found[f"unit {line.split()[0]}"] = " ".join(line.split()[:4])
found.update({path: "" for path in map("/run/".__add__, os.listdir("/run")) if "launchpad" in path})
print(json.dumps(found))
"""


def listing(lab: Rooted) -> Listing:
    """Everything that is on a machine, but for what may differ."""
    lab.sudo("true")
    value = json.loads(lab.sudo("python3 -I -", PROGRAM % json.dumps(EXCEPT)))
    assert isinstance(value, dict)
    return value


def differences(before: Listing, after: Listing) -> list[str]:
    """What differs, a line for each thing."""
    names = sorted(before.keys() | after.keys())
    return [
        f"{name}: {before.get(name, 'was not there')} -> {after.get(name, 'is gone')}"
        for name in names
        if before.get(name) != after.get(name)
    ]
