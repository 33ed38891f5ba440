"""Builds releases: the commit's files and a virtualenv, in the place where they will run, marked when complete."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import os
import platform
import pwd
from dataclasses import dataclass
from pathlib import Path

from . import dependencies, files, hooks, interpreter, procfile, repository, say, tasks
from .failure import Failure
from .launches import Tree, environment
from .layout import UV, App
from .spec import DeploySpec

LEAST_FREE = 100_000_000
"""Bytes that have to be free before a build begins."""

SCRIPT = """\
set -eu
if [ "$INSTALL" = 1 ]; then
{commands}
  date +%s > "$VENV/.complete"
fi
"$VENV/bin/python" -m compileall -q -x '/[.]venv/' . >/dev/null 2>&1 || true
"""
"""What the app's user runs to build. The app's tree is read-only at run time, so its bytecode is compiled here."""


@dataclass(frozen=True)
class Built:
    """A completely built release on this machine."""

    release: str
    revision: str
    subject: str
    root: Path
    virtualenv: Path
    key: str
    served: bool
    released_with: str

    @property
    def tree(self) -> Tree:
        """The directories that its processes run in."""
        return Tree(self.release, self.revision, self.root, self.virtualenv)


def key(spec: DeploySpec) -> str:
    """What else than the commit makes a build: other settings need another release of the same commit."""
    parts = [spec.directory, spec.python or "", spec.package_index or ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def all_built(app: App) -> list[Built]:
    """Every completely built release that is still there."""
    found = [_read(path) for path in sorted(app.built.glob("*.json"))]
    return [built for built in found if built]


def find(app: App, revision: str, wanted: str) -> Built | None:
    """The built release of a commit with just these build settings."""
    return next((built for built in all_built(app) if (built.revision, built.key) == (revision, wanted)), None)


def record(app: App, built: Built) -> None:
    """Note down that a release is complete, and what has been done with it since."""
    files.directory(app.built, 0o700)
    value = {name: str(item) if isinstance(item, Path) else item for name, item in vars(built).items()}
    files.write_json(app.built / f"{built.release}.json", value)


def build(app: App, spec: DeploySpec, revision: str) -> Built:
    """Build a release; what a failed or killed build leaves is removed, now or by ``clean``."""
    release = _free_name(app, revision)
    top = app.releases / release
    if files.free_bytes(app.home) < LEAST_FREE:
        raise Failure(
            f"The disk is nearly full: {files.free_bytes(app.home) // 10**6} MB free at {app.home}, a build needs 100."
        )
    try:
        return _build(app, spec, revision, release, top)
    except BaseException as error:
        clean(app)
        if "disk is full" in str(error) or (isinstance(error, OSError) and error.errno == 28):
            # What was downloaded for this build may be what fills the disk; it can be had again.
            for entry in app.cache.iterdir() if app.cache.is_dir() else []:
                files.remove_tree(entry)
        raise


def _build(app: App, spec: DeploySpec, revision: str, release: str, top: Path) -> Built:
    subject = repository.subject(app, revision)
    say.step("build", f"release {release}: {subject}")
    repository.checkout(app, revision, top)
    root = top / spec.directory if spec.directory else top
    if not root.resolve().is_relative_to(top) or not root.is_dir():
        raise Failure(f"The directory {spec.directory} is not in the commit {revision[:12]}.")
    user = pwd.getpwnam(app.user)
    files.own_tree(top, user.pw_uid, user.pw_gid)
    top.chmod(0o755)

    hooks.check(root)
    procfile.processes(files.text_in_tree(root, "Procfile"), spec.command)
    plan = dependencies.plan(root)
    python = interpreter.find(root, spec.python, plan.requires_python)
    virtualenv, install = _virtualenv(app, spec, plan, python, root)
    built = Built(release, revision, subject, root, virtualenv, key(spec), served=False, released_with="")
    hooks.run(app, "before_build", root, environment(app, spec, built.tree), (top,))
    if install:
        say.step("build", f"installing dependencies ({plan.kind})")
    env = {
        **interpreter.UV_ENV,
        **_index(spec),
        **{name: text for name, text in (*spec.env, *spec.secrets) if name.startswith(("UV_", "PIP_"))},
        "PATH": f"{virtualenv}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(app.cache),
        "LANG": "C.UTF-8",
        "INSTALL": "1" if install else "0",
        "PYTHON": python,
        "UV": str(UV),
        "UV_CACHE_DIR": str(app.cache / "uv"),
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "hardlink" if plan.shared else "copy",
        "UV_PROJECT_ENVIRONMENT": str(virtualenv),
        "UV_PYTHON_DOWNLOADS": "never",
        "VENV": str(virtualenv),
    }
    commands = "\n".join(f"  {command}" for command in plan.commands)
    script = ["/bin/bash", "-c", SCRIPT.format(commands=commands)]
    writable = (top, app.python)
    tasks.run(app, tasks.Task("Installing the dependencies", script, root, env, writable, spec.build_timeout))
    record(app, built)
    repository.keep(app, release, revision)
    return built


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


def _virtualenv(app: App, spec: DeploySpec, plan: dependencies.Plan, python: str, root: Path) -> tuple[Path, bool]:
    """Where the virtualenv is to be and whether it has to be filled.

    A virtualenv cannot be moved, and copying one costs what installing it from the cache costs. So releases with the
    same dependencies share one by content, linked as ``.venv``: an unchanged lock costs nothing. Where the app itself
    (or a path in its repository) is installed into the virtualenv, it is the release's own.
    """
    if not plan.shared:
        return root / ".venv", True
    conditions = (os.path.realpath(python), str(sorted(_index(spec).items())), platform.machine())
    path = app.virtualenvs / plan.key(*conditions)
    with contextlib.suppress(FileExistsError):
        (root / ".venv").symlink_to(path)
    if (path / ".complete").exists():
        return path, False
    files.remove_tree(path)
    return path, True


def clean(app: App) -> None:
    """Remove what interrupted and failed builds left behind."""
    complete = {built.release for built in all_built(app)}
    for path in app.releases.iterdir() if app.releases.is_dir() else []:
        if path.name not in complete:
            files.remove_tree(path)
    for path in app.virtualenvs.iterdir() if app.virtualenvs.is_dir() else []:
        if not (path / ".complete").exists():
            files.remove_tree(path)


def remove(app: App, built: Built) -> None:
    """Remove a release; first the mark that it is complete."""
    (app.built / f"{built.release}.json").unlink(missing_ok=True)
    files.remove_tree(app.releases / built.release)
    repository.forget(app, built.release)


def remove_unused_virtualenvs(app: App) -> None:
    """Remove the virtualenvs that no release uses any more."""
    used = {built.virtualenv for built in all_built(app)}
    for path in app.virtualenvs.iterdir() if app.virtualenvs.is_dir() else []:
        if path not in used:
            files.remove_tree(path)


def _read(path: Path) -> Built | None:
    value = files.read_json(path)
    if not value or not Path(value["root"]).is_dir() or not (Path(value["virtualenv"]) / "bin/python").exists():
        return None
    return Built(
        release=path.stem,
        revision=str(value["revision"]),
        subject=str(value["subject"]),
        root=Path(value["root"]),
        virtualenv=Path(value["virtualenv"]),
        key=str(value["key"]),
        served=bool(value["served"]),
        released_with=str(value["released_with"]),
    )


def _free_name(app: App, revision: str) -> str:
    name, number = revision[:12], 1
    while (app.built / f"{name}.json").exists() or (app.releases / name).exists():
        number += 1
        name = f"{revision[:12]}-{number}"
    return name
