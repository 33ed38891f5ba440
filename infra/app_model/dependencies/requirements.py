"""Requirements files: what they include, and whether each line names exactly one version of one package."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.app_model.dependencies import encodings, names
from infra.app_model.dependencies.names import NAME
from infra.app_model.files import AppError, Files

PIN = re.compile(
    rf"{NAME}[ \t]*(?:\[[ \t]*(?:{NAME}(?:[ \t]*,[ \t]*{NAME})*)?[ \t]*\])?"
    r"[ \t]*==[ \t]*v?[0-9][0-9A-Za-z.!+_-]*"
    r"[ \t]*(?:;[A-Za-z0-9_.'\"<>=!~(),+ \t-]*)?"
    r"(?:[ \t]+--hash[= ][A-Za-z0-9]+:[0-9A-Za-z]+)*[ \t]*"
)
"""A line such as ``flask[async]==3.1.3 ; python_version > "3.9" --hash=sha256:...``; nothing else counts as a pin.
Source: the dependency specifiers of the Python Packaging User Guide (PEP 508)."""
HARMLESS = re.compile(
    r"--(?:require-hashes|pre|prefer-binary)"
    r"|--(?:no-binary|only-binary|trusted-host)[= \t]+[A-Za-z0-9._:,-]+"
    r"|(?:-i|--index-url|--extra-index-url)[= \t]+https?://[^\s$]+"
)
"""Options that only name registries, or choose among the files of one version."""
INCLUDE = re.compile(r"(?:-[rc][ \t]*=?|--(?:requirement|constraint)(?:[ \t]*=|[ \t]))[ \t]*(?P<path>[^=\s].*)")
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""How a line refers to a variable. Source: pip's "Requirements File Format"."""
ITSELF = re.compile(r"(?:(?:-e|--editable)[ \t=]*)?(?:\.|\./|file:\.)(?:\[[^\]]*\])?")
"""A line that installs the project in whose directory it is read."""
MOST_FILES = 200
"""Files that one requirements file may include."""


@dataclass(frozen=True)
class Requirements:
    """Requirements files with all that they include.

    Attributes:
        texts: The text of each file, by its path from the app's directory.
        unpinned: The first line that does not name exactly one version of one package, after its file; empty if all do.
        hashes: Whether any line has a hash.
        packages: The version of each package that a line names; empty if it leaves that open.
        foreign: Whether a file has another encoding than uv reads.
    """

    texts: dict[str, str]
    unpinned: str
    hashes: bool
    packages: dict[str, str]
    foreign: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that the lines refer to."""
        used = (VARIABLE.findall(line) for text in self.texts.values() for line in lines(text))
        return tuple(sorted({name for names_ in used for name in names_}))

    @property
    def itself(self) -> bool:
        """Whether they install the project that they belong to."""
        return any(ITSELF.fullmatch(line) for text in self.texts.values() for line in lines(text))

    def copies(self) -> dict[str, str]:
        """The files in UTF-8, each by a new name, which includes have, too."""
        known = {path: f"requirements{number or ''}.txt" for number, path in enumerate(self.texts)}
        return {
            known[path]: "".join(f"{_copied(line, path, known)}\n" for line in lines(text))
            for path, text in self.texts.items()
        }


def _copied(line: str, path: str, known: dict[str, str]) -> str:
    included = include(line)
    name = known.get(_beside(path, included)) if included else None
    option = "-c" if line.startswith(("-c", "--c")) else "-r"
    return f"{option} {name}" if name else line


def _beside(path: str, included: str) -> str:
    return str(PurePosixPath(path).parent / included)


def read(files: Files, *wanted: str) -> Requirements:
    """Read requirements files of a commit, and what they include from the commit or from a URL.

    Args:
        files: The app's files.
        *wanted: The files' paths; includes are named from the file that has them.

    Raises:
        AppError: A file is not there, leads out of the commit, or there are too many.
    """
    texts: dict[str, str] = {}
    unpinned, hashes, foreign = "", False, False
    packages: dict[str, str] = {}
    todo = list(wanted)
    while todo:
        path = todo.pop(0)
        if path in texts:
            continue
        if len(texts) >= MOST_FILES:
            raise AppError(f"requirements: {wanted[0]} includes more than {MOST_FILES} files")
        data = files.data(path)
        if data is None:
            what = "" if path in wanted else f", which {wanted[0]} includes,"
            raise AppError(f"requirements: the file {path}{what} is not in the repository")
        texts[path], readable = encodings.decode(data)
        foreign = foreign or not readable
        for line in lines(texts[path]):
            hashes = hashes or "--hash" in line
            included = include(line)
            if included and "$" not in included and "://" not in included and not included.startswith("file:"):
                todo.append(_beside(path, included))
            elif not pinned(line):
                unpinned = unpinned or f"{path} has {line!r}"
            package, version = names.named(line)
            if package:
                packages.setdefault(package, version)
    return Requirements(texts, unpinned, hashes, packages, foreign)


def lines(text: str) -> Iterator[str]:
    """The lines that are not empty, without comments. A backslash continues a line, but not a comment, as in uv."""
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
    """Whether a line means the same tomorrow: one version of one package, or a harmless option."""
    return bool(PIN.fullmatch(line) or HARMLESS.fullmatch(line))


def include(line: str) -> str:
    """The file or URL that a line includes, by ``-r`` or ``-c``; empty if it includes none."""
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
