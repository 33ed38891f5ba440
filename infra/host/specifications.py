"""What each release was told when it last began to serve: its own settings, for a rollback. Root's, for the secrets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from . import build, files, history
from .failure import Failure
from .layout import App
from .spec import DeploySpec, deploy_spec


def keep(app: App, release: str, told: dict[str, Any]) -> None:
    """Note down what a release is told. A rollback fetches nothing, so credentials of the repository are left out."""
    files.directory(app.specifications, 0o700)
    files.write_json(app.specifications / f"{release}.json", {**told, "repository": {"kind": "pushed"}})


def forget_all_but(app: App, releases: Collection[str]) -> None:
    """Remove what was noted down for releases that are no longer here."""
    for path in app.specifications.glob("*.json") if app.specifications.is_dir() else []:
        if path.stem not in releases:
            path.unlink()
    if releases and all((app.specifications / f"{release}.json").exists() for release in releases):
        app.specification.unlink(missing_ok=True)


def of(app: App, release: str) -> dict[str, Any]:
    """What a release was told; a Failure where that is not known."""
    told = files.read_json(app.specifications / f"{release}.json") or files.read_json(app.specification)
    if told is None:
        raise Failure(f"What {release} was told is not noted down on this machine; deploy again: pulumi up")
    return told


def for_rollback(app: App, revision: str) -> dict[str, Any]:
    """What the release of a revision was told that served last; a Failure where it is not built here any more."""
    last = {entry.release: entry.number for entry in history.entries(app) if entry.served}
    here = [built for built in build.all_built(app) if built.revision == revision]
    for built in sorted(here, key=lambda built: last.get(built.release, 0), reverse=True):
        told = files.read_json(app.specifications / f"{built.release}.json") or files.read_json(app.specification)
        if told is not None and build.key(deploy_spec(told)) == built.key:
            return told
    if here:
        raise Failure(
            f"{revision[:12]} was built here with other settings than are noted down for it. "
            "Deploy it: set repository and revision to it, pulumi up"
        )
    raise Failure(f"{revision[:12]} is not built on this machine; deploy it: set the revision, pulumi up")


def lock_timeout(app: App) -> float:
    """How long a rollback waits for other deployments: what was told last."""
    found = sorted(app.specifications.glob("*.json"), key=lambda path: path.stat().st_mtime)
    told = files.read_json(found[-1] if found else app.specification)
    return float(told.get("lock_timeout", DeploySpec.lock_timeout)) if told else DeploySpec.lock_timeout
