"""The base image: a Debian tree that every machine's disk is laid over, built once and kept in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.machines.embedded import bootstrap, disk, locks, mounts
from infra.machines.embedded.container import USERS
from infra.machines.embedded.recipe import Recipe
from infra.machines.embedded.shell import MachineError, progress, run

SPACE = 1536 * 2**20
"""What building an image takes at most."""


def directory(cache: Path, one: Recipe) -> Path:
    """Where a recipe's image is, or will be."""
    return cache / "base" / one.key()


def provide(cache: Path, one: Recipe) -> Path:
    """The image's directory; built first if it is not there."""
    place = directory(cache, one)
    if place.is_dir():
        return place
    with locks.held(lock_file(place), "building the base image") as lock:
        if not place.is_dir():
            draft = cache / "base" / f".{place.name}"
            discard(draft)
            disk.need_space(cache / "base", SPACE)
            build(draft, one, lock)
            draft.chmod(0o755)
            draft.rename(place)
            progress(f"base image ready: {place}")
    return place


def build(draft: Path, one: Recipe, lock: int) -> None:
    """Build an image in a directory that does not exist yet."""
    progress(f"building the base image (Debian {one.suite}; once, about a minute)")
    scratch = draft.with_name(draft.name + ".files")
    scratch.mkdir(parents=True)
    try:
        bootstrap.mmdebstrap(draft, scratch, one, lock)
        progress("giving the image's files to the machines' own users")
        shift = ["--quiet", "--register=no", "--keep-unit", "--machine=launchpad-base", f"--directory={draft}"]
        owners = [f"--private-users={USERS}:65536", "--private-users-ownership=chown"]
        run(["systemd-nspawn", *shift, *owners, "/bin/true"])
        if (draft / "etc/passwd").stat().st_uid != USERS:
            raise MachineError("systemd-nspawn did not give the image's files to the machines' users.")
    except BaseException:
        discard(draft)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree("/run/systemd/nspawn/propagate/launchpad-base", ignore_errors=True)


def discard(draft: Path) -> None:
    """Remove what a build that did not end well has left, and what it had mounted."""
    inside = [mounts.unescape(line.split()[4]) for line in mounts.read("self").splitlines()]
    for mountpoint in sorted((one for one in inside if one.startswith(f"{draft}/")), reverse=True):
        run(["umount", "--lazy", mountpoint])
    for place in (draft, draft.with_name(draft.name + ".files")):
        if place.exists():
            shutil.rmtree(place)


def is_in(cache: Path, image: str) -> bool:
    """Whether an image that a machine stands on belongs to a cache, by whatever names their directories go."""
    return bool(image) and Path(image).resolve().parent == (cache / "base").resolve()


def clean(cache: Path, used: set[str]) -> list[str]:
    """Remove every image that no machine stands on; gives those that stay."""
    kept = []
    place = cache / "base"
    standing = {Path(one).resolve() for one in used}
    names = {one.name.removeprefix(".").removesuffix(".files") for one in place.glob("*") if one.is_dir()}
    for name in sorted(names):
        if (place / name).resolve() in standing:
            kept.append(str(place / name))
            continue
        progress(f"removing the base image {name}")
        with locks.held(lock_file(place / name), "building the base image"):
            discard(place / f".{name}")
            if (place / name).is_dir():
                (place / name).rename(place / f".{name}")  # never half an image under its real name
                discard(place / f".{name}")
    locks.remove_if_empty(place)
    return kept


def lock_file(place: Path) -> Path:
    """The lock of an image that is built or removed."""
    return place.with_name(f"{place.name}.lock")
