"""The manifest: what Launchpad has put on the machine, just as it should be; ``verify`` compares, ``repair`` restores.

Nobody has to keep it by hand: ``files.write``, ``files.directory`` and ``systemd.enable`` note down what they make,
``files.remove_tree`` and ``systemd.disable`` that it is gone. Whatever is written and removed by them in one of the
places of ``is_kept`` is compared and restored, whatever verb it is for; a unit that ``systemd.enable`` starts at boot
has to run, too. What is made in another way is noted by ``note``, before it is made.

Each change is a line of JSON, appended before the change itself: a run that is killed leaves what it was about to do.
The last line about a thing counts. The file has the contents, secrets included: it is root's, 0600.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.agent.system import mounts
from infra.agent.system.layout import LIB, OPT, SETTINGS, STATE, App
from infra.common import atomic
from infra.protocol import paths

FILE = STATE / "manifest.jsonl"
SHARED = (Path("/etc"), Path("/usr/local"), OPT)
PASSING = ("runs", "task")
"""What is among an app's settings only for as long as something runs."""
HOMES = frozenset({"", "repo.git", "releases", "python", "data", "static", "tmp", "python/venvs", "python/cache"})
"""The directories in an app's home that are there as long as the app is."""
GONE, ABSENT, REGULAR, DIRECTORY, LINK, USER = "", "absent", "file", "directory", "link", "user"


@dataclass(frozen=True)
class Entry:
    """How one thing should be.

    Attributes:
        kind: One of the names above; ``GONE`` for what nothing is known of any more.
        text: The content of a file, the target of a link, the home of a user.
        mode: The permissions of a file or a directory.
        uid: Whose it is, or the user's own id.
        gid: The same of the group.
    """

    kind: str
    text: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0


@dataclass
class _Known:
    """What this process has read: up to which file and size; and whether nothing is noted any more."""

    mark: tuple[int, int] = (0, 0)
    closed: bool = False


_known = _Known()
_entries: dict[str, Entry] = {}


def is_kept(path: Path, kind: str = REGULAR) -> bool:
    """Whether what is written at a path is Launchpad's configuration, and not an app's own or of the moment.

    Args:
        path: The path.
        kind: What it is.
    """
    if path.is_relative_to(STATE):
        inside = path.relative_to(STATE).parts
        return len(inside) <= 2 if kind == DIRECTORY else inside[1:2] == ("serving",)
    if path.is_relative_to(SETTINGS):
        return not set(path.relative_to(SETTINGS).parts[1:2]) & {*PASSING}
    if path.is_relative_to(paths.HOMES):
        return kind == DIRECTORY and "/".join(path.relative_to(paths.HOMES).parts[1:]) in HOMES
    if path.is_relative_to(LIB) and any(part.startswith("agent-") for part in path.relative_to(LIB).parts[:1]):
        return False  # a copy of the program, which is compared by the digest in its name (see install.py)
    return any(path.is_relative_to(folder) for folder in SHARED)


def belongs(what: str, app: App) -> bool:
    """Whether a thing is there for this app alone.

    Args:
        what: Its path, or ``user NAME``.
        app: The app.
    """
    if what == user_key(app.user):
        return True
    path = Path(what)
    folders = (app.settings.parent, app.certificates, app.state, app.home)
    names = (f"{app.name}@", app.job_template.stem, app.cache_unit)
    whole = {mounts.unit(app.data), mounts.unit(app.kept), *app.files_units}
    named = any(part.startswith(names) or part in whole for part in path.parts)
    return path == app.tmp_rule or named or any(path.is_relative_to(each) for each in folders)


def user_key(name: str) -> str:
    """What a user is called here."""
    return f"user {name}"


def entries() -> dict[str, Entry]:
    """Everything that should be on the machine, by its path or ``user NAME``."""
    _read()
    return dict(_entries)


def mark() -> tuple[int, int]:
    """What changes whenever something is noted down."""
    _read()
    return _known.mark


def note(what: Path | str, entry: Entry) -> None:
    """Note down how something should be from now on; before it is made so."""
    _read()
    if _entries.get(str(what), Entry(GONE)) != entry:
        _append([(str(what), entry)])


def note_file(path: Path, text: str, mode: int, owner: tuple[int, int]) -> None:
    """Note down a file, if it is one of ``is_kept``."""
    if is_kept(path):
        note(path, Entry(REGULAR, text, mode, *owner))


def note_directory(path: Path, mode: int, owner: tuple[int, int]) -> None:
    """Note down a directory, if it is one of ``is_kept``."""
    if is_kept(path, DIRECTORY):
        note(path, Entry(DIRECTORY, "", mode, *owner))


def forget(path: Path) -> None:
    """Note down that nothing is known any more of a path and what is below it."""
    if is_kept(path) or is_kept(path, DIRECTORY):
        _read()
        below = f"{path}/"
        _append([(what, Entry(GONE)) for what in list(_entries) if what == str(path) or what.startswith(below)])


def forget_app(app: App) -> None:
    """Note down that nothing is known any more of an app."""
    _read()
    _append([(what, Entry(GONE)) for what in list(_entries) if belongs(what, app)])


def others(what: str, apps: Collection[App]) -> bool:
    """Whether a thing belongs to one of these apps."""
    return any(belongs(what, app) for app in apps)


def tidy() -> None:
    """Write the file anew without outdated lines, in which there may be former secrets. Who appends meanwhile waits."""
    if _known.closed or not FILE.exists():
        return
    handle = os.open(FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not os.fstat(handle).st_nlink:
            return  # another run has just done it
        _read()
        text = "".join(map(_line, sorted(_entries.items()))).encode()
        if FILE.read_bytes() != text:
            atomic.replace(FILE, text, 0o600)
    finally:
        os.close(handle)


def remove() -> None:
    """Remove the manifest: nothing of Launchpad's is on the machine any more, and nothing is noted down by this run."""
    FILE.unlink(missing_ok=True)
    _entries.clear()
    _known.closed = True


def _read() -> None:
    """Read what other runs have written since the last look."""
    try:
        status = FILE.stat()
    except (FileNotFoundError, NotADirectoryError):
        _entries.clear()
        _known.mark = (0, 0)
        return
    mark = (status.st_ino, status.st_size)
    if mark == _known.mark:
        return
    found: dict[str, Entry] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        try:
            value = json.loads(line)
            what, entry = str(value.pop("what")), Entry(**value)
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a power failure, or of another version
        found.pop(what, None)
        if entry.kind != GONE:
            found[what] = entry
    _entries.clear()
    _entries.update(found)
    _known.mark = mark


def _append(changes: list[tuple[str, Entry]]) -> None:
    if not changes or _known.closed:
        return
    text = "".join(map(_line, changes)).encode()
    STATE.mkdir(parents=True, exist_ok=True)
    written = False
    while not written:
        handle = os.open(FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.fstat(handle).st_nlink:  # otherwise it was written anew while we waited
                before = os.fstat(handle)
                # A power failure may have cut off the last line, and ours must not become its end.
                cut_off = before.st_size and os.pread(handle, 1, before.st_size - 1) != b"\n"
                os.write(handle, b"\n" + text if cut_off else text)
                written = True
                _take_in(changes, before, os.fstat(handle))
        finally:
            os.close(handle)


def _take_in(changes: list[tuple[str, Entry]], before: os.stat_result, after: os.stat_result) -> None:
    """Know our own lines without reading them, unless somebody else has written, too."""
    ours = sum(len(_line(change).encode()) for change in changes)
    alone = after.st_size == before.st_size + ours
    if alone and ((before.st_ino, before.st_size) == _known.mark or before.st_size == 0):
        for what, entry in changes:
            _entries.pop(what, None)
            if entry.kind != GONE:
                _entries[what] = entry
        _known.mark = (after.st_ino, after.st_size)


def _line(change: tuple[str, Entry]) -> str:
    what, entry = change
    values = {name: value for name, value in asdict(entry).items() if value or name == "kind"}
    return json.dumps({"what": what, **values}) + "\n"
