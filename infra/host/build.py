"""Builds releases: the commit's files and a virtualenv, in the place where they will run, marked when complete."""

from __future__ import annotations

import hashlib
import pwd
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import (
    dependencies,
    files,
    hooks,
    interpreter,
    launches,
    owned,
    procfile,
    repository,
    say,
    space,
    virtualenvs,
)
from .failure import Failure
from .launches import Tree, environment
from .layout import App
from .spec import DeploySpec

VENV = Path("/nonexistent")
"""The virtualenv that ``before_build`` sees: there is none yet."""


@dataclass(frozen=True)
class Built:
    """A completely built release on this machine.

    Attributes:
        when: When it was built, in seconds since the epoch; 0 for a build of an earlier version of this program.
        unproven: Why its dependencies may be others if it were built again; empty where they are all pinned.
    """

    release: str
    revision: str
    subject: str
    root: Path
    virtualenv: Path
    key: str
    served: bool
    released_with: str
    when: float = 0
    unproven: str = ""

    def age(self) -> str:
        """When it was built, and that its dependencies are of that day where they are not pinned."""
        built = datetime.fromtimestamp(self.when).astimezone().strftime("%Y-%m-%d %H:%M %Z") if self.when else ""
        if not self.unproven:
            return f"built {built}" if built else ""
        return (
            f"built {built or 'by an earlier version'}, with the dependencies of that day ({self.unproven}); "
            "set launchpad:rebuild to another text to build it afresh"
        )

    @property
    def tree(self) -> Tree:
        """The directories that its processes run in."""
        return Tree(self.release, self.revision, self.root, self.virtualenv)


def key(spec: DeploySpec) -> str:
    """What else than the commit makes a build: other settings need another release of the same commit."""
    parts = [spec.directory, spec.python or "", spec.package_index or ""]
    parts += [f"{name}={text}" for name, text in virtualenvs.handed_on(spec)]
    parts += [f"rebuild {spec.rebuild}"] if spec.rebuild else []
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
    try:
        return _build(app, spec, revision, release, top)
    except BaseException as error:
        if not space.ran_out(error):
            clean(app)
            raise
        # What was downloaded for this build may be what fills the disk; it can be had again.
        report = space.report(app)
        clean(app)
        space.clear(app)
        reason = error.reason if isinstance(error, Failure) else ""
        raise space.NoSpace(f"{error}\n{report}", reason) from error


def _build(app: App, spec: DeploySpec, revision: str, release: str, top: Path) -> Built:
    subject = repository.subject(app, revision)
    say.step("build", f"release {release}: {subject}")
    repository.checkout(app, revision, top)
    root = top / spec.directory if spec.directory else top
    if not root.resolve().is_relative_to(top.resolve()) or not root.is_dir():
        raise Failure(f"The directory {spec.directory} is not in the commit {revision[:12]}.")
    user = pwd.getpwnam(app.user)
    files.own_tree(top, user.pw_uid, user.pw_gid)

    hooks.check(root, top)
    procfile.processes(files.text_in_tree(root, "Procfile", top), spec.command)
    hooks.run(app, "before_build", root, environment(app, spec, Tree(release, revision, root, VENV)), (top,))
    # Only now: the hook may have written any of the files that decide.
    plan = dependencies.plan(root, top)
    if plan.note:
        say.step("build", f"note: {plan.note}")
    python = interpreter.find(root, spec.python, plan.requires_python, top)
    unproven = plan.unproven or virtualenvs.open_settings(spec)
    shared = "" if unproven else virtualenvs.key(spec, plan, python)
    virtualenv = app.virtualenvs / (shared or release)
    made = next((built for built in all_built(app) if built.virtualenv == virtualenv), None)
    if made:
        say.step("build", f"the dependencies are those of {made.release} ({plan.kind}): nothing to install")
    else:
        say.step("build", f"installing dependencies ({plan.kind})")
        owned.remove(app, [virtualenv])
        files.directory(virtualenv, 0o750, (user.pw_uid, user.pw_gid))
    virtualenvs.fill(app, spec, virtualenvs.Work(plan, python, virtualenv, root, top, made=made is not None))
    when = made.when if made else time.time()
    built = Built(
        release,
        revision,
        subject,
        root,
        virtualenv,
        key(spec),
        served=False,
        released_with="",
        when=when,
        unproven=unproven,
    )
    record(app, built)
    repository.keep(app, release, revision)
    return built


def clean(app: App) -> None:
    """Remove what interrupted and failed builds left behind; what still runs stays, recorded or not."""
    complete = all_built(app)
    trees = {app.releases / built.release for built in complete}
    left = [path for path in _entries(app.releases) if path not in trees]
    left += [path for path in _entries(app.virtualenvs) if path not in {built.virtualenv for built in complete}]
    if left:
        used = running(app)
        owned.remove(app, [path for path in left if path not in used])


def running(app: App) -> set[Path]:
    """The trees and virtualenvs that processes of the app run in."""
    found = set()
    for launch in launches.running(app):
        found |= {app.releases / str(launch.get("release")), Path(str(launch.get("env", {}).get("VIRTUAL_ENV")))}
    return found


def remove(app: App, gone: Sequence[Built]) -> None:
    """Remove releases, first the marks that they are complete, and the virtualenvs that no other release uses."""
    for built in gone:
        (app.built / f"{built.release}.json").unlink(missing_ok=True)
    used = {built.virtualenv for built in all_built(app)}
    unused = [path for path in _entries(app.virtualenvs) if path not in used]
    owned.remove(app, [*(app.releases / built.release for built in gone), *unused])
    for built in gone:
        repository.forget(app, built.release)


def _entries(folder: Path) -> list[Path]:
    """What is in a directory of root's."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


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
        when=float(value.get("when", 0)),
        unproven=str(value.get("unproven", "")),
    )


def _free_name(app: App, revision: str) -> str:
    name, number = revision[:12], 1
    while (app.built / f"{name}.json").exists() or (app.releases / name).exists():
        number += 1
        name = f"{revision[:12]}-{number}"
    return name
