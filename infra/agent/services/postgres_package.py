"""Debian's packages of PostgreSQL: the programs are needed, not the cluster that they would make and start."""

from __future__ import annotations

import grp
import pwd
import re
from pathlib import Path

from infra.agent.system import files, packages, sh
from infra.agent.system.layout import STATE

PACKAGES = ("postgresql",)
"""The newest of the system's release; the extensions of PostgreSQL's own (contrib) are in it."""
PROGRAMS = Path("/usr/lib/postgresql")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/launchpad.conf")
"""Keeps the package from making its cluster ``main``, which would listen on port 5432. Source: pg_createcluster(1)."""
TEXT = "# Launchpad installs PostgreSQL, and has a cluster of its own; this file goes when that is done.\n"
ACCOUNTS = STATE / "postgresql-accounts.json"
"""Which accounts the packages brought: a purge leaves them. Written before they are installed."""
CLUSTERS = Path("/etc/postgresql")
"""Where the configuration of clusters is that pg_createcluster(1) makes; none is of ours."""
USER, GROUPS = "postgres", ("postgres", "ssl-cert")


def before_installation() -> None:
    """Have the packages make no cluster when they are installed. Where PostgreSQL is already, nothing is touched."""
    if not installed() and packages.missing(PACKAGES):
        if not ACCOUNTS.exists():
            files.write_json(ACCOUNTS, {"user": not _is_user(USER), "groups": [n for n in GROUPS if not _is_group(n)]})
        files.write(NO_CLUSTER, f"{TEXT}create_main_cluster = false\n")


def after_installation() -> None:
    """Have the packages as Debian has them again, for whoever wants a cluster of theirs."""
    if NO_CLUSTER.exists():
        files.take_away(NO_CLUSTER)


def still_needed() -> frozenset[str]:
    """Our packages while somebody has a cluster of Debian's kind: with them a purge would remove its databases."""
    return frozenset(PACKAGES) if any(CLUSTERS.glob("*/*/postgresql.conf")) else frozenset()


def after_purge() -> None:
    """Remove the accounts that the packages brought, now that they are gone; those that stay are somebody else's."""
    brought = files.read_json(ACCOUNTS)
    if brought is None or (installed() and not still_needed()):
        return
    if installed():
        files.remove_tree(ACCOUNTS)
        return
    if brought.get("user") and _is_user(USER):
        sh.run(["userdel", USER], doing=f"Removing the user {USER}")
    for name in brought.get("groups", []):
        if _is_group(name):
            sh.run(["groupdel", name], doing=f"Removing the group {name}")
    files.remove_tree(ACCOUNTS)


def _is_user(name: str) -> bool:
    return any(user.pw_name == name for user in pwd.getpwall())


def _is_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())


def installed() -> list[int]:
    """The major versions whose server is installed, the oldest first."""
    found = [re.fullmatch(r"\d+", path.parents[1].name) for path in PROGRAMS.glob("*/bin/postgres")]
    return sorted(int(match[0]) for match in found if match)


def programs(major: int) -> Path:
    """The folder of a version's programs."""
    return PROGRAMS / str(major) / "bin"
