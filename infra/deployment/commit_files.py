"""The files of a commit of a local repository, as the app model reads them: from git's objects, not the work tree."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from infra.app_model.files import AppError
from infra.common import decoded
from infra.deployment import gather, git
from infra.deployment.git_objects import FOLDER, LARGEST, LINK, NOT_LAZY, SUBMODULE, Entry, Objects, listed

MOST_LINKS = 40
"""Links in one path, as in Linux itself. Source: path_resolution(7)."""


@dataclass(frozen=True)
class CommitFiles:
    """The files of a commit. ``read`` makes one.

    Attributes:
        entries: What the commit has, by path from its root.
        objects: The contents.
        directory: The app's directory in the commit.
    """

    entries: Mapping[str, Entry]
    objects: Objects
    directory: str = ""
    folders: Mapping[str, Mapping[str, Entry]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folders: dict[str, dict[str, Entry]] = {"": {}}
        for path, entry in self.entries.items():
            _add(folders, path, entry)
        object.__setattr__(self, "folders", folders)

    def text(self, path: str) -> str | None:
        """The text of a file; see ``Files``."""
        content = self.data(path)
        if content is None:
            return None
        try:
            return decoded.text(content)
        except UnicodeDecodeError as error:
            raise AppError(f"{path}: is not UTF-8 text (byte {error.start})") from error

    def data(self, path: str) -> bytes | None:
        """The bytes of a file; see ``Files``."""
        found = self._find(path)
        if found is None or self._entry(found).is_folder:
            return None
        content = self.objects.content(self._entry(found).blob)
        if content is None:
            raise AppError(f"{path}: is larger than {LARGEST} bytes")
        return content

    def names(self, folder: str = "") -> Mapping[str, bool]:
        """The names in a folder; see ``Files``. Links are followed; those that lead nowhere are left out."""
        try:
            found = self._find(folder)
        except AppError:
            return {}
        if found is None:
            return {}
        names = {}
        for name, entry in sorted(self.folders.get(found, {}).items()):
            if entry.mode != LINK:
                names[name] = entry.is_folder
                continue
            with contextlib.suppress(AppError):
                target = self._walk([*found.split("/"), name] if found else [name], name)
                if target is not None:
                    names[name] = self._entry(target).is_folder
        return names

    def up(self) -> int:
        """The depth of the app's directory; see ``Files``."""
        return len(PurePosixPath(self.directory).parts)

    def _entry(self, path: str) -> Entry:
        return self.entries.get(path) or Entry(FOLDER)

    def _find(self, path: str) -> str | None:
        """Where a path leads, from the commit's root and without links; None if there is nothing.

        Raises:
            AppError: It leads out of the commit.
        """
        if PurePosixPath(path).is_absolute():
            raise AppError(_outside(path, links=0))
        return self._walk([*PurePosixPath(self.directory).parts, *PurePosixPath(path).parts], path)

    def _walk(self, parts: list[str], shown: str) -> str | None:
        here: list[str] = []
        links = 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                if not here:
                    raise AppError(_outside(shown, links))
                here.pop()
                continue
            entry = self.folders.get("/".join(here), {}).get(part)
            if entry is None:
                return None
            if entry.mode == LINK:
                target = PurePosixPath(os.fsdecode(self.objects.content(entry.blob) or b"/"))
                links += 1
                if target.is_absolute() or links > MOST_LINKS:
                    raise AppError(_outside(shown, links))
                parts[:0] = target.parts
            elif not entry.is_folder and parts:
                return None
            else:
                here.append(part)
        return "/".join(here)


@contextlib.contextmanager
def read(
    path: Path, revision: str, directory: str = "", variables: Mapping[str, str] | None = None
) -> Iterator[CommitFiles]:
    """The files of a commit, as long as the block lasts. Of its submodules it has the folders.

    Args:
        path: A directory in the local repository, or a bare repository.
        revision: The commit.
        directory: The app's directory in it.
        variables: git's environment; by default one in which it fetches nothing.

    Raises:
        UnreadableCommitError: git cannot list the commit's files.
    """
    with _closing(Objects(path, variables)) as objects:
        yield CommitFiles(listed(path, revision), objects, directory)


@contextlib.contextmanager
def read_all(path: Path, revision: str, directory: str, allowed: Sequence[str]) -> Iterator[CommitFiles]:
    """The files of a commit and of its submodules, as the machine will have them, as long as the block lasts.

    Args:
        path: A directory in the local repository.
        revision: The commit.
        directory: The app's directory in it.
        allowed: The kinds of contents that are left out: ``lfs``, ``submodules``.

    Raises:
        UnreadableCommitError: git cannot list the commit's files.
    """
    entries = listed(path, revision)
    stores: Sequence[Path] = ()
    if any(entry.mode == SUBMODULE for entry in entries.values()):
        gathered = gather.gather(path, revision, directory, allowed)
        stores = gathered.stores
        for place, commit in gathered.submodules.items():
            del entries[place]
            entries |= {f"{place}/{name}": entry for name, entry in listed(path, commit, stores).items()}
    variables = {**git.environment(os.environ), **NOT_LAZY, **gather.alternates(stores)}
    with _closing(Objects(path, variables)) as objects:
        yield CommitFiles(entries, objects, directory)


@contextlib.contextmanager
def _closing(objects: Objects) -> Iterator[Objects]:
    try:
        yield objects
    finally:
        objects.close()


def _add(folders: dict[str, dict[str, Entry]], path: str, entry: Entry) -> None:
    """Add an entry to the folder it lies in, and that folder to its own, up to the first that is known."""
    while True:
        folder, _, name = path.rpartition("/")
        known = folder in folders
        folders.setdefault(folder, {})[name] = entry
        if known:
            return
        path, entry = folder, Entry(FOLDER)


def _outside(path: str, links: int) -> str:
    if links:
        return f"{path}: is a link that leads out of the repository; commit the file itself"
    return f"{path}: leads out of the repository, which is all that the machine has"
