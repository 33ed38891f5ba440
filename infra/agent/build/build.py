"""Builds a release: the commit's files and a virtualenv, in their final place, marked when complete."""

from __future__ import annotations

import pwd
import time
from pathlib import Path

from infra.agent.build import (
    checkout,
    cleanup,
    debian,
    error_pages,
    interpreter,
    inventory,
    kept_plans,
    model,
    persist,
    repository,
    scm,
    static,
    variables,
    virtualenvs,
)
from infra.agent.build.checkout import Placed
from infra.agent.build.collect import Work
from infra.agent.build.inventory import Built
from infra.agent.process import environments, hooks
from infra.agent.process.environments import Tree
from infra.agent.system import files, owned, say, space
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.app_model.build_plan import BuildPlan
from infra.app_model.dependencies.install import Install
from infra.common.printable import one_line
from infra.protocol.specs import DeploySpec

NO_VIRTUALENV = Path("/nonexistent")
"""The virtualenv that ``before_build`` sees: there is none yet."""


def build(app: App, spec: DeploySpec, revision: str, placed: Placed) -> Built:
    """Build a release of a commit; what a failed or killed build leaves is removed, now or by ``cleanup.clean``.

    Args:
        app: The app.
        spec: The settings.
        revision: The commit.
        placed: Its submodules and files of Git LFS.

    Raises:
        Failure: The commit cannot be built, with what the tools printed.
        NoSpace: The disk is full, with what takes the space.
    """
    try:
        return _build(app, spec, revision, placed)
    except BaseException as error:
        if not space.ran_out(error):
            cleanup.clean(app)
            raise
        # The downloads for this build may be what fills the disk; they can be downloaded again.
        report = space.report(app)
        cleanup.clean(app)
        space.clear(app)
        reason = error.reason if isinstance(error, Failure) else ""
        raise space.NoSpace(f"{error}\n{report}", reason) from error


def _build(app: App, spec: DeploySpec, revision: str, placed: Placed) -> Built:
    release, subject = _free_name(app, revision), repository.subject(app, revision)
    top = app.releases / release
    say.step("build", f"release {release}: {subject}")
    root = _check_out(app, spec, revision, top, placed)
    _run_before_build(app, spec, Tree(release, revision, root, NO_VIRTUALENV), top)
    plan = _plan(spec, root, top)
    pages = error_pages.read(root, top)
    debian.install(app, spec, plan)
    install = plan.install
    python = interpreter.find(root, spec.python, install.requires_python, top)
    unproven = install.unproven or variables.open_settings(spec)
    virtualenv = app.virtualenvs / (release if unproven else virtualenvs.key(spec, install, python))
    shared = _release_with(virtualenv, inventory.all_built(app))
    _have_directory(app, virtualenv, install, shared)
    version = {} if shared else scm.variables(app, revision, install)
    work = virtualenvs.Work(install, python, virtualenv, root, top, made=shared is not None, variables=version)
    virtualenvs.fill(app, spec, work)
    tree = Tree(release, revision, root, virtualenv)
    kept = persist.kept(app, plan, spec)
    persist.link(app, tree, kept)
    collected = static.build(Work(app, spec, tree, top, plan.environment), plan)
    error_pages.keep(app, release, pages)
    built = Built(
        release,
        revision,
        subject,
        root,
        virtualenv,
        inventory.key(spec, install.variables),
        served=False,
        released_with="",
        when=shared.when if shared else time.time(),
        unproven=unproven,
        referred=install.variables,
        persist=tuple(path.rstrip("/") for path in kept),
        collected=collected,
    )
    kept_plans.keep(app, spec, release, plan)
    inventory.record(app, built)
    repository.keep(app, release, revision)
    return built


def _free_name(app: App, revision: str) -> str:
    """A name for a release that no other has."""
    name, number = revision[:12], 1
    while (app.built / f"{name}.json").exists() or (app.releases / name).exists():
        number += 1
        name = f"{revision[:12]}-{number}"
    return name


def _check_out(app: App, spec: DeploySpec, revision: str, top: Path, placed: Placed) -> Path:
    """Write the commit's files, which are the app's from then on; returns the app's root directory in them."""
    checkout.checkout(app, revision, top, placed)
    root = top / spec.directory if spec.directory else top
    if not root.resolve().is_relative_to(top.resolve()) or not root.is_dir():
        raise Failure(f"The directory {spec.directory} is not in the commit {revision[:12]}.")
    files.own_tree(top, *_owner(app))
    return root


def _owner(app: App) -> tuple[int, int]:
    """The ids of the app's user and group."""
    user = pwd.getpwnam(app.user)
    return user.pw_uid, user.pw_gid


def _run_before_build(app: App, spec: DeploySpec, tree: Tree, top: Path) -> None:
    """Check the hooks, and run the one that there is."""
    hooks.check(tree.root, top)
    if hooks.find("before_build", tree.root, top):
        # It is not worth its time if the app is wrong. What it writes may decide, so the app is read again after it.
        model.read(spec, tree.root, top)
    hooks.run(app, "before_build", tree.root, environments.release(app, spec, tree), (top,))


def _plan(spec: DeploySpec, root: Path, top: Path) -> BuildPlan:
    """The plan of the build.

    Raises:
        Failure: The dependencies cannot be installed.
    """
    plan = model.read(spec, root, top)
    if plan.install.refused:
        raise Failure(plan.install.refused)
    for decision in plan.decisions:
        say.step("plan", one_line(decision.text()))
    for note in plan.notes:
        say.step("build", f"note: {note}")
    return plan


def _release_with(virtualenv: Path, releases: list[Built]) -> Built | None:
    """A release that has this virtualenv already; None if it is yet to be filled."""
    return next((built for built in releases if built.virtualenv == virtualenv), None)


def _have_directory(app: App, virtualenv: Path, install: Install, shared: Built | None) -> None:
    """Have an empty directory for the virtualenv, unless a release has filled it."""
    if shared:
        say.step("build", f"reusing the dependencies of {shared.release} ({install.kind})")
        return
    say.step("build", f"installing dependencies ({install.kind})")
    owned.remove(app, [virtualenv])
    files.directory(virtualenv, 0o750, _owner(app))
