"""Debian packages."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from . import say, sh
from .failure import Failure

LISTS = Path("/var/lib/apt/lists")
FRESH = 24 * 3600.0
LOCK_WAIT = 300.0
ENV = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "APT_LISTCHANGES_FRONTEND": "none"}
BUSY = ("Could not get lock", "Unable to acquire the dpkg frontend lock", "Unable to lock directory")
UNKNOWN = ("Unable to locate package", "has no installation candidate", "404  Not Found")


def missing(names: Iterable[str]) -> list[str]:
    """Those of the packages that are not installed, nor stood in for by another one (``libssl3`` by ``libssl3t64``)."""
    wanted = list(names)
    shown = sh.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted]).out
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    left = [name for name in wanted if name not in installed]
    if not left:
        return []
    stand_ins = provided(sh.run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Provides}\n"]).out)
    return [name for name in left if name not in stand_ins]


def provided(shown: str) -> set[str]:
    """The names that installed packages provide: lines of a status and a list such as ``libssl3 (= 3.5), a``."""
    found = set()
    for line in shown.splitlines():
        status, _, names = line.partition(" ")
        if status == "installed":
            found |= {name.split()[0].split(":")[0] for name in names.split(",") if name.strip()}
    return found


def install(names: Iterable[str]) -> bool:
    """Install what is missing of the packages. Says whether anything was installed."""
    wanted = missing(names)
    if not wanted:
        return False
    say.step("packages", f"installing {' '.join(wanted)}")
    updated = not _fresh()
    if updated:
        _update()
    done = _apt("install", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "--", *wanted)
    if not done.ok and not updated and any(sign in done.err + done.out for sign in UNKNOWN):
        _update()
        done = _apt(
            "install", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "--", *wanted
        )
    if not done.ok and "dpkg --configure -a" in done.err:
        say.step("packages", "finishing an interrupted installation")
        sh.run(["dpkg", "--configure", "-a", "--force-confold"], env=ENV)
        done = _apt(
            "install", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "--", *wanted
        )
    if not done.ok:
        raise Failure(f"Installing {' '.join(wanted)} failed:\n{done.last_lines()}")
    return True


def _fresh() -> bool:
    """Whether there are package lists of today."""
    lists = [path.stat().st_mtime for path in LISTS.glob("*_Packages*")] if LISTS.is_dir() else []
    return bool(lists) and time.time() - max(LISTS.stat().st_mtime, *lists) < FRESH


def _update() -> None:
    say.step("packages", "updating the package lists")
    done = _apt("update")
    if not done.ok:
        raise Failure(f"apt-get update failed; is the package mirror in reach?\n{done.last_lines()}")


def _apt(*words: str) -> sh.Done:
    """apt-get, waiting for others that use it (cloud-init and unattended upgrades on a new machine)."""
    until = time.monotonic() + LOCK_WAIT
    told = False
    while True:
        done = sh.run(["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT:g}", *words], env=ENV)
        if done.ok or not any(sign in done.err for sign in BUSY) or time.monotonic() > until:
            return done
        if not told:
            say.step("packages", "waiting for another apt-get to finish")
            told = True
        time.sleep(2)
