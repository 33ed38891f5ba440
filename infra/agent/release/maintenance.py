"""Closes an app's site for maintenance and opens it again, as a person asks for it, and records who did."""

from __future__ import annotations

import time

from infra.agent.process import launch_file, slots
from infra.agent.proxy import maintenance, pages
from infra.agent.proxy.maintenance import Maintenance
from infra.agent.release import history
from infra.agent.release.history import Event
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol.maintenance import LONGEST, LONGEST_MESSAGE, PATH, Closing

ON, OFF = "on", "off"


def begin(app: App, who: str, message: str, retry_after: int) -> Closing:
    """Close the site.

    Raises:
        Failure: The message is too long, or the time is none.
    """
    if len(message) > LONGEST_MESSAGE:
        raise Failure(f"The message has {len(message)} characters; it may have {LONGEST_MESSAGE}.")
    if not 0 <= retry_after <= LONGEST:
        raise Failure(f"--retry-after is {retry_after}; it must be 0 to {LONGEST} seconds")
    made = maintenance.begin(app, who, message, retry_after)
    _record(app, ON, who, message)
    return _result(app, made, changed=True)


def end(app: App, who: str) -> Closing:
    """Open the site; nothing happens if it is open."""
    before = maintenance.end(app)
    if before:
        _record(app, OFF, who, "")
    return _result(app, None, changed=before is not None)


def show(app: App) -> Closing:
    """Whether the site is closed."""
    return _result(app, maintenance.current(app), changed=False)


def warning(app: App) -> list[str]:
    """What a deployment says of a site that is closed: nobody but the team sees what it has deployed."""
    found = maintenance.current(app)
    return [f"{app.name} is {found.describe()}. To open it: launchpad maintenance off"] if found else []


def _result(app: App, found: Maintenance | None, *, changed: bool) -> Closing:
    return {
        "closed": found is not None,
        "changed": changed,
        "since": found.since if found else None,
        "who": found.who if found else "",
        "message": found.message if found else "",
        "retry_after": found.retry_after if found else 0,
        "path": f"{PATH}/{found.key}" if found else "",
        "page": _own_page(app) if found else "",
    }


def _own_page(app: App) -> str:
    """The page of the release that serves which visitors of a closed site get; empty if it has none."""
    folder = app.static / (slots.serving(app) or "") / pages.FOLDER
    return next((name for name in pages.WHEN_CLOSED if (folder / name).is_file()), "")


def _record(app: App, state: str, who: str, message: str) -> None:
    serving = slots.serving(app)
    launch = launch_file.started(app, serving) if serving else None
    event = Event(
        event="end",
        number=len(history.maintenances(app)) + 1,
        when=time.time(),
        who=who,
        what=f"{history.MAINTENANCE} {state}",
        subject=message,
        release=launch.release if launch else "",
        revision=launch.revision if launch else "",
        result="ok",
    )
    history.append(app.maintenance_history, event)
