"""What ``pulumi up --json`` prints, in miniature: lines of the shape that CLI 3.274.1 gives them."""

import json
from collections.abc import Mapping
from typing import Any

STACK = "urn:pulumi:dev::launchpad::pulumi:pulumi:Stack::launchpad-dev"
APP = "urn:pulumi:dev::launchpad::launchpad:infra:Deployment::app"


def urn(name: str) -> str:
    """The URN of a command of the deployment."""
    return f"urn:pulumi:dev::launchpad::launchpad:infra:Deployment$command:remote:Command::{name}"


def event(**content: Any) -> str:
    """One line of the stream."""
    return json.dumps({"sequence": 1, "timestamp": 1795707109, **content}) + "\n"


def metadata(name: str, operation: str) -> dict[str, Any]:
    """What an event tells of a resource; its state is in ``old`` where it is deleted, else in ``new``."""
    state = {"type": "command:remote:Command", "urn": urn(name), "custom": True, "outputs": {"stdout": ""}}
    return {
        "op": operation,
        "urn": urn(name),
        "type": "command:remote:Command",
        "old": state,
        "new": None if operation == "delete" else state,
    }


def started(name: str, operation: str = "create") -> str:
    return event(resourcePreEvent={"metadata": metadata(name, operation)})


def finished(name: str, operation: str = "create") -> str:
    return event(resOutputsEvent={"metadata": metadata(name, operation)})


def failed(name: str, operation: str = "create") -> str:
    return event(resOpFailedEvent={"metadata": metadata(name, operation), "status": 0, "steps": 0})


def said(text: str, name: str = "", severity: str = "info", ephemeral: bool = False) -> str:
    where = {"urn": urn(name)} if name else {}
    more = {"ephemeral": True} if ephemeral else {}
    return event(diagnosticEvent={**where, "message": f"{text}\n", "color": "never", "severity": severity, **more})


def progress(name: str, text: str) -> str:
    return said(text, name, ephemeral=True)


def stack(before: Mapping[str, object] | None = None, operation: str = "same", **outputs: object) -> str:
    """The end of the stack itself, with its outputs, and those that it had where there was an update before."""
    state = {"type": "pulumi:pulumi:Stack", "urn": STACK, "outputs": outputs}
    old = None if before is None else {**state, "outputs": before}
    found = {"op": operation, "urn": STACK, "type": "pulumi:pulumi:Stack", "old": old, "new": state}
    return event(resOutputsEvent={"metadata": found})


def summary(result: str = "succeeded", **changes: int) -> str:
    return event(
        summaryEvent={"maybeCorrupt": False, "durationSeconds": 2, "resourceChanges": changes, "result": result}
    )
