"""The kind of machine that is there already: a server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from infra.config.settings import Settings
from infra.machines.firewall import ANYWHERE, Firewall
from infra.machines.kind import Kind
from infra.machines.server import credentials
from infra.machines.server.settings import CHECKS, LATER, ServerKeys

if TYPE_CHECKING:
    from infra.machines.contract import Machine


def launch(_name: str, settings: Settings, firewall: Firewall) -> Machine:
    """Describe the machine; nothing is made. Imports Pulumi only now."""
    import pulumi  # noqa: PLC0415 - late, see above

    from infra.machines.server import host_key, server  # noqa: PLC0415

    keys = settings.of(ServerKeys)
    if problem := lacks(settings) or host_key.problem(keys, pulumi.get_stack()):
        raise pulumi.RunError(problem)
    return server.machine(keys, firewall)


def lacks(settings: Settings) -> str:
    """Why nobody could log in: there is no key."""
    return credentials.problem(os.environ) if settings.of(ServerKeys).uses_agent else ""


KIND = Kind(
    name="server",
    description="a server that you have, reached by SSH (Debian or Ubuntu, root or sudo)",
    keys=ServerKeys,
    checks=CHECKS,
    later=LATER,
    launch=launch,
    launched_by="infra.machines.server.server",
    ssh_cidrs=ANYWHERE,
    ssh_port=lambda settings: settings.of(ServerKeys).port,
    lacks=lacks,
    given=True,
    on_destroy=("delete", "keep"),
    place=lambda settings: {"server.host": settings.of(ServerKeys).host},
)
