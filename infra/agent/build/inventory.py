"""The releases that are completely built on this machine, each with a file that says how."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.agent.build import variables
from infra.agent.process.environments import Tree
from infra.agent.system import files
from infra.agent.system.layout import App
from infra.app_model.server_programs import PROGRAMS
from infra.app_model.static_words import DISABLED
from infra.protocol.app_settings import Dependencies
from infra.protocol.specs import DeploySpec


@dataclass(frozen=True)
class Built:
    """A completely built release on this machine.

    Attributes:
        release: Its name: the beginning of the revision, with a number if that was taken.
        revision: The commit, all 40 digits.
        subject: The first line of the commit's message.
        root: The app's root directory.
        virtualenv: The directory of its virtualenv, which several releases may share.
        key: A hash of the settings that it was built with (see ``key``).
        served: Whether it ever got requests.
        released_with: A digest of the settings that its ``release:`` process ran with last; empty if it never did.
        when: When it was built, in seconds since the epoch; 0 for a build of an earlier version of this program.
        unproven: Why its dependencies may be others if it were built again; empty if they are all pinned.
        referred: The variables that its requirements refer to.
        persist: The paths in it that are links to ``$DATA_DIR``.
        collected: The folder in it that collectstatic filled, by the app's own words; empty if there is none.
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
    referred: tuple[str, ...] = ()
    persist: tuple[str, ...] = ()
    collected: str = ""

    def age(self) -> str:
        """When it was built, and that a new build may differ if its dependencies are not all pinned."""
        built = datetime.fromtimestamp(self.when).astimezone().strftime("%Y-%m-%d %H:%M %Z") if self.when else ""
        if not self.unproven:
            return f"built {built}" if built else ""
        # Other reasons are about how builds are shared, and mean nothing to a person.
        why = f"{self.unproven}, so " if self.unproven.endswith("not pinned") else ""
        return (
            f"built {built or 'by an earlier version'}; {why}a new build may take newer versions of dependencies: "
            "set launchpad:rebuild to another value to build again"
        )

    def fits(self, spec: DeploySpec) -> bool:
        """Whether it was built with the same settings (see ``key``)."""
        return self.key == key(spec, self.referred)

    def has_servers(self, requirements: Iterable[str]) -> bool:
        """Whether its virtualenv has the programs of servers that the commands need: it may be older than those."""
        return all((self.virtualenv / "bin" / PROGRAMS[each]).exists() for each in requirements if each in PROGRAMS)

    @property
    def tree(self) -> Tree:
        """The directories that its processes run in."""
        return Tree(self.release, self.revision, self.root, self.virtualenv)


def key(spec: DeploySpec, referred: Iterable[str] = ()) -> str:
    """A hash of the settings that make a build: with other ones, the same commit needs another release.

    Args:
        spec: The settings.
        referred: The variables that the app's requirements refer to.
    """
    parts = [spec.directory, spec.python, spec.package_index]
    parts += [f"{name}={text}" for name, text in variables.handed_on(spec, referred)]
    parts += [str(spec.dependencies)] if spec.dependencies != Dependencies() else []
    parts += [f"rebuild {spec.rebuild}"] if spec.rebuild else []
    parts += [f"persist {path}" for path in spec.persist]
    parts += [f"static {item.prefix}={item.folder}" for item in spec.static]
    parts += [DISABLED] if dict((*spec.env, *spec.secrets)).get(DISABLED) else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def all_built(app: App) -> list[Built]:
    """Every completely built release that is still there, by name."""
    releases = [_read(path) for path in sorted(app.built.glob("*.json"))]
    return [built for built in releases if built]


def find(app: App, revision: str, spec: DeploySpec) -> Built | None:
    """The built release of a commit with just these build settings (see ``key``); None if there is none."""
    return next(iter(fitting(app, revision, spec)), None)


def fitting(app: App, revision: str, spec: DeploySpec) -> list[Built]:
    """The built releases of a commit with just these build settings, the newest first.

    There are several where the first one lacked what other commands of the settings need (see ``Built.has_servers``).
    """
    found = [built for built in all_built(app) if built.revision == revision and built.fits(spec)]
    return sorted(found, key=lambda built: built.when, reverse=True)


def record(app: App, built: Built) -> None:
    """Note down that a release is complete, and what has been done with it since."""
    files.directory(app.built, 0o700)
    values = {name: str(value) if isinstance(value, Path) else value for name, value in vars(built).items()}
    files.write_json(app.built / f"{built.release}.json", values)


def _read(path: Path) -> Built | None:
    """The release in a file; None if its directory or its virtualenv is gone."""
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
        referred=tuple(map(str, value.get("referred", ()))),
        persist=tuple(map(str, value.get("persist", ()))),
        collected=str(value.get("collected", "")),
    )
