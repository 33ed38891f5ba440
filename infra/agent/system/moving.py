"""Moves what is at a path to the disk for data: copied, compared, and only then switched.

It may be killed at any moment and called again. What the path had is there, or beside it as ``NAME.moved-ID``, until
the disk has all of it and is mounted in its place. Where both have something of their own, nothing is decided here.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import disk_ids, owned, paths, same_trees, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import MOVED

SPARE = 50_000_000
"""Bytes that have to be free on the disk beside what is moved there."""


@dataclass(frozen=True)
class Place:
    """What is kept on the disk for data.

    Attributes:
        what: What it is, in words.
        path: Where it is used; its parent directory is root's.
        source: Where it is on the disk.
    """

    what: str
    path: Path
    source: Path

    @property
    def staging(self) -> Path:
        """Where a copy is made on the disk; without a meaning until it is renamed."""
        return self.source.with_name(f".{self.source.name}.new")

    def former(self, disk: str) -> Path:
        """Where that is which the path had, from the moment that the disk with this id has all of it."""
        return self.path.with_name(f"{self.path.name}{MOVED}{disk[:12]}")

    def formers(self) -> list[Path]:
        """All that the path had and was moved to some disk."""
        return sorted(self.path.parent.glob(f"{self.path.name}{MOVED}*"))


def move(place: Place) -> None:
    """Have everything of a place on the disk, ready to be mounted. Nobody writes to it meanwhile.

    Raises:
        Failure: The path and the disk both have something, or the disk is too small, or the copy is not the same.
    """
    former = place.former(disk_ids.identity())
    _check(place, former)
    place.source.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if former.is_dir():
        if not place.source.exists():
            _copy(former, place)
            place.staging.rename(place.source)
    elif filled(place.path):
        if place.source.exists():
            place.source.rmdir()  # empty, see _check: what is there from now on came by the rename below
        _copy(place.path, place)
        place.path.rename(former)
        _sync(place.path.parent)
        place.staging.rename(place.source)
    elif not place.source.exists():
        place.source.mkdir(mode=0o700)
    _sync(place.source.parent)


def _check(place: Place, former: Path) -> None:
    strange = [path for path in place.formers() if path != former]
    both = filled(place.path) and (former.is_dir() or filled(place.source))
    if strange or both:
        here = strange[0] if strange else place.path
        raise Failure(
            f"{place.what} is in {here} on the machine's own disk, and in {place.source} on the disk for data, too. "
            "Nothing was changed, as neither may be lost. Look at both, move the one that is outdated away, and run "
            "this again."
        )


def filled(path: Path) -> bool:
    """Whether something is in a directory."""
    try:
        handle = paths.open_directory(path)
    except FileNotFoundError:
        return False
    try:
        with os.scandir(handle) as found:
            return any(True for _ in found)
    finally:
        os.close(handle)


def _copy(origin: Path, place: Place) -> None:
    """Copy a directory to the disk and compare the copy."""
    size = owned.size(origin)
    status = os.statvfs(place.source.parent)
    free = status.f_bavail * status.f_frsize
    if size + SPARE > free:
        raise Failure(
            f"{place.what} takes {size // 10**6} MB, and the disk for data has {free // 10**6} MB free. Give it a "
            "larger disk for data, and run this again. Nothing was changed."
        )
    say.step("data", f"copying {place.what} to the disk for data ({size // 10**6} MB)")
    if place.staging.exists():
        owned.discard(place.staging)
    place.staging.mkdir(mode=0o700)
    owned.copy(origin, place.staging)
    handles = [paths.open_directory(path) for path in (origin, place.staging)]
    try:
        if differs := same_trees.difference(handles[0], handles[1]):
            raise Failure(
                f"{place.what} was not copied to the disk for data as it is: {differs} differs. Nothing was changed; "
                "run this again."
            )
    finally:
        for handle in handles:
            os.close(handle)
    _sync(place.staging)


def forget(place: Place) -> None:
    """Remove what a path had, once the disk is mounted there and has all of it."""
    former = place.former(disk_ids.identity())
    if former.is_dir():
        owned.discard(former)


def _sync(path: Path) -> None:
    """Have everything on a path's file system written to its disk."""
    sh.run(["sync", "--file-system", "--", str(path)], doing=f"Writing {path} to its disk")


def mount_point(path: Path) -> None:
    """Have an empty directory to mount at, which nobody but root can use while nothing is mounted there."""
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    paths.close(path)
