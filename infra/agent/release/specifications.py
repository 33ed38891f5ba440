"""The specification with which each release last began to serve, for a rollback. Root's, for the secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from infra.agent.build import inventory
from infra.agent.release import history
from infra.agent.system import files
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import codec
from infra.protocol.specs import DeploySpec, Source


def keep(app: App, release: str, spec: DeploySpec) -> None:
    """Note down a release's specification, without the repository's credentials: a rollback fetches nothing."""
    files.directory(app.specifications, 0o700)
    noted = dataclasses.replace(spec, source=Source("pushed"))
    files.write_json(app.specifications / f"{release}.json", codec.dump(noted))


def forget_all_but(app: App, releases: Collection[str]) -> None:
    """Remove what was noted down for releases that are no longer here."""
    for path in app.specifications.glob("*.json") if app.specifications.is_dir() else []:
        if path.stem not in releases:
            files.remove_tree(path)
    if releases and all((app.specifications / f"{release}.json").exists() for release in releases):
        files.remove_tree(app.specification)


def of(app: App, release: str) -> DeploySpec:
    """The specification of a release.

    Raises:
        Failure: If it is not noted down on this machine.
    """
    spec = _noted(app, release)
    if spec is None:
        raise Failure(f"The specification of {release} is not noted down on this machine; deploy again: pulumi up")
    return spec


def for_rollback(app: App, revision: str) -> DeploySpec:
    """The specification of that release of a revision which served last.

    Raises:
        Failure: If the revision is not built here any more, or only with settings that are not noted down.
    """
    last = {entry.release: entry.number for entry in history.entries(app) if entry.served}
    here = [built for built in inventory.all_built(app) if built.revision == revision]
    for built in sorted(here, key=lambda built: last.get(built.release, 0), reverse=True):
        spec = _noted(app, built.release)
        if spec is not None and built.fits(spec):
            return spec
    if here:
        raise Failure(
            f"{revision[:12]} was built here with other settings than are noted down for it. "
            "Deploy it: set repository and revision to it, pulumi up"
        )
    raise Failure(f"{revision[:12]} is not built on this machine; deploy it: set the revision, pulumi up")


def lock_timeout(app: App) -> float:
    """How long a rollback waits for other deployments, in seconds: as long as the last deployment would have."""
    newest = sorted(app.specifications.glob("*.json"), key=lambda path: path.stat().st_mtime)
    spec = _read(newest[-1] if newest else app.specification)
    return spec.lock_timeout if spec else DeploySpec.lock_timeout


def _noted(app: App, release: str) -> DeploySpec | None:
    return _read(app.specifications / f"{release}.json") or _read(app.specification)


def _read(path: Path) -> DeploySpec | None:
    """The specification in a file; None if there is none, or one that another version of this program wrote."""
    noted = files.read_json(path)
    try:
        return codec.load(DeploySpec, noted) if noted is not None else None
    except codec.MessageError:
        return None
