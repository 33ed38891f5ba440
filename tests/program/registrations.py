"""Runs a program under Pulumi's mocks and records what it registers, options included."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from tests.program import loops


class Monitor(mocks.MockMonitor):
    """Keeps what the engine is asked for, which mocks alone do not see: options besides the inputs."""

    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.registrations: list[dict[str, Any]] = []

    def RegisterResource(self, request: Any) -> Any:
        """Record the request, then answer it."""
        if request.type != "pulumi:pulumi:Stack":
            self.registrations.append(shown(MessageToDict(request), request.custom))
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def shown(request: dict[str, Any], custom: bool) -> dict[str, Any]:
    """A registration for the eye: inputs without pickled providers, options only where there are some."""
    inputs = {key: value for key, value in request.get("object", {}).items() if key != "__provider"}
    options = {
        "depends_on": sorted(last(urn) for urn in request.get("dependencies", [])),
        "ignore_changes": request.get("ignoreChanges", []),
        "replace_on": request.get("replacementTrigger"),
        "secret_outputs": sorted(request.get("additionalSecretOutputs", [])),
        "deleted_with": last(request.get("deletedWith", "")),
        "protect": request.get("protect", False),
        "delete_before_replace": request.get("deleteBeforeReplace", False),
        "retain_on_delete": request.get("retainOnDelete", False),
        "import": request.get("importId", ""),
        "provider": last(request.get("provider", "").rpartition("::")[0]),
        "timeouts": request.get("customTimeouts", {}) if any(request.get("customTimeouts", {}).values()) else {},
    }
    return {
        "type": request["type"],
        "name": request["name"],
        "parent": last(request.get("parent", "")),
        "inputs": inputs if custom else {},
        "options": {name: value for name, value in options.items() if value},
    }


def last(urn: str) -> str:
    """The name at the end of a URN."""
    return urn.rpartition("::")[2]


def registered(
    program: Callable[[], object], answers: mocks.Mocks, stack: str, *, preview: bool = False
) -> list[dict[str, Any]]:
    """The registrations of a program, in an order that is always the same."""
    monitor = Monitor(answers)
    loop = loops.fresh()
    mocks.set_mocks(answers, project="launchpad", stack=stack, preview=preview, monitor=monitor)
    SETTINGS.outputs.clear()  # a program that failed leaves tasks of its loop, for which the next one would wait
    SETTINGS.rpc_manager.clear()
    set_root_resource(None)  # type: ignore[arg-type]

    def quiet() -> None:
        program()

    async def running() -> None:
        await run_in_stack(quiet)

    loop.run_until_complete(running())
    return sorted(monitor.registrations, key=lambda each: (each["type"], each["name"]))


def as_text(registrations: list[dict[str, Any]]) -> str:
    """A snapshot's text."""
    return json.dumps(registrations, indent=2, sort_keys=True) + "\n"


def one(registrations: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The registration of one of a machine's children, by its name without ``machine-``."""
    (found,) = [each for each in registrations if each["name"] == f"machine-{name}"]
    return found


def names(registrations: list[dict[str, Any]]) -> set[str]:
    """The names of all that was registered."""
    return {each["name"] for each in registrations}
