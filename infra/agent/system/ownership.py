"""Whose an app is: the stack that deploys it. No other stack deploys or removes an app of that name on the machine."""

from __future__ import annotations

from infra.agent.system import files, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import paths


def owner(app: App) -> str:
    """The app's owner, such as ``launchpad/dev``; empty if it has none (see ``foreign``)."""
    return str((files.read_json(app.settings) or {}).get("owner") or "")


def foreign(app: App, asking: str) -> str:
    """The owner that is another than who asks; empty if there is none.

    An app that an earlier version prepared has no owner: the first that prepares it becomes its owner. Who says no name
    claims nothing, as a person does who runs a verb on the machine.
    """
    found = owner(app)
    return found if found and asking and found != asking else ""


def check(app: App, asking: str) -> None:
    """Refuse to prepare an app of somebody else.

    Raises:
        Failure: Says whose it is. Nothing has changed.
    """
    if found := foreign(app, asking):
        raise Failure(
            f"The app {app.name} on this machine is of the stack {found}, and this is {asking}. Choose another name: "
            "pulumi config set launchpad:app NAME. If that stack is gone or has become this one, have the machine "
            f"forget it, and run this again: launchpad ssh -- sudo {paths.AGENT} disown --app {app.name}"
        )


def disown(app: App) -> str:
    """Forget the app's owner, so that the next stack that prepares it becomes that; gives who it was.

    Only for who holds the machine alone.
    """
    recorded = files.read_json(app.settings)
    before = owner(app)
    if recorded and before:
        files.write_json(app.settings, {**recorded, "owner": ""})
    say.step("done", f"{app.name} was of the stack {before}" if before else f"{app.name} has no owner")
    return before
