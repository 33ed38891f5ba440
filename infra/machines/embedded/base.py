"""The base image: a Debian tree, the lower layer of every machine's disk, built once and cached."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.machines.embedded import bootstrap, disk, locks, mounts
from infra.machines.embedded.container import USERS
from infra.machines.embedded.recipe import Recipe
from infra.machines.embedded.shell import MachineError, progress, run

SPACE = 1536 * 2**20
"""Bytes that building an image needs at most."""


def directory(cache: Path, recipe: Recipe) -> Path:
    """The directory of a recipe's image, which may not exist yet."""
    return cache / "base" / recipe.key()


def provide(cache: Path, recipe: Recipe) -> Path:
    """Return the image's directory, after building the image if it does not exist.

    Raises:
        MachineError: The disk space is not enough, or the build failed.
    """
    place = directory(cache, recipe)
    if place.is_dir():
        return place
    with locks.held(lock_file(place), "building the base image") as lock:
        if not place.is_dir():
            draft = cache / "base" / f".{place.name}"
            discard(draft)
            disk.need_space(cache / "base", SPACE)
            build(draft, recipe, lock)
            draft.chmod(0o755)
            draft.rename(place)
            progress(f"base image ready: {place}")
    return place


def build(draft: Path, recipe: Recipe, lock: int) -> None:
    """Build an image in a new directory.

    Args:
        draft: The directory, which must not exist.
        recipe: The image's recipe.
        lock: The descriptor of the lock; the build holds it even if this process is killed.

    Raises:
        MachineError: The build failed; the directory is removed.
    """
    progress(f"building the base image (Debian {recipe.suite}; once, about a minute)")
    scratch = draft.with_name(draft.name + ".files")
    scratch.mkdir(parents=True)
    try:
        bootstrap.mmdebstrap(draft, scratch, recipe, lock)
        progress("changing the owner of the image's files to the machines' users")
        shift = ["--quiet", "--register=no", "--keep-unit", "--machine=launchpad-base", f"--directory={draft}"]
        owners = [f"--private-users={USERS}:65536", "--private-users-ownership=chown"]
        run(["systemd-nspawn", *shift, *owners, "/bin/true"])
        if (draft / "etc/passwd").stat().st_uid != USERS:
            raise MachineError("systemd-nspawn did not change the owner of the image's files.")
    except BaseException:
        discard(draft)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree("/run/systemd/nspawn/propagate/launchpad-base", ignore_errors=True)


def discard(draft: Path) -> None:
    """Remove the files and mounts that a failed build left behind."""
    mountpoints = [mounts.unescape(line.split()[4]) for line in mounts.read("self").splitlines()]
    for mountpoint in sorted((path for path in mountpoints if path.startswith(f"{draft}/")), reverse=True):
        run(["umount", "--lazy", mountpoint])
    for place in (draft, draft.with_name(draft.name + ".files")):
        if place.exists():
            shutil.rmtree(place)


def is_in(cache: Path, image: str) -> bool:
    """Whether an image belongs to a cache; symbolic links do not matter."""
    return bool(image) and Path(image).resolve().parent == (cache / "base").resolve()


def clean(cache: Path, used: set[str]) -> list[str]:
    """Remove the images that no machine uses.

    Args:
        cache: The cache directory.
        used: The directories of the images that machines use.

    Returns:
        The directories of the images that were kept.
    """
    kept = []
    place = cache / "base"
    used_images = {Path(image).resolve() for image in used}
    names = {path.name.removeprefix(".").removesuffix(".files") for path in place.glob("*") if path.is_dir()}
    for name in sorted(names):
        if (place / name).resolve() in used_images:
            kept.append(str(place / name))
            continue
        progress(f"removing the base image {name}")
        with locks.held(lock_file(place / name), "building the base image"):
            discard(place / f".{name}")
            if (place / name).is_dir():
                (place / name).rename(place / f".{name}")  # so that a half-removed image never has its final name
                discard(place / f".{name}")
    locks.remove_if_empty(place)
    return kept


def lock_file(place: Path) -> Path:
    """The lock to hold while an image is built or removed."""
    return place.with_name(f"{place.name}.lock")
