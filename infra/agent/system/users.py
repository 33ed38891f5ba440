"""System users that Launchpad adds: without a login, in no group but their own."""

from __future__ import annotations

import grp
import pwd

from infra.agent.system import manifest, sh

SHELL = "/usr/sbin/nologin"


def add(name: str, home: str, comment: str, wanted: tuple[int, int] | None = None) -> bool:
    """Have a user there, and a group of the same name. The manifest notes both. Says whether they were added.

    Args:
        name: The user's name.
        home: Its home, which is not made.
        comment: The comment in ``/etc/passwd``.
        wanted: The ids that a new user and its group shall have, which are free; None: any.
    """
    added = not is_there(name)
    if added:
        known = manifest.entries().get(manifest.user_key(name))
        if wanted and not (known and known.kind == manifest.USER):
            known = manifest.Entry(manifest.USER, "", 0, *wanted)
        _add(name, home, comment, known)
    user = pwd.getpwnam(name)
    manifest.note(
        manifest.user_key(name), manifest.Entry(manifest.USER, f"{home}:{comment}", 0, user.pw_uid, user.pw_gid)
    )
    return added


def remove(name: str) -> None:
    """Remove a user and its group.

    Raises:
        Failure: They cannot be removed, as a process of the user still runs.
    """
    sh.run(["userdel", name], doing=f"Removing the user {name}")
    manifest.note(manifest.user_key(name), manifest.Entry(manifest.GONE))


def is_there(name: str) -> bool:
    """Whether there is a user of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def found(name: str, entry: manifest.Entry) -> list[tuple[str, str]]:
    """How a user is otherwise than noted down: pairs of how it is and how it should be; the latter may be empty."""
    if not is_there(name):
        return [("gone", "")]
    user = pwd.getpwnam(name)
    home = entry.text.partition(":")[0]
    groups = sorted(group.gr_name for group in grp.getgrall() if name in group.gr_mem)
    pairs = [
        (f"id {user.pw_uid}:{user.pw_gid}", f"{entry.uid}:{entry.gid}", f"id {entry.uid}:{entry.gid}"),
        (f"shell {user.pw_shell}", SHELL, f"shell {SHELL}"),
        (f"home {user.pw_dir}", home, f"home {home}"),
        (f"in group {', '.join(groups)}", "in its own group only", "in group "),
    ]
    return [(is_, wanted) for is_, wanted, same in pairs if is_ != same]


def restore(name: str, entry: manifest.Entry) -> None:
    """Have a user as it is noted down; its files belong to its id, so that is the same again.

    Raises:
        Failure: It cannot be changed, as its id or home is another one and its processes run.
    """
    home, _, comment = entry.text.partition(":")
    if not is_there(name):
        _add(name, home, comment, entry)
        return
    user = pwd.getpwnam(name)
    words = ["--shell", SHELL, "--groups", "", "--gid", str(entry.gid)]
    words += ["--home", home] if user.pw_dir != home else []
    words += ["--uid", str(entry.uid)] if user.pw_uid != entry.uid else []
    sh.run(["usermod", *words, name], doing=f"Changing the user {name} back")


def _add(name: str, home: str, comment: str, known: manifest.Entry | None) -> None:
    """Add a user, with the ids that it had before if it had any."""
    group = ["--user-group"]
    if known and known.kind == manifest.USER:
        if not any(each.gr_gid == known.gid for each in grp.getgrall()):
            sh.run(["groupadd", "--system", "--gid", str(known.gid), name], doing=f"Adding the group {name}")
        group = ["--uid", str(known.uid), "--gid", str(known.gid)]
    sh.run(
        [
            *("useradd", "--system", *group, "--no-create-home", "--home-dir", home),
            *("--shell", SHELL, "--comment", comment, name),
        ],
        doing=f"Adding the user {name}",
    )
