"""Files created by a local command, found by glob and returned as assets or as one archive."""

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
    """Return an asset for each file below the directory that the globs include; the last matching glob decides."""
    rules = [(glob.startswith("!"), _pattern(glob.removeprefix("!"))) for glob in globs]
    included: Object = {}
    for name in _walk(directory, ""):
        excluding = [exclude for exclude, pattern in rules if pattern.fullmatch(name)]
        if excluding and not excluding[-1]:
            path = posixpath.normpath(posixpath.join(directory, name))
            included[name] = {SIGNATURE: ASSET, "hash": _hash(path), "path": path, "text": "", "uri": ""}
    return included


def archive(directory: str, globs: list[str]) -> Json:
    """Return an archive of the files that the globs include; its hash is that of their tar file, as in Pulumi's SDK."""
    included = assets(directory, globs)
    packed = hashlib.sha256()
    for name in sorted(included):
        content = Path(included[name]["path"]).read_bytes()
        packed.update(_tar_header(name, len(content)) + content + bytes(-len(content) % 512))
    packed.update(bytes(1024))
    return {SIGNATURE: ARCHIVE, "hash": packed.hexdigest(), "assets": included, "path": "", "uri": ""}


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
    """Translate a glob as the Go library gobwas/glob does, with `/` as the separator."""
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
