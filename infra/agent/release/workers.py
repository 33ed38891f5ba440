"""The other processes of a release (``worker:`` and so on): restarted together, then watched until they are steady."""

from __future__ import annotations

import time

from infra.agent.process import launch_file, memory_kills
from infra.agent.process.launch_file import Launch
from infra.agent.release.processes import Processes
from infra.agent.release.read_only import Tree
from infra.agent.system import files, instances, journal, say, systemd
from infra.agent.system.layout import App
from infra.agent.system.unit_state import UnitState

STEADY = 3.0
"""Seconds after which a restarted process counts as running; importing Django or Celery takes one or two."""
LATE = 1.0
"""Seconds beyond that in which it has to start at all; its predecessor may still be finishing its work."""
LOG_LINES = 10
"""Lines of a process's log that a warning shows."""


class Workers:
    """The processes of one release that are to be restarted."""

    def __init__(self, app: App, processes: Processes) -> None:
        """Restart nothing yet.

        Args:
            app: The app.
            processes: How its processes should run.
        """
        self.app = app
        self.processes = processes
        self.before: dict[str, Launch | None] = {}
        self.began: float | None = None

    def restart(self) -> None:
        """Restart the processes that run differently or not at all. Calling it again does nothing."""
        if self.began is not None:
            return
        wanted = self.processes.others()
        names = self.processes.outdated()
        self.began = time.monotonic()
        self.before = {name: launch_file.read(self.app.launch(name)) for name in names}
        if not names:
            return
        say.step("processes", f"restarting {', '.join(map(instances.label, names))}")
        self._start({name: wanted[name] for name in names})

    def put_back(self) -> None:
        """Undo ``restart``: requests went back to the old release, so its processes run again."""
        for name in (name for name, launch in self.before.items() if launch is None):
            stop(self.app, name)
        former = {name: launch for name, launch in self.before.items() if launch is not None}
        if former:
            say.step("processes", f"restarting {', '.join(map(instances.label, former))} of the old release")
            self._start(former)
        self.before = {}

    def settle(self) -> list[str]:
        """Wait until each restarted process has run steadily or has ended.

        Returns:
            A warning for each that does not run.
        """
        pending = {self.app.unit(name): name for name in self.before}
        troubles = []
        began = self.began or 0
        while pending:
            states = systemd.states(*pending)
            now = time.monotonic()
            for unit, name in list(pending.items()):
                state = states[unit]
                started = state.started_at
                if started < began:
                    if now - began > STEADY + LATE:
                        say.step("processes", f"{instances.label(name)}: its old process is still finishing its work")
                        del pending[unit]
                elif state.has_ended or state.restarts:
                    troubles.append(trouble(self.app, self.processes.tree, name, state))
                    del pending[unit]
                elif now - started >= STEADY:
                    del pending[unit]
            if pending:
                time.sleep(0.1)
        return troubles

    def _start(self, wanted: dict[str, Launch]) -> None:
        changed = [launch_file.write(self.app, name, launch) for name, launch in wanted.items()]
        if any(changed):
            systemd.reload()
        for name in wanted:
            systemd.enable(self.app.unit(name), self.app.template)
        systemd.restart(*map(self.app.unit, wanted), wait=False)


def stop(app: App, name: str) -> None:
    """Stop a process, for good: it does not start after a reboot either."""
    systemd.disable(app.unit(name))
    systemd.stop(app.unit(name), 0)
    files.remove_tree(app.launch(name))


def troubles(app: App, tree: Tree, names: list[str]) -> list[str]:
    """A warning for each process that ends again and again, out of those that a deployment leaves as they are."""
    states = systemd.states(*map(app.unit, names))
    return [trouble(app, tree, name, states[app.unit(name)]) for name in names if states[app.unit(name)].is_looping()]


def trouble(app: App, tree: Tree, name: str, state: UnitState) -> str:
    """The warning for a process that does not run: how it ended, and its last lines."""
    unit = app.unit(name)
    lines = journal.tail(unit, state, lines=LOG_LINES) or journal.tail(unit, lines=LOG_LINES)
    shown = "\n".join(f"  {line}" for line in lines)
    text = f"process {instances.label(name)} is not running: {state.describe()}\n{shown}"
    if killed := memory_kills.last(app, [name]):
        text += f"\n  It {killed[name].why}"
    remedy = tree.remedy(lines)
    if remedy and any("celerybeat-schedule" in line for line in lines):
        remedy = "The files of a release are read-only: start it with celery beat -s $DATA_DIR/schedule."
    return f"{text}\n  {remedy}" if remedy else text
