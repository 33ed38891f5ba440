"""Starts the serving release anew, or one of its processes, with the settings that it has."""

from __future__ import annotations

import dataclasses

from infra.agent.build.inventory import Built
from infra.agent.process import slots
from infra.agent.proxy import proxy
from infra.agent.release import caller, generated, lock, serving, specifications
from infra.agent.release.deploy import Deployment
from infra.agent.release.plan import Kind
from infra.agent.release.processes import Processes
from infra.agent.release.record import Record
from infra.agent.release.request import Request
from infra.agent.release.result import Result, result
from infra.agent.release.signals import Signals
from infra.agent.release.workers import Workers
from infra.agent.system import instances, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec

WEB = "web"


def restart(app: App, who: str, process: str = "") -> Result:
    """Start the serving release anew in the other slot, and its other processes.

    Args:
        app: The app.
        who: Who asks, for the history; empty if only the machine can tell.
        process: The only process to restart, or one of its instances (worker.2); empty for all. ``web`` starts anew in
            the other slot, too.

    Returns:
        The result for the workstation.

    Raises:
        Failure: No release is serving, it has no such process, or ``web`` is not healthy; the previous one is still
            serving.
    """
    signals = Signals()
    spec, built = serving.serving(app, "to restart")
    if process:
        _instances(_processes(app, spec, built), process)
    who = who or caller.who(app, built.revision)
    what = f"the restart of {process}" if process else "the restart"
    with lock.deploying(app, who, what, specifications.lock_timeout(app)):
        signals.begin()
        return again(app, who, signals, process)


def again(app: App, who: str, signals: Signals, process: str = "") -> Result:
    """The same for who holds the app's lock, has ``signals`` begun, and says who asks."""
    spec, built = serving.serving(app, "to restart")
    # A restored backup may have brought other generated secrets.
    spec = generated.settled(app, spec)
    request = Request(
        dataclasses.replace(spec, ref="restart", who=who),
        built.revision,
        restart=True,
        only_web=process == WEB,
    )
    if process in ("", WEB):
        return Deployment(request, signals).run()
    return _restart_other(request, built, process)


def _processes(app: App, spec: DeploySpec, built: Built) -> Processes:
    return Processes.of(app, spec, proxy.site(app), built)


def _instances(processes: Processes, process: str) -> tuple[str, ...]:
    """The instances that a name means: all of a process, or one of them; none for ``web``.

    Raises:
        Failure: There is no such process.
    """
    others = list(processes.others())
    found = [each for each in others if process == instances.process(each)]
    found = found or [each for each in others if process == instances.label(each)]
    if not found and process != WEB:
        names = [WEB, *map(instances.label, others)]
        raise Failure(f"There is no process {process}; there are {', '.join(names)}.")
    return tuple(found)


def _restart_other(request: Request, built: Built, process: str) -> Result:
    """Restart a process other than ``web``, and wait until it runs steadily; no other is touched.

    Raises:
        Failure: There is no such process any more.
    """
    app = request.app
    processes = _processes(app, request.spec, built)
    only = _instances(processes, process)
    record = Record(request, built, Kind.RESTART)
    try:
        workers = Workers(app, dataclasses.replace(processes, only=only, fresh=True))
        workers.restart()
        warnings = workers.settle()
    except BaseException as error:
        record.failed(error)
        raise
    for warning in warnings:
        say.step("warning", warning)
    slot = slots.serving(app) or ""
    record.succeeded(built, slot, [f"only the process {process}", *warnings])
    say.step("done", f"restarted {process} of {built.release}")
    return result(built, slot, warnings, changed=True, fresh=False)
