"""What people ask about an app: its state, its logs, its settings' names."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypedDict, cast

from infra.agent.build import inventory
from infra.agent.machine import backup_state, condition
from infra.agent.machine.backup_state import Backup
from infra.agent.machine.condition import Condition
from infra.agent.process import launch_file, memory_kills, slots
from infra.agent.process.memory_kills import Kill
from infra.agent.proxy import maintenance, proxy
from infra.agent.release import history, history_table, job_status, lock, read_only, run_history, turns
from infra.agent.release.job_status import ScheduledJob
from infra.agent.services import cache, postgres
from infra.agent.system import data_places, instances, journal, say, systemd
from infra.agent.system.layout import App

SEARCHED_LINES = 300
"""Lines of the serving release's log that are searched for what a person should know."""


class Unit(TypedDict):
    """A unit of systemd: its state, a description of it for people, and the id of its main process (0: none)."""

    state: str
    description: str
    pid: int


class Process(Unit):
    """A process of the app, with the release and the command that it was started with (None: it does not run)."""

    release: str | None
    command: str | None


class Closed(TypedDict):
    """A site that is closed for maintenance: since when (seconds since the epoch), by whom, with which message."""

    since: float
    who: str
    message: str
    retry_after: int


class Status(TypedDict):
    """The state of an app.

    ``machine`` is the machine's condition: updates, a required restart, the clock.
    ``release``, ``revision``, ``subject`` and ``since`` (the time of the switch, in seconds since the epoch) are those
    of what serves, None if nothing does; ``processes`` has each process by its instance, ``jobs`` each scheduled job by
    its name; ``deploying``, ``waiting`` and ``runs`` say who and since when; ``backup`` says how the backups went, None
    without any.
    """

    app: str
    machine: Condition
    release: str | None
    revision: str | None
    subject: str | None
    slot: str | None
    since: float | None
    proxy: Unit
    processes: dict[str, Process]
    jobs: dict[str, ScheduledJob]
    releases: list[str]
    runs: list[str]
    waiting: list[str]
    deploying: str | None
    maintenance: Closed | None
    database: postgres.State | None
    cache: Unit | None
    backup: Backup | None


class Deployed(TypedDict):
    """An entry of the history (see ``history.Entry``), and whether its release is still built, and serves.

    ``kind``: deployment, or run for a command of ``run``, whose ``subject`` is the command, or maintenance, whose
    ``subject`` is the message.
    """

    number: int
    release: str
    revision: str
    subject: str
    when: float
    who: str
    seconds: float | None
    result: str
    reason: str
    what: str
    switched: bool
    switch_time: float | None
    kind: str
    built: bool
    serving: bool


def status(app: App) -> Status:
    """The app's state as plain values.

    Raises:
        Failure: The machine was never prepared for the app.
    """
    proxy.site(app)
    serving = slots.serving(app)
    launch = launch_file.started(app, serving) if serving else None
    ok = [entry for entry in history.entries(app) if entry.served]
    holder = lock.current(app)
    return {
        "app": app.name,
        "machine": condition.condition(),
        "release": launch.release if launch else None,
        "revision": launch.revision if launch else None,
        "subject": next((entry.subject for entry in reversed(ok) if launch and entry.release == launch.release), None),
        "slot": serving,
        "since": _since(ok, launch.release) if launch else None,
        "proxy": _unit(proxy.UNIT),
        "processes": _processes(app),
        "jobs": job_status.jobs(app),
        "releases": [built.release for built in inventory.all_built(app)],
        "runs": [run_history.describe(run) for run in run_history.all_runs(app) if run.result == "running"],
        "waiting": [request.describe() for request in turns.waiting(app)],
        "deploying": holder.describe() if holder and holder.alive() else None,
        "maintenance": _closed(app),
        "database": postgres.state(app),
        "cache": _unit(app.cache_unit) if cache.is_there(app) else None,
        "backup": backup_state.of(app.name),
    }


def _closed(app: App) -> Closed | None:
    found = maintenance.current(app)
    if found is None:
        return None
    return Closed(since=found.since, who=found.who, message=found.message, retry_after=found.retry_after)


def _since(served: Sequence[history.Entry], release: str) -> float | None:
    """When requests were switched to a release last; None if that is not recorded.

    The restart of another process than ``web`` switches nothing, nor does a deployment that renews only those.
    """
    times = (entry.switch_time for entry in reversed(served) if entry.release == release)
    return next((each for each in times if each is not None), None)


def status_text(app: App) -> str:
    """The app's state for people."""
    state = say.redactor.clean_leaves(status(app))
    if state["release"]:
        when = time.localtime(state["since"]) if state["since"] else None
        since = time.strftime(" since %Y-%m-%d %H:%M:%S %Z", when) if when else ""
        lines = [f"{app.name} serves {state['release']} ({state['subject']}){since}"]
    elif state["slot"]:
        lines = [f"{app.name}: slot {state['slot']} should be serving but is not running"]
    else:
        lines = [f"{app.name}: no release is serving yet"]
    if reason := data_places.trouble(app):
        lines.append(reason)
    if closed := maintenance.current(app):
        lines.append(f"{app.name} is {say.redactor.clean(closed.describe())}. To open it: launchpad maintenance off")
    lines.append(f"  {'proxy':12} {state['proxy']['description']}")
    for name, process in state["processes"].items():
        mark = " <- requests" if name == state["slot"] else ""
        lines.append(f"  {name:12} {process['description']}  {process['release'] or ''}{mark}")
    if state["database"]:
        lines.append(f"  {'database':12} {postgres.describe(state['database'])}")
    if state["cache"]:
        lines.append(f"  {'cache':12} {state['cache']['description']}")
    lines += job_status.lines(state["jobs"])
    lines += condition.lines(state["machine"])
    lines += backup_state.lines(state["backup"])
    lines += _remedies(app, state)
    lines += [f"A command is running: {run}" for run in state["runs"]]
    if state["deploying"]:
        lines.append(f"A deployment is under way: {state['deploying']}")
    lines += [f"Waiting for its turn: {request}" for request in state["waiting"]]
    return "\n".join(lines)


def _remedies(app: App, state: Status) -> list[str]:
    """What to do about a serving release that has tried to write among its own files."""
    slot, release = state["slot"], state["release"]
    built = next((built for built in inventory.all_built(app) if built.release == release), None)
    if not slot or not built:
        return []
    tree = read_only.Tree(built.root, app.releases / built.release, built.persist)
    unit = app.unit(slot)
    remedy = tree.hint(journal.tail(unit, systemd.state(unit), lines=SEARCHED_LINES))
    return [f"{unit} has tried to write among its own files. {remedy}"] if remedy else []


def releases_text(app: App, *, runs: bool) -> str:
    """The history as a table; with ``runs``, the commands of ``run`` stand among the deployments."""
    holder = lock.current(app)
    entries = [history.Entry(**say.redactor.clean_leaves(vars(entry))) for entry in _history(app)]
    entries = [entry for entry in entries if runs or entry.kind != history.RUN]
    if not entries:
        return f"{app.name}: no deployment yet"
    return history_table.table(entries, status(app)["release"], running=bool(holder and holder.alive()))


def releases_data(app: App) -> list[Deployed]:
    """The history as plain values, the oldest first."""
    serving = status(app)["release"]
    on_disk = {built.release for built in inventory.all_built(app)}
    return [
        cast(
            "Deployed",
            {
                **vars(entry),
                "kind": entry.kind,
                "built": entry.release in on_disk,
                "serving": entry.release == serving,
            },
        )
        for entry in _history(app)
    ]


def _history(app: App) -> list[history.Entry]:
    """The deployments, and the commands of ``run`` and times of maintenance among them, the oldest first."""
    others = [*history.maintenances(app), *(run.entry() for run in run_history.all_runs(app))]
    return history.merged(history.entries(app), sorted(others, key=lambda entry: entry.when))


def environment_text(app: App) -> str:
    """The names of the app's own variables; values are not shown."""
    serving = slots.serving(app)
    launch = launch_file.started(app, serving) if serving else None
    if launch is None:
        return ""
    return "\n".join(f"{name}{' (secret)' if name in launch.secrets else ''}" for name in sorted(launch.env))


def _processes(app: App) -> dict[str, Process]:
    """Each process by its instance: the slots of web first, then by name and number."""
    found = {*systemd.instances(app.name), *systemd.enabled(app.name)}
    order = sorted(found, key=lambda name: (name not in slots.SLOTS, instances.process(name), instances.number(name)))
    kills = memory_kills.last(app, order)
    return {name: _process(app, name, kills.get(name)) for name in order}


def _process(app: App, name: str, killed: Kill | None) -> Process:
    launch = launch_file.started(app, name)
    unit = _unit(app.unit(name))
    if killed:
        unit["description"] += f"; {killed.describe()}"
    return Process(**unit, release=launch.release if launch else None, command=launch.command if launch else None)


def _unit(name: str) -> Unit:
    state = systemd.state(name)
    description = state.describe() + (" and keeps ending" if state.is_looping() else "")
    return Unit(state=state.active, description=description, pid=state.main_pid)
