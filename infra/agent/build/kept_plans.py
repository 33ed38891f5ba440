"""Keeps what a built release needs of its plan to run: with the same settings, its files are read only once.

Reading them takes a child process and the app model; a rollback, a deployment that changes nothing and a command of
``run`` need neither. What is kept is root's own, so the app cannot change it later, as it could its files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path

from infra.agent.build import model
from infra.agent.build.inventory import Built
from infra.agent.system import files
from infra.agent.system.layout import App
from infra.app_model.build_plan import BuildPlan
from infra.protocol import codec
from infra.protocol.app_settings import CronJob, StaticFiles
from infra.protocol.specs import DeploySpec, Source

COPY = Path(__file__).parents[3].name
"""The copy of the program that runs, named by a digest of its text: another one may plan otherwise."""


def of(app: App, spec: DeploySpec, built: Built) -> BuildPlan:
    """The plan of a built release: the one that is kept, if these settings and this program made it.

    A kept one is without what only the build and the preview need: ``install``, ``decisions`` and ``notes``.

    Raises:
        Failure: It has to be read, and the app's files are not right.
    """
    kept = files.read_json(_path(app, built.release))
    if kept and kept.get("key") == _key(spec):
        return _plan(kept)
    plan = model.read(spec, built.root, app.releases / built.release)
    keep(app, spec, built.release, plan)
    return plan


def keep(app: App, spec: DeploySpec, release: str, plan: BuildPlan) -> None:
    """Keep the plan of a release.

    Args:
        app: The app.
        spec: The settings that it was made with.
        release: The release.
        plan: The plan.
    """
    files.directory(app.plans, 0o700)
    values = {name: item for name, item in vars(plan).items() if name not in ("install", "decisions", "notes")}
    values |= {"cron": [codec.plain(each) for each in plan.cron]}
    values |= {"static": [codec.plain(each) for each in plan.static]}
    # As pairs: the file sorts names, and the order of processes is the Procfile's.
    values |= {"processes": list(plan.processes.items()), "environment": list(plan.environment.items())}
    files.write_json(_path(app, release), {"key": _key(spec), **values})


def packages(app: App, release: str) -> tuple[str, ...]:
    """The Debian packages that a release needs, as far as that is kept."""
    kept = files.read_json(_path(app, release)) or {}
    return tuple(map(str, kept.get("packages", ())))


def forget(app: App, release: str) -> None:
    """Remove the plan of a release that goes."""
    _path(app, release).unlink(missing_ok=True)


def _path(app: App, release: str) -> Path:
    return app.plans / f"{release}.json"


def _key(spec: DeploySpec) -> str:
    """A hash of all that decides the plan of a commit; secrets are in it, whose presence may decide."""
    # Who deploys what by which name decides nothing.
    settings = dataclasses.replace(spec, source=Source("pushed"), ref="", who="")
    parts = [COPY, *map(str, sys.version_info[:2]), codec.text(settings)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _plan(kept: files.Json) -> BuildPlan:
    """The plan in a file that this same program wrote."""

    def texts(name: str) -> tuple[str, ...]:
        return tuple(kept[name])

    return BuildPlan(
        framework=kept["framework"],
        processes=dict(kept["processes"]),
        cron=tuple(codec.parse(CronJob, each) for each in kept["cron"]),
        pip=texts("pip"),
        packages=texts("packages"),
        collect=kept["collect"],
        static=tuple(codec.parse(StaticFiles, each) for each in kept["static"]),
        persist=texts("persist"),
        generated=texts("generated"),
        environment=dict(kept["environment"]),
        one_worker=kept["one_worker"],
        health_path=kept["health_path"],
    )
