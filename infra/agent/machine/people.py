"""An account for each person: it logs in by key, and may use those verbs of the agent that are for people."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import time
from pathlib import Path

from infra.agent.machine import homes
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, packages, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import PEOPLE_KEYS, PERSON
from infra.common import procfs

GECOS = "Launchpad person"
"""The comment of every person's account, by which it is known again."""
SUDOERS = Path("/etc/sudoers.d/launchpad-people")
VISUDO = "/usr/sbin/visudo"
STAYING = (Path("/var/spool/cron/crontabs"), Path("/var/lib/systemd/linger"))
"""Folders in which a file of the account's name has something run without a login."""
END = 10.0
"""Seconds in which the processes of an account end."""


def check(wanted: Wanted) -> None:
    """Refuse names that somebody else has here.

    Raises:
        Failure: Says which.
    """
    for name in wanted.people:
        with contextlib.suppress(KeyError):
            if not is_ours(pwd.getpwnam(name)):
                raise Failure(
                    f"launchpad:people.{name}: this machine has an account {name} of its own, which Launchpad does not "
                    "touch. Choose another name."
                )
        if name not in ours() and homes.home(name).exists():
            raise Failure(
                f"launchpad:people.{name}: {homes.home(name)} is there already, of somebody who had that name. "
                "Move it away, or choose another name."
            )


def ours() -> list[str]:
    """The accounts that Launchpad made."""
    return sorted(user.pw_name for user in pwd.getpwall() if is_ours(user))


def is_ours(user: pwd.struct_passwd) -> bool:
    """Whether Launchpad made an account: by the first field of its comment, which only root can change.

    Source: chfn(1) and CHFN_RESTRICT in login.defs(5): an account's user may change the other fields.
    """
    return user.pw_gecos.partition(",")[0] == GECOS


def remove_gone(wanted: Wanted, report: Report) -> None:
    """Remove the accounts that nobody wants any more: key, rule, processes, account, in this order."""
    for name in ours():
        if name in wanted.people:
            continue
        files.remove_tree(PEOPLE_KEYS / name)
        _write_rule(sorted(set(wanted.people) & set(ours())))
        user = pwd.getpwnam(name)
        sh.run(["usermod", "--expiredate", "1", name])  # so that cron and at start nothing more
        for folder in STAYING:
            (folder / name).unlink(missing_ok=True)
        end_processes(user.pw_uid)
        sh.run(["userdel", name], doing=f"Removing the account {name}")
        report.did("people", f"removed {name}")
        if left := homes.remove(user):
            report.warn(f"{user.pw_dir} stays, closed, with what {name} left there: {', '.join(left)}")
    _remove_empty(PEOPLE_KEYS)
    if not wanted.people:
        files.remove_tree(SUDOERS)


def apply(wanted: Wanted, report: Report) -> None:
    """Have an account for each person. sshd finds its keys by its drop-in (see sshd.py)."""
    if not wanted.people:
        return
    if not Path(VISUDO).exists():
        packages.install(["sudo"])
    files.directory(PEOPLE_KEYS, 0o755)
    for name, keys in wanted.people.items():
        added = _add(name)
        before = _keys(name)
        changed = files.write(PEOPLE_KEYS / name, "".join(f"{key}\n" for key in keys))
        if added or changed:
            report.did("people", f"{'added' if added else 'changed the keys of'} {name}")
        if before - set(keys) and not added:
            end_processes(pwd.getpwnam(name).pw_uid)  # who came in by a key that is gone goes with it
    if _write_rule(sorted(wanted.people)):
        report.did("people", "allowed the agent's verbs")


def rule(names: list[str]) -> str:
    """The rule of sudo: one program without a password, and nothing else.

    It names no arguments: a rule with wildcards lets in what nobody meant. The program itself looks at them.
    """
    return (
        "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
        f"{', '.join(names)} ALL=(root) NOPASSWD: {PERSON}\n"
    )


def end_processes(uid: int) -> None:
    """End every process of an account, its logins first.

    Raises:
        Failure: Some did not end.
    """
    sh.run(["systemctl", "stop", f"user-{uid}.slice", f"user@{uid}.service"])
    until = time.monotonic() + END
    while found := _processes(uid):
        if time.monotonic() > until:
            raise Failure(f"The processes {', '.join(map(str, found))} of the account with the id {uid} do not end.")
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _processes(uid: int) -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            # a zombie has ended already, and has no start time that counts
            if path.name.isdigit() and path.stat().st_uid == uid and procfs.start_time(int(path.name)):
                found.append(int(path.name))
    return found


def _add(name: str) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        return False
    sh.run(
        [
            *("useradd", "--create-home", "--home-dir", str(homes.home(name)), "--user-group"),
            *("--shell", "/bin/bash", "--comment", GECOS, name),
        ],
        doing=f"Adding the account {name}",
    )
    return True


def _keys(name: str) -> set[str]:
    try:
        return set((PEOPLE_KEYS / name).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()


def _write_rule(names: list[str]) -> bool:
    """Write the rule of sudo, after visudo has read it. Says whether anything changed."""
    if not names:
        existed = SUDOERS.exists()
        files.remove_tree(SUDOERS)
        return existed
    sh.run([VISUDO, "--check", "--quiet", "--file=-"], feed=rule(names), doing="Checking the rule of sudo")
    return files.write(SUDOERS, rule(names), 0o440)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
