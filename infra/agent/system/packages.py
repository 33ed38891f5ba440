"""Installs Debian packages."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from infra.agent.system import package_record, say, sh
from infra.agent.system.failure import Failure

LISTS = Path("/var/lib/apt/lists")
FRESH = 24 * 3600.0
"""Seconds for which the package lists count as up to date."""
LOCK_WAIT = 300.0
"""Seconds that apt-get waits for others that use it."""
INSTALL = ("install", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "--")
"""Installs packages without questions; a configuration file that somebody has changed stays as it is."""
ENV = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "APT_LISTCHANGES_FRONTEND": "none"}
BUSY = ("Could not get lock", "Unable to acquire the dpkg frontend lock", "Unable to lock directory")
ELSEWHERE = {
    "caddy": "Older systems, such as Ubuntu 22.04, have no package of Caddy. Add the repository of Caddy's "
    "makers (https://caddyserver.com/docs/install), and run this again."
}
"""Where packages are that not each supported system has."""
UNREACHED = """
The package lists could not be updated: is the package mirror in reach of the machine?
{}"""
UNKNOWN = ("Unable to locate package", "has no installation candidate", "404  Not Found")


def missing(names: Iterable[str]) -> list[str]:
    """The packages that are neither installed nor provided by another one (``libssl3`` by ``libssl3t64``)."""
    wanted = list(names)
    shown = sh.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted]).out
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    left = [name for name in wanted if name not in installed]
    if not left:
        return []
    stand_ins = provided(sh.run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Provides}\n"]).out)
    return [name for name in left if name not in stand_ins]


def provided(shown: str) -> set[str]:
    """The names that installed packages provide.

    Args:
        shown: Lines of a status and a list, such as ``installed libssl3 (= 3.5), a``.
    """
    provides = set()
    for line in shown.splitlines():
        status, _, names = line.partition(" ")
        if status == "installed":
            provides |= {name.split()[0].split(":")[0] for name in names.split(",") if name.strip()}
    return provides


def install(names: Iterable[str]) -> bool:
    """Install the packages that are missing. Says whether there were any.

    Raises:
        Failure: They cannot be installed, with what apt-get printed.
    """
    wanted = missing(names)
    if not wanted:
        return False
    say.step("packages", f"installing {' '.join(wanted)}")
    with package_record.recording(wanted):
        finished, unfetched = _install(wanted)
    if not finished.ok:
        why = UNREACHED.format(unfetched) if unfetched and is_unknown(finished) else hint(finished.err)
        raise Failure(f"Installing {' '.join(wanted)} failed:\n{finished.last_lines()}{why}")
    return True


def hint(errors: str) -> str:
    """What to do about a package that the system's release does not have, as a line more; empty if nothing is known.

    Args:
        errors: What apt-get printed.
    """
    named = [text for name, text in ELSEWHERE.items() if f"Unable to locate package {name}" in errors]
    return "".join(f"\n{text}" for text in named)


def _install(wanted: list[str]) -> tuple[sh.Finished, str]:
    """Install packages; returns how apt-get ended, and what of the lists it could not fetch before."""
    updated, unfetched = not _fresh(), ""
    if updated:
        unfetched = _update()
    finished = _apt(*INSTALL, *wanted)
    if not updated and is_unknown(finished):
        unfetched = _update()
        finished = _apt(*INSTALL, *wanted)
    if is_half_done(finished):
        say.step("packages", "finishing an interrupted installation")
        sh.run(["dpkg", "--configure", "-a", "--force-confold"], env=ENV)
        finished = _apt(*INSTALL, *wanted)
    return finished, unfetched


def purge(kept: frozenset[str] = frozenset()) -> tuple[list[str], str]:
    """Purge packages that Launchpad installed and nothing else needs, their dependencies included.

    Args:
        kept: Those of the packages that it named to apt which are still wanted.

    Returns:
        Their names, and why others of Launchpad's stay; empty if none does.

    Raises:
        Failure: They cannot be purged, with what apt-get printed.
    """
    ours = package_record.ours()
    if not ours:
        return [], ""
    wanted = sorted(package_record.unneeded(ours, kept))
    if not wanted:
        return [], ""
    say.step("packages", f"purging {' '.join(wanted)}")
    simulated = _apt("--simulate", "purge", "--", *wanted)
    if not simulated.ok:
        raise Failure(f"Purging {' '.join(wanted)} would fail:\n{simulated.last_lines()}")
    if others := sorted(package_record.changed(simulated.out) - set(wanted)):
        return [], f"the packages {' '.join(wanted)}: without them apt-get would also change {' '.join(others)}"
    finished = _apt("purge", "--yes", "--", *wanted)
    if not finished.ok:
        raise Failure(f"Purging {' '.join(wanted)} failed:\n{finished.last_lines()}")
    return wanted, ""


def is_unknown(finished: sh.Finished) -> bool:
    """Whether apt-get failed because its lists are too old to know a package, or name a file that is gone."""
    return not finished.ok and any(sign in finished.err + finished.out for sign in UNKNOWN)


def is_half_done(finished: sh.Finished) -> bool:
    """Whether apt-get failed because an earlier installation was interrupted."""
    return not finished.ok and "dpkg --configure -a" in finished.err


def is_busy(finished: sh.Finished) -> bool:
    """Whether apt-get failed because another one is at work."""
    return not finished.ok and any(sign in finished.err for sign in BUSY)


def _fresh() -> bool:
    """Whether the package lists are up to date."""
    lists = [path.stat().st_mtime for path in LISTS.glob("*_Packages*")] if LISTS.is_dir() else []
    return bool(lists) and time.time() - max(LISTS.stat().st_mtime, *lists) < FRESH


def _update() -> str:
    """Update the package lists.

    Returns:
        The lines about files that could not be fetched. apt-get keeps the lists that it has then, and exits with 0.

    Raises:
        Failure: There is nothing to go on with.
    """
    say.step("packages", "updating the package lists")
    finished = _apt("update")
    if not finished.ok:
        raise Failure(f"apt-get update failed; is the package mirror in reach?\n{finished.last_lines()}")
    return "\n".join([line for line in finished.err.splitlines() if "Failed to fetch" in line][:3])


def _apt(*args: str) -> sh.Finished:
    """Run apt-get, and wait for others that use it (cloud-init and unattended upgrades on a new machine)."""
    until = time.monotonic() + LOCK_WAIT
    reported = False
    while True:
        finished = sh.run(["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT:g}", *args], env=ENV)
        if not is_busy(finished) or time.monotonic() > until:
            return finished
        if not reported:
            say.step("packages", "waiting for another apt-get to finish")
            reported = True
        time.sleep(2)
