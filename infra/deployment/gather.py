"""Finds what a local commit refers to (submodules, files of Git LFS) among what this computer has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from infra.common import missing, referenced
from infra.common.missing import Missing
from infra.common.referenced import LfsFile, Referenced, Submodule
from infra.deployment import git

REMEDIES = {
    "lfs": "They are not in this clone's store of Git LFS either. Fetch them (git lfs fetch), commit the files "
    "themselves (git lfs migrate export), or deploy without them",
    "submodules": "Their commits are not on this computer. Fetch them (git submodule update --init --recursive), "
    "or deploy without them",
}
"""What to do about each kind of missing contents, by its name in ``allow_missing``."""


@dataclass(frozen=True)
class Gathered:
    """What a commit refers to below the app's directory, as far as this computer has it.

    Attributes:
        submodules: The commits of submodules by their paths.
        trees: The trees of these commits.
        files: The files of Git LFS by their SHA-256; None for one that ``git lfs`` can fetch.
        fetchable: The git work trees in which ``git lfs`` fetches them, each with its commit.
        stores: The folders with the objects of submodules.
        lacking: What this computer does not have.
        left_out: What is left out, as the settings say.
    """

    submodules: Mapping[str, str] = field(default_factory=dict)
    trees: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path | None] = field(default_factory=dict)
    fetchable: tuple[tuple[Path, str], ...] = ()
    stores: tuple[Path, ...] = ()
    lacking: Missing = field(default_factory=Missing)
    left_out: Missing = field(default_factory=Missing)

    def refusals(self, allowed: Sequence[str]) -> list[str]:
        """What is wrong with a commit that lacks something, and what to do; ``allowed`` is ``allow_missing``."""
        return [
            f"{words}. {REMEDIES[kind]}: {missing.allow(kind, len(allowed) + number)}"
            for number, (kind, words) in enumerate(self.lacking.kinds().items())
        ]


@dataclass(frozen=True)
class Place:
    """A repository that is looked at: the deployed one, or a submodule.

    Attributes:
        revision: Its commit.
        git_folders: Where it, and thus its submodules and its files of Git LFS, may have a git directory.
        work_tree: Where it is checked out; None for a bare repository.
        prefix: Where it lies in the deployed commit; empty, or with a slash at the end.
    """

    revision: str
    git_folders: tuple[Path, ...]
    work_tree: Path | None
    prefix: str = ""


def gather(path: Path, revision: str, directory: str, allowed: Sequence[str] = ()) -> Gathered:
    """Find everything that a commit refers to.

    Args:
        path: A directory in the local repository.
        revision: The commit, all 40 digits.
        directory: Only what lies below this directory of the commit counts.
        allowed: The kinds that are left out: ``lfs``, ``submodules``.
    """
    gathering = _Gathering(path, allowed)
    found = referenced.find(gathering.git, revision, directory)
    if found == Referenced():
        return Gathered()
    here = Place(revision, _git_folders(path), _work_tree(path))
    places = gathering.look_at(here, found)
    while places:
        place = places.pop(0)
        places += gathering.look_at(place, referenced.find(gathering.git, place.revision, prefix=place.prefix))
    return gathering.gathered()


class _Gathering:
    """What was found so far."""

    def __init__(self, path: Path, allowed: Sequence[str]) -> None:
        self.path, self.allowed = path, allowed
        self.submodules: dict[str, str] = {}
        self.trees: dict[str, str] = {}
        self.files: dict[str, Path | None] = {}
        self.fetchable: dict[tuple[Path, str], None] = {}
        self.stores: dict[Path, None] = {}
        self.lacking: dict[str, list[str]] = {"lfs": [], "submodules": []}
        self.left_out: dict[str, list[str]] = {"lfs": [], "submodules": []}

    def git(self, *arguments: str, feed: bytes = b"") -> bytes:
        """Run git on the repository, with the objects of the submodules that were found so far."""
        return git.run(self.path, *arguments, feed=feed, variables=alternates(self.stores)).data

    def look_at(self, place: Place, found: Referenced) -> list[Place]:
        """Look for what a repository refers to; returns the submodules that are here."""
        self._have_files(place, found.lfs)
        return list(self._have_submodules(place, found.submodules))

    def _have_files(self, place: Place, files: tuple[LfsFile, ...]) -> None:
        """Look for files of Git LFS in the stores of the repositories."""
        for file in files:
            kept = [store / file.oid[:2] / file.oid[2:4] / file.oid for store in _lfs_stores(place)] if file.oid else []
            here = next((each for each in kept if each.is_file() and each.stat().st_size == file.size), None)
            if "lfs" in self.allowed:
                self.left_out["lfs"].append(file.path)
            elif here is not None:
                self.files[file.oid] = here
            elif file.oid and place.work_tree and _is_checked_out(place.work_tree) and shutil.which("git-lfs"):
                self.files.setdefault(file.oid, None)
                self.fetchable[place.work_tree, place.revision] = None
            else:
                self.lacking["lfs"].append(file.path)

    def _have_submodules(self, place: Place, submodules: tuple[Submodule, ...]) -> Iterator[Place]:
        """Look for the commits of submodules; each that is here is a place to look at in its turn."""
        if "submodules" in self.allowed:
            self.left_out["submodules"] += [each.path for each in submodules]
            return
        names = referenced.urls(self.git, place.revision) if submodules else {}
        for submodule in submodules:
            path = submodule.path.removeprefix(place.prefix)
            name, _ = names.get(path, ("", ""))
            work_tree = place.work_tree / path if place.work_tree else None
            folders = tuple(_folders_of_submodule(place, name, work_tree))
            tree = self._tree(folders, submodule.commit) if len(self.submodules) < referenced.MOST else ""
            if not tree:
                self.lacking["submodules"].append(submodule.path)
                continue
            self.submodules[submodule.path] = submodule.commit
            self.trees[submodule.commit] = tree
            yield Place(submodule.commit, folders, work_tree, f"{submodule.path}/")

    def _tree(self, folders: tuple[Path, ...], commit: str) -> str:
        """The tree of a submodule's commit, if one of the git directories has all of it; empty if none has."""
        for store in (folder / "objects" for folder in folders):
            variables = alternates([*self.stores, store])
            listed = git.run(self.path, "rev-list", "--objects", "--no-walk", f"{commit}^{{tree}}", variables=variables)
            if listed.ok:
                self.stores[store] = None
                return listed.out.partition("\n")[0].split(" ")[0]
        return ""

    def gathered(self) -> Gathered:
        """All of it."""
        return Gathered(
            self.submodules,
            self.trees,
            self.files,
            tuple(self.fetchable),
            tuple(self.stores),
            Missing(tuple(self.lacking["lfs"]), tuple(self.lacking["submodules"])),
            Missing(tuple(self.left_out["lfs"]), tuple(self.left_out["submodules"])),
        )


def alternates(stores: Sequence[Path] | Mapping[Path, None]) -> dict[str, str]:
    """Git's variable for the folders of more objects. Source: git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES."""
    quoted = [f'"{str(store).replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"' for store in stores]
    return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(quoted)} if quoted else {}


def objects(path: Path) -> Path:
    """The folder with the objects of the repository in which a directory lies."""
    return _git_path(path, "--git-path", "objects")


def _git_folders(path: Path) -> tuple[Path, ...]:
    """The git directory of a repository and, in a linked work tree, that of the main one."""
    folders = (_git_path(path, "--git-dir"), _git_path(path, "--git-common-dir"))
    return tuple(dict.fromkeys(folders))


def _git_path(path: Path, *words: str) -> Path:
    """A path that git names, which is relative to where it was asked."""
    return Path(os.path.realpath(path / git.run(path, "rev-parse", *words).out.removesuffix("\n")))


def _work_tree(path: Path) -> Path | None:
    top = git.run(path, "rev-parse", "--show-toplevel").out.removesuffix("\n")
    return Path(top) if top else None


def _folders_of_submodule(place: Place, name: str, work_tree: Path | None) -> Iterator[Path]:
    """Where a submodule may have a git directory: below that of its repository, or where it is checked out."""
    parts = PurePosixPath(name).parts
    if name and ".." not in parts and not PurePosixPath(name).is_absolute():
        yield from (folder / "modules" / name for folder in place.git_folders)
    own = work_tree / ".git" if work_tree else None
    if own is None:
        return
    if own.is_dir():
        yield own
    elif own.is_file() and own.stat().st_size < 10_000:
        target = own.read_text(errors="surrogateescape").strip()
        if target.startswith("gitdir: "):
            yield Path(os.path.realpath(own.parent / target.removeprefix("gitdir: ")))


def _is_checked_out(work_tree: Path) -> bool:
    """Whether a folder is a repository's own work tree.

    In any other folder git might take files that somebody has committed there for a bare repository, and do what its
    configuration says.
    """
    return os.path.lexists(work_tree / ".git")


def _lfs_stores(place: Place) -> list[Path]:
    """Where ``git lfs`` may keep the files of a repository. Source: git-lfs-config(5), ``lfs.storage``."""
    own = [folder / "lfs" for folder in place.git_folders]
    is_own = place.work_tree and _is_checked_out(place.work_tree)
    set_to = git.run(place.work_tree, "config", "lfs.storage").out.strip() if place.work_tree and is_own else ""
    if set_to:
        own += [folder / set_to for folder in place.git_folders]
    return [store / "objects" for store in own]
