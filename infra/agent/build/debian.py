"""Installs the Debian packages that the dependencies of an app need, to be built or to run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from infra.agent.system import locks, packages
from infra.agent.system.layout import PACKAGES_LOCK, App
from infra.app_model.build_plan import BuildPlan
from infra.protocol.specs import DeploySpec


def install(app: App, spec: DeploySpec, plan: BuildPlan) -> None:
    """Install the packages of a plan that are missing. Their names come from our own table, and not from the app.

    ``prepare`` changes nothing meanwhile, as each deployment keeps it from that; other deployments wait.

    Raises:
        Failure: They cannot be installed, or another deployment installs some for too long.
    """
    missing = packages.missing(plan.packages) if plan.packages else []
    if missing:
        with _alone(app, spec):
            packages.install(missing)


@contextmanager
def _alone(app: App, spec: DeploySpec) -> Iterator[None]:
    """No other deployment installs packages meanwhile."""
    handle = locks.open_file(PACKAGES_LOCK)
    try:
        locks.wait(
            lambda: locks.try_lock(handle),
            _whose,
            spec.lock_timeout,
            locks.Messages(
                "Another installation of Debian packages", "the packages of", "Try again, or raise lock_timeout."
            ),
        )
        with locks.noted(handle, spec.who, f"the Debian packages of {app.name}"):
            yield
    finally:
        os.close(handle)


def _whose() -> str:
    holder = locks.of(PACKAGES_LOCK)
    return holder.describe() if holder else "somebody who has just started"
