"""Says whether ``prepare`` has made the machine ready for an app."""

from __future__ import annotations

from infra.agent.system import data_places
from infra.agent.system.failure import Failure
from infra.agent.system.layout import UV, App


def check(app: App) -> None:
    """Check that ``prepare`` has made the machine ready.

    Raises:
        Failure: It has not, or its work was undone, or the disk with the app's data is gone; names what is missing.
    """
    if reason := data_places.trouble(app):
        raise Failure(reason)
    for path in (app.settings, UV, app.data):
        if not path.exists():
            raise Failure(f"This machine is not prepared for {app.name} ({path} is missing): run launchpad up.")
