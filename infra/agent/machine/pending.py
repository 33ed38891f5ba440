"""Which updates of Debian packages are waiting, by the package lists that the machine has."""

from __future__ import annotations

import re
from pathlib import Path

from infra.agent.machine.upgrades import SECURITY
from infra.agent.system import files, sh
from infra.agent.system.layout import STATE

LISTS = Path("/var/lib/apt/lists")
INSTALLED = Path("/var/lib/dpkg/status")
CACHE = STATE / "pending-updates.json"
LINE = re.compile(r"^Inst \S+ \[[^]]*\] \((.*)\)", re.MULTILINE)
"""A line of ``apt-get --simulate``: the package, what is installed, and in brackets what comes and from where."""


def count() -> tuple[int, int, float] | None:
    """The number of updates, how many of them are for security, and the time of the lists; None without lists.

    apt is asked only after the lists or the installed packages have changed, as that takes it half a second.
    """
    lists = [path.stat().st_mtime for path in LISTS.glob("*_Packages*")] if LISTS.is_dir() else []
    if not lists:
        return None
    seen = {"lists": max(LISTS.stat().st_mtime, *lists), "installed": INSTALLED.stat().st_mtime}
    cached = files.read_json(CACHE) or {}
    if {name: cached.get(name) for name in seen} != seen:
        argv = ["apt-get", "-qq", "--simulate", "-o", "Debug::NoLocking=1", "--with-new-pkgs", "upgrade"]
        number, security = counted(sh.run(argv).out)
        cached = {**seen, "number": number, "security": security}
        if STATE.is_dir():
            files.write_json(CACHE, cached, 0o644)
    return int(cached["number"]), int(cached["security"]), seen["lists"]


def counted(simulated: str) -> tuple[int, int]:
    """The number of updates, and how many of them are for security.

    Args:
        simulated: What apt-get prints: ``Inst libc6 [2.41-12] (2.41-13 Debian-Security:13/stable-security [amd64])``.
    """
    found = LINE.findall(simulated)
    return len(found), sum(bool(SECURITY.search(source)) for source in found)
