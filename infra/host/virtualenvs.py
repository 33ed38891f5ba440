"""Virtualenvs: which of them releases may share, and how one is filled.

A virtualenv cannot be moved, and filling one takes seconds, most of them for compiling bytecode: with everything in
uv's cache, on two busy cores, 0.6 s and 4 s more for 38 packages (80 MB), 1.7 s and 6 s more for 18 with pandas and
scikit-learn (352 MB). So releases share one, but only where everything that went into it is in its key: each line of
the requirements names one version, or uv.lock does, from a registry. Any other release gets a virtualenv of its own.

Files are copied out of uv's cache and never hard-linked: a later build can write the cache, and must not reach what
serves through it. (uv's link mode "clone" is none the safer: where the disk cannot clone, it makes hard links.)
"""

from __future__ import annotations

import configparser
import contextlib
import dataclasses
import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import dependencies, explain, interpreter, tasks, uv
from .layout import UV, App
from .spec import DeploySpec

SCRIPT = """\
set -eu
if [ "$INSTALL" = 1 ]; then
{commands}
  "$UV" cache prune --quiet >/dev/null 2>&1 || true
fi
[ -e .venv ] || [ -L .venv ] || ln -s "$VENV" .venv
"$VENV/bin/python" -m compileall -q -x '/[.]venv/' . >/dev/null 2>&1 || true
"""
"""What the app's user runs to build. The app's tree is read-only at run time, so its bytecode is compiled here."""

INSTALLED = Path("/var/lib/dpkg/status")
"""The Debian packages of the machine; what is compiled may be linked against them."""
PLAIN = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY", "UV_PRERELEASE"),
    *("UV_RESOLUTION", "UV_EXCLUDE_NEWER", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_NO_BINARY", "UV_ONLY_BINARY"),
    *("UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_INSTALLS", "UV_REQUIRE_HASHES"),
)
"""Settings of uv whose value says all; others may name files, whose content is in no key."""


def handed_on(spec: DeploySpec) -> list[tuple[str, str]]:
    """The app's variables that the installer gets: those for uv and pip."""
    return [(name, text) for name, text in (*spec.env, *spec.secrets) if name.startswith(("UV_", "PIP_"))]


def open_settings(spec: DeploySpec) -> str:
    """Why the app's variables leave open what is installed; empty where they do not."""
    secret = [name for name, _ in spec.secrets]
    for name, text in handed_on(spec):
        if name in secret or name not in PLAIN or "file:" in text or (name.startswith("UV_INDEX") and "/" in text[:2]):
            return f"{name} is set"
    return ""


def key(spec: DeploySpec, plan: dependencies.Plan, python: str) -> str:
    """A hash of everything that a virtualenv is made of, where that is known."""
    parts = [plan.kind, *plan.commands, plan.content, os.path.realpath(python), platform.machine(), spec.rebuild]
    parts += [uv.VERSION, str(sorted(_index(spec).items())), str(handed_on(spec))]
    digest = hashlib.sha256("\0".join(parts).encode())
    with contextlib.suppress(OSError):
        digest.update(INSTALLED.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Work:
    """What is to be installed where.

    Attributes:
        plan: How.
        python: The interpreter.
        virtualenv: The directory to fill.
        root: The app's root directory.
        top: The commit's root directory.
        made: Whether the virtualenv is there already, and only the app itself is compiled.
    """

    plan: dependencies.Plan
    python: str
    virtualenv: Path
    root: Path
    top: Path
    made: bool


def fill(app: App, spec: DeploySpec, work: Work) -> None:
    """Run the build of a release as the app's user."""
    given = handed_on(spec)
    indexes = [*work.plan.indexes, ""]
    env = {
        **interpreter.UV_ENV,
        **_index(spec),
        **dict(given),
        "PATH": f"{work.virtualenv}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(app.cache),
        "LANG": "C.UTF-8",
        "INSTALL": "0" if work.made else "1",
        "LOCK_INDEX": indexes[0],
        "LOCK_INDEXES": " ".join(indexes[1:]).strip(),
        "UNSET": " ".join(f"--unset={name}" for name, _ in given),
        "PYTHON": work.python,
        "UV": str(UV),
        "UV_CACHE_DIR": str(app.cache / "uv"),
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "UV_PROJECT_ENVIRONMENT": str(work.virtualenv),
        "UV_PYTHON_DOWNLOADS": "never",
        "VENV": str(work.virtualenv),
    }
    commands = "\n".join(f"  {command}" for command in work.plan.commands)
    script = ["/bin/bash", "-c", SCRIPT.format(commands=commands)]
    writable = (work.top,) if work.made else (work.top, work.virtualenv, app.cache)
    version = interpreter.version_of(work.python)
    task = tasks.Task("Installing the dependencies", script, work.root, env, writable, spec.build_timeout)
    tasks.run(app, dataclasses.replace(task, explain=lambda lines: cause(lines, version)))


def cause(lines: Sequence[str], python: str) -> str:
    """Why an installation failed, in a sentence or two, by what it printed; empty where that does not say."""
    return f"{dependencies.OUTDATED}." if dependencies.OUTDATED in lines else explain.cause(lines, python)


def _index(spec: DeploySpec) -> dict[str, str]:
    """Where packages come from: the setting, else what the machine's own pip is configured with, else the default."""
    if spec.package_index:
        return {"UV_DEFAULT_INDEX": spec.package_index}
    pip = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        pip.read("/etc/pip.conf")
    given = {
        "UV_DEFAULT_INDEX": pip.get("global", "index-url", fallback=""),
        "UV_INDEX": pip.get("global", "extra-index-url", fallback=""),
    }
    return {name: value for name, value in given.items() if value}
