"""Which Python an app runs on: what it asks for, and where that is on this machine."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from . import files, say, sh
from .failure import Failure
from .layout import PYTHONS, UV

SYSTEM = "/usr/bin/python3"
UV_ENV = {
    "UV_PYTHON_INSTALL_DIR": str(PYTHONS),
    "UV_NO_PROGRESS": "1",
    "UV_SYSTEM_CERTS": "1",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}
INSTALL_TIMEOUT = 300.0
NUMBERS = r"\d{1,6}(?:\.\d{1,6})*(?:(?:a|b|rc)\d{1,6})?"
RANGE = rf"(?:===?|~=|!=|<=?|>=?)[ \t]*{NUMBERS}(?:\.\*)?"
VERSION = re.compile(rf"(?:(?:cpython|pypy)[@-]?)?{NUMBERS}t?|{RANGE}(?:[ \t]*,[ \t]*{RANGE})*", re.ASCII)
"""What a request for a Python may be. Any word else would be the name of a program, which root would run, to uv."""


def wanted(root: Path, configured: str | None, top: Path | None = None) -> tuple[str, str]:
    """The version asked for and by what: the setting, ``.python-version``, or Heroku's ``runtime.txt``. Empty: any."""
    if configured:
        return configured, "the setting python"
    text = files.text_in_tree(root, ".python-version", top)
    lines = [line.strip() for line in (text or "").splitlines() if line.strip() and not line.startswith("#")]
    if lines:
        return lines[0], ".python-version"
    runtime = (files.text_in_tree(root, "runtime.txt", top) or "").strip()
    return (runtime.removeprefix("python-"), "runtime.txt") if runtime.startswith("python-") else ("", "")


def find(root: Path, configured: str | None, requires: str, top: Path | None = None) -> str:
    """The path of an interpreter that fits; one that is not on the machine is installed if its download is in reach."""
    request, by = wanted(root, configured, top)
    if not request:
        request, by = requires, "requires-python in pyproject.toml"
    if not request or request in (f"{sys.version_info[0]}", system_version(2), system_version(3)):
        return SYSTEM
    if (least := re.fullmatch(r">=\s*3\.(\d+)(\.0)?", request)) and sys.version_info >= (3, int(least[1])):
        return SYSTEM
    if re.fullmatch(r"3\.\d+", request) and (found := shutil.which(f"python{request}", path="/usr/bin:/usr/local/bin")):
        return found
    if not VERSION.fullmatch(request):
        raise Failure(
            f"{by} asks for Python {request[:50]!r}, which names no version; allowed: a version such as 3.13 or a "
            "range such as >=3.11,<3.14"
        )
    # --no-project, away from the app's tree: it must not make us, root, run an interpreter that the tree brought along.
    search = [str(UV), "python", "find", "--no-project", "--system", "--no-python-downloads", request]
    # Nor is any configuration of the app's read: only its own user does that, when it builds.
    uv_env = {**UV_ENV, "UV_NO_CONFIG": "1"}
    done = sh.run(search, env=uv_env)
    if done.ok:
        return done.out.strip()
    say.step("build", f"installing Python {request} ({by} asks for it)")
    install = sh.run(
        [str(UV), "python", "install", request],
        env={**uv_env, "UV_HTTP_TIMEOUT": "30", "UV_HTTP_RETRIES": "1"},
        timeout=INSTALL_TIMEOUT,
    )
    done = sh.run(search, env=uv_env) if install.ok else done
    if done.ok:
        return done.out.strip()
    raise Failure(
        f"{by} asks for Python {request}, which is not on this machine and could not be downloaded.\n"
        f"The machine has {', '.join(available())}. Ask for one of them, or let the machine reach the downloads:\n"
        f"{install.last_lines(4)}"
    )


def system_version(parts: int) -> str:
    """The version of the system's own Python, by which this program runs."""
    return ".".join(str(part) for part in sys.version_info[:parts])


def version_of(python: str) -> str:
    """The version of an interpreter as far as its file's name says it, such as 3.13."""
    found = re.search(r"python(\d+\.\d+)", Path(python).resolve().name)
    return found[1] if found else system_version(2)


def available() -> list[str]:
    """The versions of Python on this machine."""
    found = {system_version(3)}
    for directory in ("/usr/bin", "/usr/local/bin"):
        for path in Path(directory).glob("python3.*"):
            if re.fullmatch(r"python3\.\d+", path.name) and path.name != f"python{system_version(2)}":
                found.add(path.name.removeprefix("python"))
    found |= {path.name.split("-")[1] for path in PYTHONS.glob("*-*") if path.is_dir()}
    return sorted(found)
