"""Requirements files: what they include, and whether each of their lines names just one version of one package."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import files
from .failure import Failure

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
PIN = re.compile(
    rf"{NAME}[ \t]*(?:\[[ \t]*(?:{NAME}(?:[ \t]*,[ \t]*{NAME})*)?[ \t]*\])?"
    r"[ \t]*==[ \t]*v?[0-9][0-9A-Za-z.!+_-]*"
    r"[ \t]*(?:;[A-Za-z0-9_.'\"<>=!~(),+ \t-]*)?"
    r"(?:[ \t]+--hash[= ][A-Za-z0-9]+:[0-9A-Za-z]+)*[ \t]*"
)
"""A line such as ``flask[async]==3.1.3 ; python_version > "3.9" --hash=sha256:...``; nothing else counts as a pin."""
HARMLESS = re.compile(
    r"--(?:require-hashes|pre|prefer-binary)"
    r"|--(?:no-binary|only-binary|trusted-host)[= \t]+[A-Za-z0-9._:,-]+"
    r"|(?:-i|--index-url|--extra-index-url)[= \t]+https?://[^\s$]+"
)
"""Options that only name registries, or say how to choose among the files of one version."""
INCLUDE = re.compile(r"(?:-[rc][ \t]*=?|--(?:requirement|constraint)(?:[ \t]*=|[ \t]))[ \t]*(?P<path>[^=\s].*)")
MOST_FILES = 200


@dataclass(frozen=True)
class Requirements:
    """A requirements file with all that it includes.

    Attributes:
        texts: Each file's text, by its path from where the first one is.
        unpinned: The first line that does not name just one version of one package; empty where all do.
        hashes: Whether the lines have hashes.
    """

    texts: dict[str, str]
    unpinned: str
    hashes: bool


def read(root: Path, name: str, top: Path | None = None) -> Requirements:
    """Read a requirements file of a commit, and what it includes from the commit or from a URL.

    Args:
        root: The app's directory; includes are named from the file that has them.
        name: The file's path from there.
        top: The commit's root directory, which nothing may lead out of.
    """
    texts: dict[str, str] = {}
    unpinned, hashes = "", False
    todo = [name]
    while todo:
        path = todo.pop(0)
        if path in texts:
            continue
        if len(texts) >= MOST_FILES:
            raise Failure(f"requirements: {name} includes more than {MOST_FILES} files")
        text = files.text_in_tree(root, path, top)
        if text is None:
            raise Failure(f"requirements: the file {path}, which {name} includes, is not in the repository")
        texts[path] = text
        for line in lines(text):
            hashes = hashes or "--hash" in line
            included = include(line)
            if included and "$" not in included and "://" not in included and not included.startswith("file:"):
                todo.append(str(PurePosixPath(path).parent / included))
            elif not pinned(line):
                unpinned = unpinned or line
    return Requirements(texts, unpinned, hashes)


def lines(text: str) -> Iterator[str]:
    """The lines with something in them, without comments. A backslash continues a line, but not a comment, as in uv."""
    begun = ""
    for raw in text.split("\n"):
        bare = re.sub(r"(^|\s)#.*", "", raw)
        if bare == raw and raw.endswith("\\"):
            begun += f"{raw[:-1]} "
            continue
        line, begun = (begun + bare).strip(), ""
        if line:
            yield line
    if begun.strip():
        yield begun.strip()


def pinned(line: str) -> bool:
    """Whether a line adds nothing that can differ tomorrow: one version of one package, or a harmless option."""
    return bool(PIN.fullmatch(line) or HARMLESS.fullmatch(line))


def include(line: str) -> str:
    """The file or URL that a line includes, by ``-r`` or ``-c``; empty where it includes none."""
    match = INCLUDE.fullmatch(line)
    if not match:
        return ""
    path = match["path"].strip()
    if path[0] in "'\"":
        try:
            return "".join(shlex.split(path)[:1])
        except ValueError:
            return path
    return path.split("#", 1)[0].replace("\\ ", " ").strip()
