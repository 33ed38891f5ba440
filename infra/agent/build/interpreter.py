"""Finds the Python that an app asks for on this machine, or installs it."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import say, sh, trees
from infra.agent.system.failure import Failure
from infra.agent.system.layout import PYTHONS, UV
from infra.app_model.dependencies import versions
from infra.protocol import timeouts

SYSTEM = "/usr/bin/python3"
UV_ENV = {
    "UV_PYTHON_INSTALL_DIR": str(PYTHONS),
    "UV_NO_PROGRESS": "1",
    "UV_SYSTEM_CERTS": "1",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}
ROOTS_UV_ENV = {**UV_ENV, "UV_NO_CONFIG": "1"}
"""For uv as root: no configuration of the app's is read. Only its own user does that, when it builds."""
NUMBERS = r"\d{1,6}(?:\.\d{1,6})*(?:(?:a|b|rc)\d{1,6})?"
RANGE = rf"(?:===?|~=|!=|<=?|>=?)[ \t]*{NUMBERS}(?:\.\*)?"
VERSION = re.compile(rf"(?:(?:cpython|pypy)[@-]?)?{NUMBERS}t?|{RANGE}(?:[ \t]*,[ \t]*{RANGE})*", re.ASCII)
"""What a request for a Python may be. uv would take any other word for a program, which root would run."""


@dataclass(frozen=True)
class Request:
    """The Python that an app asks for: a version or a range, empty for any, and what asks for it."""

    version: str
    by: str = ""


def wanted(root: Path, configured: str | None, requires: str = "", top: Path | None = None) -> Request:
    """The Python that an app asks for, by the first of these that says one.

    Args:
        root: The app's root directory, where ``.python-version`` and Heroku's ``runtime.txt`` are looked for.
        configured: The setting, which comes first.
        requires: What pyproject.toml demands, which comes last.
        top: The commit's root directory, if that is another.
    """
    if configured:
        return Request(configured, "the setting python")
    text = trees.text(root, ".python-version", top) or ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if lines:
        return Request(lines[0], ".python-version")
    runtime = (trees.text(root, "runtime.txt", top) or "").strip()
    if runtime.startswith("python-"):
        return Request(runtime.removeprefix("python-"), "runtime.txt")
    return Request(requires, "requires-python in pyproject.toml") if requires else Request("")


def fits(version: str, system: tuple[int, int, int]) -> bool:
    """Whether a version of Python surely is what a request asks for; False if only uv could tell.

    Args:
        version: The request; empty for any.
        system: The version, such as (3, 13, 5).
    """
    major, minor, patch = system
    if version in ("", f"{major}", f"{major}.{minor}", f"{major}.{minor}.{patch}"):
        return True
    return bool(versions.allows(version, f"{major}.{minor}.{patch}"))


def check(request: Request) -> None:
    """Refuse a request that is no version: uv would take any other word for a program, which root would run.

    Raises:
        Failure: Names what asks for it, and what is allowed.
    """
    if not VERSION.fullmatch(request.version):
        raise Failure(
            f"{request.by} asks for Python {request.version[:50]!r}, which names no version; allowed: a version such "
            "as 3.13 or a range such as >=3.11,<3.14"
        )


def find(root: Path, configured: str | None, requires: str, top: Path | None = None) -> str:
    """The path of an interpreter that fits; one that is not on the machine is installed.

    Raises:
        Failure: No Python fits and none could be downloaded, or what the app asks for is no version.
    """
    request = wanted(root, configured, requires, top)
    if fits(request.version, sys.version_info[:3]):
        return SYSTEM
    if path := _program(request.version):
        return path
    check(request)
    return _found_by_uv(request.version) or _installed(request)


def _program(version: str) -> str | None:
    """The program of a version such as 3.12 among those of the system; None if there is none."""
    if not re.fullmatch(r"3\.\d+", version):
        return None
    return shutil.which(f"python{version}", path="/usr/bin:/usr/local/bin")


def _found_by_uv(version: str) -> str:
    """The path of an interpreter on this machine that fits; empty if there is none."""
    # --no-project, away from the app's tree: it must not make us, root, run an interpreter that the tree brought along.
    search = [str(UV), "python", "find", "--no-project", "--system", "--no-python-downloads", version]
    finished = sh.run(search, env=ROOTS_UV_ENV)
    return finished.out.strip() if finished.ok else ""


def _installed(request: Request) -> str:
    """The path of an interpreter that is downloaded now.

    Raises:
        Failure: Says why it could not be, and which versions are here.
    """
    say.step("build", f"installing Python {request.version} ({request.by} asks for it)")
    env = {**ROOTS_UV_ENV, "UV_HTTP_TIMEOUT": "30", "UV_HTTP_RETRIES": "1"}
    install = sh.run([str(UV), "python", "install", request.version], env=env, timeout=timeouts.PYTHON)
    path = _found_by_uv(request.version) if install.ok else ""
    if not path:
        raise Failure(
            f"{request.by} asks for Python {request.version}, which is not on this machine and could not be downloaded."
            f"\nThe machine has {', '.join(available())}. Set launchpad:python to one of them, or let the machine "
            f"reach the downloads:\n{install.last_lines(4)}"
        )
    return path


def system_version(parts: int) -> str:
    """The version of the system's own Python, which runs this program, with so many parts."""
    return ".".join(str(part) for part in sys.version_info[:parts])


def version_of(python: str) -> str:
    """The version of an interpreter by the name of its file, such as 3.13; the system's if that does not say."""
    named = re.search(r"python(\d+\.\d+)", Path(python).resolve().name)
    return named[1] if named else system_version(2)


def available() -> list[str]:
    """The versions of Python on this machine, sorted."""
    versions = {system_version(3)}
    for directory in ("/usr/bin", "/usr/local/bin"):
        for path in Path(directory).glob("python3.*"):
            if re.fullmatch(r"python3\.\d+", path.name) and path.name != f"python{system_version(2)}":
                versions.add(path.name.removeprefix("python"))
    versions |= {path.name.split("-")[1] for path in PYTHONS.glob("*-*") if path.is_dir()}
    return sorted(versions)
