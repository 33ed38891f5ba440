"""Removes an app from the machine: just what Launchpad put there. May be killed at any moment and run again."""

from __future__ import annotations

from typing import TypedDict

from infra.agent.firewall import firewall
from infra.agent.proxy import proxy
from infra.agent.removal import app_parts, shared_parts
from infra.agent.services import postgres
from infra.agent.system import data_places, files, manifest, ownership, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


class Removed(TypedDict):
    """What ``remove`` reports.

    ``kept`` is what was to stay, ``left`` what could not be removed, a line each with the reason; ``packages`` are the
    Debian packages that were purged, ``last`` says whether no other app is on the machine.
    """

    app: str
    last: bool
    kept: list[str]
    left: list[str]
    packages: list[str]
    seconds: float


def remove(app: App, *, keep_data: bool, asking: str = "") -> Removed:
    """Remove an app; with the last one what all of them share. Other apps serve on meanwhile.

    Only for who holds the machine alone.

    Args:
        app: The app; it need not be there, or not completely.
        keep_data: Whether ``$DATA_DIR`` stays, and the app's user, to whom it belongs.
        asking: The stack that asks. An app that is another's stays as it is: this stack never deployed it.
    """
    left: list[str] = []
    stays: list[str] = []
    last = not shared_parts.other_apps(app)
    if found := ownership.foreign(app, asking):
        say.step("done", f"{app.name} is of the stack {found}, so it stays; nothing here is of {asking}")
        return _result(app, last=False, kept=[str(app.home)], left=left, packages=[])
    if app_parts.is_known(app) or postgres.has_database(app):
        # First the site, so that no visitor meets a half removed app.
        files.remove_tree(app.settings)
        if not last and proxy.is_configured():
            left += _without_site(app)
        app_parts.stop(app)
        stays, why = postgres.remove(app, keep_data=keep_data)
        left += why
        left += app_parts.remove(app, keep_data=keep_data)
    else:
        say.step("remove", f"nothing of Launchpad's is here for {app.name}")
    manifest.forget_app(app)
    manifest.tidy()
    packages: list[str] = []
    if last:
        packages, shared = shared_parts.remove()
        left += shared
    else:
        firewall.renew()
    for line in left:
        say.step("warning", f"not removed: {line}")
    own = [str(app.data)] if keep_data and app.data.is_dir() else []
    kept = [*own, *(data_places.kept(app) if keep_data else []), *stays]
    but = f"; its data stays in {', '.join(kept)}" if kept else ""
    say.step("done", f"removed {app.name}" + (", the last app" if last else "") + but)
    return _result(app, last=last, kept=kept, left=left, packages=packages)


def _result(app: App, *, last: bool, kept: list[str], left: list[str], packages: list[str]) -> Removed:
    return {
        "app": app.name,
        "last": last,
        "kept": kept,
        "left": left,
        "packages": packages,
        "seconds": round(say.seconds(), 2),
    }


def _without_site(app: App) -> list[str]:
    """Have the proxy serve the other apps alone; what hinders that is left for the next ``prepare`` or deployment."""
    say.step("proxy", f"taking the site of {app.name} away")
    try:
        proxy.load_sites()
    except Failure as failure:
        return [f"the site of {app.name}: {failure}"]
    return []
