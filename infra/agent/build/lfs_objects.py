"""Turns files of Git LFS into objects of the bare clone, once their SHA-256 is what the commit says."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from infra.agent.build import lfs, lfs_http, remote, repository
from infra.agent.system import files, say, sh, space
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import submodule_url
from infra.common.referenced import LfsFile
from infra.protocol.specs import Source


def right(app: App, objects: Mapping[str, str], wanted: Mapping[str, LfsFile]) -> dict[str, str]:
    """The objects of the clone, once they are known to be the files that they are said to be.

    Args:
        app: The app.
        objects: The objects by SHA-256, as the workstation pushed them.
        wanted: The files by SHA-256.

    Raises:
        Failure: One of them is another file.
    """
    if not objects:
        return {}
    argv = sh.bound(["git", "--git-dir", str(app.repository), *repository.SETTINGS, "cat-file", "--batch"])
    variables = {**os.environ, **repository.QUIET, repository.DEPLOYING: app.name}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, cwd="/") as process:
        try:
            for oid, blob in objects.items():
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"{blob}\n".encode())
                process.stdin.flush()
                if _digest(process.stdout, wanted[oid].size) != oid:
                    raise Failure(f"{wanted[oid].path}: what the workstation pushed is another file of Git LFS")
        finally:
            process.kill()
    return dict(objects)


def _digest(stream: IO[bytes], size: int) -> str:
    """The SHA-256 of the next object of ``git cat-file``; empty if it is of another size."""
    head = stream.readline().split()
    if len(head) != 3 or int(head[2]) != size:
        return ""
    digest, left = hashlib.sha256(), size
    while left and (chunk := stream.read(min(left, lfs_http.CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    stream.read(1)
    return digest.hexdigest()


def fetch(
    app: App, source: Source, configured: str, wanted: Sequence[LfsFile], until: float
) -> tuple[dict[str, str], dict[str, str]]:
    """Download files of Git LFS into the clone.

    Args:
        app: The app.
        source: The repository that they belong to.
        configured: The server of Git LFS that the commit names; empty if it names none.
        wanted: The files, each once.
        until: When everything has to be here, in seconds of the monotonic clock.

    Returns:
        The objects by SHA-256, and why there is none, by SHA-256.

    Raises:
        NoSpace: There is no space for them.
    """
    total = sum(file.size for file in wanted)
    # Once in the clone, and once in the release.
    space.make_room(app, 2 * total + space.LEAST_FREE)
    count = "1 file" if len(wanted) == 1 else f"{len(wanted)} files"
    say.step("fetch", f"{count} of Git LFS, {total / 10**6:.1f} MB")
    incoming = app.repository / repository.INCOMING
    files.remove_tree(incoming)
    files.directory(incoming, 0o700)
    objects: dict[str, str] = {}
    reasons: dict[str, str] = {}
    try:
        with remote.access(app, source) as (_, access):
            server = lfs.server(source.url, configured, access if "GIT_SSH_COMMAND" in access else {}, until)
        for file, found in lfs.downloads(server, wanted):
            try:
                if isinstance(found, str):
                    raise lfs_http.LfsError(found)
                lfs.fetch(found, file, incoming / file.oid, server)
            except lfs_http.LfsError as error:
                reasons[file.oid] = str(error)
            else:
                objects[file.oid] = _stored(app, file)
    except (lfs_http.LfsError, submodule_url.UrlError) as error:
        reasons = {file.oid: str(error) for file in wanted if file.oid not in objects} | reasons
    finally:
        files.remove_tree(incoming)
    return objects, reasons


def _stored(app: App, file: LfsFile) -> str:
    """The object of a file that has arrived."""
    path = app.repository / repository.INCOMING / file.oid
    done = repository.git(app, "hash-object", "-w", "--no-filters", "--", str(path))
    if not done.ok:
        raise Failure(f"Cannot store {file.path}:\n{done.last_lines()}")
    path.unlink()
    return done.out.strip()
