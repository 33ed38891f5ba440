"""The form of a backup: what root knows of the app first, then what the app's user packed, as one tar stream.

Root trusts nothing in the second part. It reads the first by itself, to its last byte, and leaves the rest to a program
that has no rights. A person needs no Launchpad to read it: ``restic dump SNAPSHOT /shop.tar | tar -x``.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Mapping
from typing import IO

from infra.agent.system import space
from infra.agent.system.failure import Failure

FORMAT = 1
HEADER = "launchpad.json"
"""The first member: the format, whose app it is, and how many members of root's follow."""
LARGEST = 200_000_000
"""Bytes of root's members at most, all together."""
MOST = 100
"""Members of root's at most."""
DUMP = "database.pgdump"
"""The member with the dump of the app's database, in PostgreSQL's custom form."""
DATA = "data"
"""The folder of the app's own files in the stream."""
MANIFEST = "manifest.jsonl"
"""The last member: a line of JSON for each file, with its size and hash."""
NOT_OURS = "This snapshot is not a backup of Launchpad's, or is damaged: it does not begin with {}."


def head(about: Mapping[str, object], kept: Mapping[str, bytes]) -> bytes:
    """The first part of a backup.

    Args:
        about: What is known of it.
        kept: Files of root's about the app, by their names.
    """
    text = json.dumps({**about, "format": FORMAT, "members": len(kept)}, sort_keys=True).encode()
    return b"".join(_member(name, content) for name, content in {HEADER: text, **kept}.items())


def _member(name: str, content: bytes) -> bytes:
    return member_head(name, len(content)) + content + padding(len(content))


def member_head(name: str, size: int) -> bytes:
    """What comes before the contents of a member."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """What comes after the contents of a member."""
    return bytes(-size % tarfile.BLOCKSIZE)


def read_head(stream: IO[bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """Read the first part, and not a byte more.

    Returns:
        What is known of the backup, and the files of root's.

    Raises:
        Failure: It is no such stream.
    """
    name, content = _read_member(stream, LARGEST)
    try:
        about = json.loads(content) if name == HEADER else None
    except ValueError:
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("members"), int):
        raise Failure(NOT_OURS.format(HEADER))
    if about.get("format") != FORMAT:
        raise Failure(f"This snapshot has format {about.get('format')}, and this Launchpad knows {FORMAT}: update it.")
    if about["members"] > MOST:
        raise Failure(NOT_OURS.format(HEADER))
    kept, left = dict[str, bytes](), LARGEST
    for _ in range(about["members"]):
        name, content = _read_member(stream, left)
        kept[name] = content
        left -= len(content)
    return about, kept


def copy_dump(stream: IO[bytes], about: Mapping[str, object], target: IO[bytes] | None) -> None:
    """Read the dump of the database that follows root's members, if there is one, and not a byte more.

    Args:
        stream: The backup.
        about: What is known of it.
        target: Where the dump goes; None to drop it.

    Raises:
        Failure: It is not what was packed.
    """
    noted = about.get("database")
    if not isinstance(noted, dict):
        return
    left, digest = noted.get("size"), hashlib.sha256()
    if not isinstance(left, int) or left < 0 or not isinstance(noted.get("sha256"), str):
        raise Failure(NOT_OURS.format(HEADER))
    end = padding(left)
    _exactly(stream, len(member_head(DUMP, left)))
    while left:
        some = _exactly(stream, min(left, 1 << 20))
        digest.update(some)
        left -= len(some)
        if target:
            space.leave_some(target)
            target.write(some)
    _exactly(stream, len(end))
    if digest.hexdigest() != noted["sha256"]:
        raise Failure("The dump of the database is not what was packed.")


def _read_member(stream: IO[bytes], largest: int) -> tuple[str, bytes]:
    try:
        info = tarfile.TarInfo.frombuf(_exactly(stream, tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise Failure(NOT_OURS.format(HEADER)) from error
    if not info.isreg() or not 0 <= info.size <= largest:
        raise Failure(NOT_OURS.format(HEADER))
    content = _exactly(stream, info.size + -info.size % tarfile.BLOCKSIZE)
    return info.name, content[: info.size]


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = io.BytesIO()
    while content.tell() < count:
        some = stream.read(count - content.tell())
        if not some:
            raise Failure("This snapshot is cut off.")
        content.write(some)
    return content.getvalue()
