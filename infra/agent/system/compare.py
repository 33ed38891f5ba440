"""Compares what is noted down in the manifest with what is on the machine, and puts it back.

Only names that nobody but root can change are looked at: nothing is opened in a directory of an app's.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import pwd
import stat
from pathlib import Path

from infra.agent.system import manifest, paths, users
from infra.agent.system.failure import Failure
from infra.agent.system.manifest import Entry
from infra.common import atomic
from infra.protocol.drift import Difference

KINDS = {stat.S_IFREG: "a file", stat.S_IFDIR: "a directory", stat.S_IFLNK: "a link"}
CHANGED = "changed by hand"
DIGITS = 12
"""Hex digits of a file's hash that are shown."""


def differences(what: str, entry: Entry) -> list[Difference]:
    """How a thing is otherwise than noted down; empty if it is not.

    Args:
        what: Its path, or ``user NAME``.
        entry: What is noted down.
    """
    if entry.kind == manifest.USER:
        name = what.partition(" ")[2]
        return [Difference("user", name, *pair) for pair in users.found(name, entry)]
    pairs = _path_pairs(Path(what), entry)
    kind = entry.kind if entry.kind != manifest.ABSENT else manifest.REGULAR
    if not pairs:
        return []
    found, wanted = "; ".join(pair[0] for pair in pairs), "; ".join(pair[1] for pair in pairs if pair[1])
    return [Difference(kind, what, found, wanted)]


def restore(what: str, entry: Entry) -> None:
    """Put a thing back as it is noted down.

    Raises:
        Failure: That is not possible, with the reason.
    """
    if entry.kind == manifest.USER:
        users.restore(what.partition(" ")[2], entry)
        return
    path = Path(what)
    if entry.kind == manifest.DIRECTORY:
        _restore_directory(path, entry)
        return
    if path.is_dir() and not path.is_symlink():
        raise Failure(f"{path} is a directory now; move it away")
    if entry.kind == manifest.ABSENT:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == manifest.LINK:
        path.unlink(missing_ok=True)
        path.symlink_to(entry.text)
        return
    atomic.replace(path, entry.text.encode(), entry.mode, (entry.uid, entry.gid))


def owner(uid: int, gid: int) -> str:
    """An owner and a group as people write them."""
    user, group = str(uid), str(gid)
    with contextlib.suppress(KeyError):
        user = pwd.getpwuid(uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(gid).gr_name
    return f"{user}:{group}"


def _path_pairs(path: Path, entry: Entry) -> list[tuple[str, str]]:
    """How a path is and how it should be, for each of its properties that differs."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return [] if entry.kind == manifest.ABSENT else [("gone", "")]
    if entry.kind == manifest.ABSENT:
        return [("there", "gone")]
    wanted = {manifest.REGULAR: stat.S_IFREG, manifest.DIRECTORY: stat.S_IFDIR, manifest.LINK: stat.S_IFLNK}[entry.kind]
    found = stat.S_IFMT(status.st_mode)
    if found != wanted:
        return [(KINDS.get(found, "no file"), KINDS[wanted])]
    if entry.kind == manifest.LINK:
        target = str(path.readlink())
        return [(f"leads to {target}", entry.text)] if target != entry.text else []
    pairs = []
    if entry.kind == manifest.REGULAR and (content := _content(path)) != entry.text.encode():
        pairs.append((f"{CHANGED} (sha256 {_digest(content)})", f"sha256 {_digest(entry.text.encode())}"))
    if (mode := status.st_mode & 0o7777) != entry.mode:
        pairs.append((f"mode {mode:04o}", f"{entry.mode:04o}"))
    if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        pairs.append((f"owner {owner(status.st_uid, status.st_gid)}", owner(entry.uid, entry.gid)))
    return pairs


def _content(path: Path) -> bytes:
    handle = os.open(path, paths.FILE)
    with os.fdopen(handle, "rb") as stream:
        return stream.read()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _restore_directory(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    handle = paths.open_directory(path)
    try:
        os.fchown(handle, entry.uid, entry.gid)
        os.fchmod(handle, entry.mode)
    finally:
        os.close(handle)
