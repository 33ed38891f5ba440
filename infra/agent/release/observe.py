"""Looks at what is on the machine before a deployment: what plan.py decides by, and what carries its plan out."""

from __future__ import annotations

from dataclasses import dataclass

from infra.agent.build import inventory, persist
from infra.agent.process import launch_file, slots
from infra.agent.proxy.site import Site
from infra.agent.release import history
from infra.agent.release.history import Entry
from infra.agent.release.plan import Facts, Release
from infra.agent.release.processes import Processes
from infra.agent.release.request import Request


@dataclass(frozen=True)
class Observed:
    """What is on the machine.

    Attributes:
        facts: What the plan depends on.
        processes: The built release and how its processes should run; None if it is not built.
        sick: What the serving process answers instead of what is healthy; empty unless the release is sick.
    """

    facts: Facts
    processes: Processes | None = None
    sick: str = ""


def observe(request: Request, site: Site) -> Observed:
    """Look at everything that the plan of a deployment depends on; asks a serving release for its health.

    Raises:
        Failure: The Procfile of the built release cannot be used.
    """
    app, revision = request.app, request.revision
    entries = history.entries(app)
    recreate = request.spec.strategy == "recreate" and slots.serving(app) is not None
    serving = launch_file.serving_release(app)
    fitting = inventory.fitting(app, revision, request.spec)
    fitting.sort(key=lambda each: each.release != serving)  # what serves goes first
    if not fitting:
        deployed = any(entry.revision == revision for entry in _successful(entries))
        return Observed(Facts(Release.ABSENT, restart=request.restart, deployed=deployed, recreate=recreate))
    every = (Processes.of(app, request.spec, site, built) for built in fitting)
    processes = next((each for each in every if request.restart or _is_complete(each)), None)
    if processes is None:
        return Observed(Facts(Release.ABSENT, restart=request.restart, deployed=fitting[0].served))
    built = processes.built
    serves = processes.slot == slots.serving(app)  # see Processes.of
    sick = processes.sick() if serves else ""
    facts = Facts(
        release=Release.IDLE if not serves else Release.SICK if sick else Release.SERVING,
        others_match=serves and processes.others_match(),
        interrupted=_interrupted(entries, revision),
        restart=request.restart,
        only_web=request.only_web,
        served=built.served,
        latest=_latest(entries) == built.release,
        recreate=recreate,
    )
    return Observed(facts, processes, sick)


def _is_complete(processes: Processes) -> bool:
    """Whether a built release has what its plan says; an earlier version built it, or other commands, if it has not."""
    built, plan = processes.built, processes.plan
    return persist.is_linked(built, plan.persist) and built.has_servers(plan.pip)


def _successful(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.result == "ok"]


def _latest(entries: list[Entry]) -> str:
    """The release of the last successful deployment; empty if there is none."""
    return next((entry.release for entry in reversed(_successful(entries))), "")


def _interrupted(entries: list[Entry], revision: str) -> bool:
    """Whether the last deployment of a commit was interrupted."""
    return next((entry.result == "interrupted" for entry in reversed(entries) if entry.revision == revision), False)
