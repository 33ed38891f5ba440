"""Decides which virtualenvs releases may share, and fills them.

A virtualenv cannot be moved, and filling one takes seconds, most of them for compiling bytecode: with everything in
uv's cache, on two busy cores, 0.6 s and 4 s more for 38 packages (80 MB), 1.7 s and 6 s more for 18 with pandas and
scikit-learn (352 MB). So releases share one, but only if everything that went into it is in its key: each line of
the requirements, or uv.lock, names one version from a registry. Any other release gets a virtualenv of its own.

Files are copied out of uv's cache and never hard-linked: a later build can write to the cache, and must not change what
is serving. (uv's link mode "clone" is no safer: if the disk cannot clone, it makes hard links.)
"""

from __future__ import annotations

import configparser
import contextlib
import dataclasses
import hashlib
import os
import platform
import pwd
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.agent.build import interpreter, uv, variables
from infra.agent.process import explain, tasks
from infra.agent.system import files
from infra.agent.system.layout import UV, App
from infra.app_model.dependencies import uv_lock, versions
from infra.app_model.dependencies.install import Install
from infra.protocol.specs import DeploySpec

SCRIPT = """\
set -eu
if [ "$INSTALL" = 1 ]; then
  if [ -n "${{NETRC_TEXT-}}" ]; then
    mkdir -m 700 /tmp/home; (umask 077; printf '%s\\n' "$NETRC_TEXT" >/tmp/home/.netrc)
    export HOME=/tmp/home NETRC=/tmp/home/.netrc; unset NETRC_TEXT
  fi
{commands}
  "$UV" cache prune --quiet >/dev/null 2>&1 || true
fi
[ -e .venv ] || [ -L .venv ] || ln -s "$VENV" .venv
"$VENV/bin/python" -m compileall -q -x '/[.]venv/' . >/dev/null 2>&1 || true
"""
"""What the app's user runs to build. The app's tree is read-only later, so its bytecode is compiled here."""

BEST_MATCH = (
    "uv looks no further than the first index that has a package; to take the best version of all, as pip does: "
    "pulumi config set --path launchpad:env.UV_INDEX_STRATEGY unsafe-best-match"
)
"""What to do about a version that only another index has."""
INSTALLED = Path("/var/lib/dpkg/status")
"""Lists the machine's Debian packages, against which a build may link."""
OWN_UV = """\
env --unset=UV_CONFIG_FILE "$UV" pip install --no-config --quiet --python "$PYTHON" --target /tmp/uv {wanted} || \
{{ echo {refusal}; exit 1; }}
UV=/tmp/uv/bin/uv; export UV_NATIVE_TLS=1"""
"""Has the app's build use the version of uv that it asks for, in its private /tmp."""


def key(spec: DeploySpec, install: Install, python: str) -> str:
    """A hash of everything that decides what is in a virtualenv.

    Args:
        spec: The settings.
        install: How it is filled.
        python: The path of its interpreter.
    """
    parts = [
        install.kind,
        *install.commands,
        install.content,
        os.path.realpath(python),
        platform.machine(),
        spec.rebuild,
    ]
    own = variables.handed_on(spec, install.variables)
    parts += [uv.VERSION, install.uv, str(sorted(_index(spec).items())), str(own), str(sorted(install.files.items()))]
    digest = hashlib.sha256("\0".join(parts).encode())
    with contextlib.suppress(OSError):
        digest.update(INSTALLED.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Work:
    """What is to be installed where.

    Attributes:
        install: How.
        python: The path of the interpreter.
        virtualenv: The directory to fill.
        root: The app's root directory.
        top: The commit's root directory.
        made: Whether the virtualenv is filled already, so that only the app itself is compiled.
        variables: Variables for this build alone, such as the app's version by git.
    """

    install: Install
    python: str
    virtualenv: Path
    root: Path
    top: Path
    made: bool
    variables: Mapping[str, str] = field(default_factory=dict)


def fill(app: App, spec: DeploySpec, work: Work) -> None:
    """Run the build of a release as the app's user.

    Raises:
        Failure: The installation failed, with its last lines and the cause.
        NoSpace: The disk is full.
    """
    own = dict(variables.handed_on(spec, work.install.variables))
    netrc = own.pop("NETRC") if "machine " in own.get("NETRC", "") else ""
    meant = variables.for_uv(own, work.install.sources)
    indexes = [*work.install.indexes, ""]
    env = {
        **interpreter.UV_ENV,
        **_index(spec),
        **meant,
        **own,
        **work.variables,
        "PATH": f"{work.virtualenv}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(app.cache),
        "LANG": "C.UTF-8",
        "INSTALL": "0" if work.made else "1",
        "LOCK_INDEX": indexes[0],
        "LOCK_INDEXES": " ".join(indexes[1:]).strip(),
        "MADE": str(app.python / "made"),
        "ROOT": str(work.root),
        "UNSET": " ".join(f"--unset={name}" for name in (*own, *meant)),
        "PYTHON": work.python,
        "UV": str(UV),
        "UV_CACHE_DIR": str(app.cache / "uv"),
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "UV_PROJECT_ENVIRONMENT": str(work.virtualenv),
        "UV_PYTHON_DOWNLOADS": "never",
        "VENV": str(work.virtualenv),
        **({"NETRC_TEXT": netrc} if netrc else {}),
    }
    if not work.made:
        _make_files(app, work.install)
    commands = "\n".join([_own_uv(work.install), *work.install.commands])
    script = ["/bin/bash", "-c", SCRIPT.format(commands=commands)]
    writable = (work.top,) if work.made else (work.top, work.virtualenv, app.cache)
    version = interpreter.version_of(work.python)
    task = tasks.Task(
        "Installing the dependencies", script, work.root, env, writable, spec.build_timeout, "launchpad:build_timeout"
    )
    tasks.run(app, dataclasses.replace(task, explain=lambda lines: cause(lines, version), shares_tmp=False))


def cause(lines: Sequence[str], python: str) -> str:
    """Why an installation failed, in a sentence or two; empty if its output does not say.

    Args:
        lines: What it printed.
        python: The version of Python, such as 3.13.
    """
    if uv_lock.OUTDATED in lines:
        return f"{uv_lock.OUTDATED}."
    found = explain.cause(lines, python)
    return f"{found} {BEST_MATCH}".strip() if any("unsafe-best-match" in line for line in lines) else found


def _make_files(app: App, install: Install) -> None:
    """Write the files that are made for the installer, where only root writes and only the app reads."""
    made, group = app.python / "made", pwd.getpwnam(app.user).pw_gid
    files.remove_tree(made)
    files.directory(made, 0o750, (0, group))
    for name, text in install.files.items():
        files.write(made / name, text, 0o640, (0, group))


def _own_uv(install: Install) -> str:
    """The lines that get the version of uv that the app asks for; empty if ours will do."""
    if not install.uv or versions.allows(install.uv, uv.VERSION) is not False:
        return ":"
    refusal = f"The app asks for uv {install.uv}, this machine has {uv.VERSION}, and the other could not be downloaded"
    return OWN_UV.format(wanted=shlex.quote(f"uv{install.uv}"), refusal=shlex.quote(refusal))


def _index(spec: DeploySpec) -> dict[str, str]:
    """Where packages come from, as variables of uv: the setting, or what the machine's own pip uses, or the default."""
    if spec.package_index:
        return {"UV_DEFAULT_INDEX": spec.package_index}
    pip = configparser.ConfigParser(interpolation=None)
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        pip.read("/etc/pip.conf")
    configured = {
        "UV_DEFAULT_INDEX": pip.get("global", "index-url", fallback=""),
        "UV_INDEX": pip.get("global", "extra-index-url", fallback=""),
    }
    return {name: value for name, value in configured.items() if value}
