"""Decides whether the web process may run several workers."""

from __future__ import annotations

from infra.app_model import memory_state, servers
from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol.specs import DeploySpec

VARIABLE = "WEB_CONCURRENCY"


def choose(sources: Sources, modules: list[Module], command: str, spec: DeploySpec) -> tuple[str, tuple[Decision, ...]]:
    """Why there must be one worker only, and the decision that the preview shows.

    Args:
        sources: The app's files.
        modules: The modules that the web process may load.
        command: Its command.
        spec: The settings, which may say how many workers there are.
    """
    started = servers.programs(command)
    if not set(started) & servers.SCALING:
        # Nothing to decide: it is one process, whatever the variable says.
        return f"{' and '.join(started) or 'the command'} is no server that starts workers", ()
    if VARIABLE in {*dict(spec.env), *dict(spec.secrets)}:
        return "", ()
    reason = memory_state.reason(sources, modules)
    return reason, (Decision("workers", "1", reason, f"launchpad:env.{VARIABLE}"),) if reason else ()
