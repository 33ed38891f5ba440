"""Files that a local command leaves behind, found by glob and returned as assets or one archive."""

import hashlib
import os
import posixpath
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from .call import Failure
from .values import ARCHIVE, ASSET, SIGNATURE, Json, Object


def assets(directory: str, globs: list[str]) -> Object:
    """An asset for each file beneath the directory that the globs, the last that matches deciding, include."""
    rules = [(glob.startswith("!"), _pattern(glob.removeprefix("!"))) for glob in globs]
    found: Object = {}
    for name in _walk(directory, ""):
        excluding = [exclude for exclude, pattern in rules if pattern.fullmatch(name)]
        if excluding and not excluding[-1]:
            path = posixpath.normpath(posixpath.join(directory, name))
            found[name] = {SIGNATURE: ASSET, "hash": _hash(path), "path": path, "text": "", "uri": ""}
    return found


def archive(directory: str, globs: list[str]) -> Json:
    """One archive of the files that the globs include; its hash is that of a tar file of them, as in Pulumi's SDK."""
    found = assets(directory, globs)
    packed = hashlib.sha256()
    for name in sorted(found):
        content = Path(found[name]["path"]).read_bytes()
        packed.update(_tar_header(name, len(content)) + content + bytes(-len(content) % 512))
    packed.update(bytes(1024))
    return {SIGNATURE: ARCHIVE, "hash": packed.hexdigest(), "assets": found, "path": "", "uri": ""}


def _tar_header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = 0o600, size
    header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    header[329:345] = b"0000000\0" * 2  # device numbers, which Go writes and Python leaves out
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _hash(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise Failure(f"failed to compute asset hash: read {path}: {os.strerror(error.errno or 0).lower()}") from None


def _walk(directory: str, prefix: str) -> Iterator[str]:
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name


_TOKEN = re.compile(r"\\.|\*\*+|\[!?[^\]]*\]|.", re.DOTALL)


def _pattern(glob: str) -> re.Pattern[str]:
    """A glob as the Go library gobwas/glob reads it, with `/` as the separator."""
    depth, pattern = 0, ""
    for token in _TOKEN.findall(glob):
        if token.startswith("**"):
            pattern += ".*"
        elif token.startswith("\\") and len(token) == 2:
            pattern += re.escape(token[1])
        elif token == "[":
            raise Failure("unexpected end of input")
        elif token.startswith("[") and len(token) > 2:
            pattern += "[" + token[1:].replace("!", "^", 1) if token[1] == "!" else token
        elif token in "{}":
            depth += 1 if token == "{" else -1
            pattern += "(?:" if token == "{" else ")"
        else:
            pattern += {"*": "[^/]*", "?": "[^/]", ",": "|" if depth else ","}.get(token, re.escape(token))
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        raise Failure("unexpected end of input") from None
