"""Pins: what a lock of another tool says, as a requirements file that uv installs without looking any further."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.app_model.dependencies.install import Install

MADE = "requirements.txt"
"""The name of the file that is made of a lock."""
VENV = '"$UV" venv --quiet --python "$PYTHON" "$VENV"'
"""Makes the virtualenv, where ``uv sync`` does not."""
INTO = '"$UV" pip install --python "$VENV/bin/python"'
ITSELF = "the app is installed as a package"


@dataclass(frozen=True)
class Pin:
    """One package of a lock.

    Attributes:
        name: Its normalised name; empty for a path that is installed as it is.
        version: Its version; empty if a link says which.
        marker: Where it is installed; empty for everywhere.
        hashes: The hashes of its files, such as ``sha256:...``.
        link: Its URL, its repository or its path, if it comes from none of the registries.
    """

    name: str
    version: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()
    link: str = ""

    def line(self) -> str:
        """The line of a requirements file."""
        what = f"{self.name} @ {self.link}" if self.link and self.name else self.link
        what = what or (f"{self.name}=={self.version}" if self.version else self.name)
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" --hash={digest}" for digest in self.hashes if not self.link)
        return re.sub(r"[\r\n\0]", " ", f"{what}{marker}{hashes}")


def git(url: str, revision: str, subdirectory: str = "") -> str:
    """The link of a package in a git repository."""
    if match := re.fullmatch(r"([\w.-]+@[\w.-]+):(?!//)(.*)", url):
        url = f"ssh://{match[1]}/{match[2]}"
    return f"git+{url}@{revision}" + (f"#subdirectory={subdirectory}" if subdirectory else "")


def install(kind: str, pins: Sequence[Pin], *, itself: bool = False, content: str = "") -> Install:
    """How the packages of a lock are installed: just these, and with their hashes where the lock has them.

    Args:
        kind: The name of the lock.
        pins: The packages.
        itself: Whether the project is installed as a package, too.
        content: What decides besides the pins, such as the sources.
    """
    text = "".join(f"{line}\n" for line in sorted({pin.line() for pin in pins}))
    hashed = all(pin.hashes and not pin.link for pin in pins) and bool(pins)
    # Every hash is known, so that it does not matter which of several registries has the file.
    options = " --require-hashes --index-strategy unsafe-best-match" if hashed else ""
    commands = [VENV, f'{INTO} --no-deps{options} --requirements "$MADE/{MADE}"']
    if not pins:
        commands = [VENV]
    if itself:
        commands.append(f"{INTO} --no-deps .")
    return Install(
        kind,
        tuple(commands),
        unproven=ITSELF if itself else _open(kind, pins),
        content=f"{content}\0{text}",
        packages=versions(pins),
        files={MADE: text} if pins else {},
    )


def unlocked(kind: str, lines: Sequence[str], packages: dict[str, str], *, itself: bool = False) -> Install:
    """How requirements are installed for which there is no lock.

    Args:
        kind: The name of the file that has them.
        lines: The requirements.
        packages: The packages that they name.
        itself: Whether the project is installed as a package, too.
    """
    text = "".join(re.sub(r"[\r\n\0]", " ", line) + "\n" for line in lines)
    commands = [VENV, *([f'{INTO} --requirements "$MADE/{MADE}"'] if lines else [])]
    if itself:
        commands.append(f"{INTO} --no-deps .")
    files = {MADE: text} if lines else {}
    return Install(kind, tuple(commands), f"{kind} has no lock", text, packages, files=files)


def versions(pins: Iterable[Pin]) -> dict[str, str]:
    """The version of each package; of several versions, all of them."""
    found: dict[str, str] = {}
    for pin in pins:
        if pin.name:
            version = pin.version or pin.link
            known = found.get(pin.name)
            found[pin.name] = f"{known}, {version}" if known and known != version else version
    return found


def unknown_format(lock: str, version: object, project: str) -> str:
    """The note on a lock that may be stale, as nobody knows how its format says so.

    Args:
        lock: The lock.
        version: The format that it names.
        project: The file that it was made of.
    """
    return f"{lock} has the format {version}, which is not known here: it is not compared with {project}"


def _open(kind: str, pins: Sequence[Pin]) -> str:
    loose = next((pin for pin in pins if pin.link or not pin.version), None)
    if not loose:
        return ""
    return f"{kind} has {loose.name or loose.link}, which {'comes from no registry' if loose.link else 'is not pinned'}"
